/** One of Microsoft's clouds: where people sign in, where Graph is, and which scope we ask for. */
export type Cloud = {
  readonly authorityHost: string;
  readonly graphBaseUrl: string;
  readonly scope: string;
  /** The hosts, besides the authority's, that are known to be its own for signing in. */
  readonly signInHosts: readonly string[];
  /** `cloud_instance_name`, as metadata and signing keys give it; `null` for a cloud that is not named here. */
  readonly instanceName: string | null;
};

const permission = 'DeviceManagementConfiguration.ReadWrite.All';
const named = (login: string, graph: string, instanceName: string, more: readonly string[]): Cloud => ({
  authorityHost: `https://${login}`,
  graphBaseUrl: `https://${graph}/beta`,
  scope: `https://${graph}/${permission}`,
  signInHosts: [login, ...more],
  instanceName,
});

/** The clouds that `CLOUD` names. */
export const clouds = {
  global: named('login.microsoftonline.com', 'graph.microsoft.com', 'microsoftonline.com', [
    'login.windows.net',
    'login.microsoft.com',
    'sts.windows.net',
  ]),
  usgov: named('login.microsoftonline.us', 'graph.microsoft.us', 'microsoftonline.us', [
    'login.usgovcloudapi.net',
  ]),
  usgovdod: named('login.microsoftonline.us', 'dod-graph.microsoft.us', 'microsoftonline.us', [
    'login.usgovcloudapi.net',
  ]),
  china: named('login.chinacloudapi.cn', 'microsoftgraph.chinacloudapi.cn', 'partner.microsoftonline.cn', [
    'login.partner.microsoftonline.cn',
    'sts.chinacloudapi.cn',
  ]),
} as const satisfies Record<string, Cloud>;

export type CloudName = keyof typeof clouds;

/** What the settings say about the cloud; `null` if nothing. */
export type CloudSettings = {
  readonly cloud: CloudName | null;
  readonly authorityHost: string | null;
  readonly graphBaseUrl: string | null;
  readonly scope: string | null;
};

const variables = {
  authorityHost: 'AZURE_AUTHORITY_HOST',
  graphBaseUrl: 'GRAPH_BASE_URL',
  scope: 'GRAPH_SCOPE',
} as const;
const together = `${variables.authorityHost}, ${variables.graphBaseUrl} and ${variables.scope}`;

/** The cloud that settings mean, or what is wrong with them. A named cloud may be given its own addresses (the
 *  webhook of Azure Workload Identity sets `AZURE_AUTHORITY_HOST`); any other is given by all three. A mix
 *  of two would send our credential, or people's tokens, to the wrong place. */
export function chooseCloud(settings: CloudSettings): Cloud | { readonly problems: readonly string[] } {
  const name = settings.cloud ?? 'global';
  const cloud: Cloud = clouds[name];
  const given = {
    authorityHost: settings.authorityHost,
    graphBaseUrl: settings.graphBaseUrl,
    scope: settings.scope,
  };
  const keys = Object.keys(given) as (keyof typeof given)[];
  const foreign = keys.filter((key) => given[key] !== null && !belongsTo(cloud, key, given[key]));
  if (foreign.length === 0) {
    return {
      ...cloud,
      authorityHost: given.authorityHost ?? cloud.authorityHost,
      graphBaseUrl: given.graphBaseUrl ?? cloud.graphBaseUrl,
    };
  }
  if (settings.cloud !== null) {
    const of = foreign.map((key) => variables[key]).join(' and ');
    return {
      problems: [`${of}: not of the cloud ${name}. For another cloud, unset CLOUD and set ${together}`],
    };
  }
  const missing = keys.filter((key) => given[key] === null);
  if (missing.length > 0) {
    return {
      problems: missing.map(
        (key) =>
          `${variables[key]} is required: a cloud that CLOUD does not name is given by ${together} together`,
      ),
    };
  }
  return otherCloud(given as { [Key in keyof typeof given]: string });
}

function belongsTo(cloud: Cloud, key: keyof typeof variables, value: string): boolean {
  switch (key) {
    case 'authorityHost':
      return cloud.signInHosts.some((host) => value === `https://${host}`);
    case 'graphBaseUrl':
      return value.startsWith(`${new URL(cloud.graphBaseUrl).origin}/`);
    case 'scope':
      return value === cloud.scope;
  }
}

function otherCloud(given: Pick<Cloud, 'authorityHost' | 'graphBaseUrl' | 'scope'>): Cloud {
  // Graph may be a stand-in while people sign in where they always do.
  const known: readonly Cloud[] = Object.values(clouds);
  const home = known.find((cloud) => belongsTo(cloud, 'authorityHost', given.authorityHost));
  return { ...given, signInHosts: home?.signInHosts ?? [], instanceName: home?.instanceName ?? null };
}
