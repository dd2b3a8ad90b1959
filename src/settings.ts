import { fileURLToPath } from 'node:url';
import { Load, Util } from 'config/lib/util.js';
import { z } from 'zod';
import { Secret } from './core/secret.ts';

/** The hosts of Microsoft's clouds. `graphHost` also names the resource whose scope we ask for. */
const clouds = {
  global: { authorityHost: 'https://login.microsoftonline.com', graphHost: 'https://graph.microsoft.com' },
  usgov: { authorityHost: 'https://login.microsoftonline.us', graphHost: 'https://graph.microsoft.us' },
  usgovdod: {
    authorityHost: 'https://login.microsoftonline.us',
    graphHost: 'https://dod-graph.microsoft.us',
  },
  china: {
    authorityHost: 'https://login.chinacloudapi.cn',
    graphHost: 'https://microsoftgraph.chinacloudapi.cn',
  },
} as const;

const configDirectory = fileURLToPath(new URL('../config', import.meta.url));

// The environment gives strings, the files give numbers and lists: both spellings are accepted.
const integer = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  z.coerce
    .number({ error: 'must be a whole number' })
    .int('must be a whole number')
    .min(minimum, `must be at least ${minimum}`)
    .max(maximum, `must be at most ${maximum}`);
const port = integer(0, 65535);
const list = <Item extends z.ZodType>(item: Item) =>
  z.preprocess(
    (value) =>
      typeof value === 'string'
        ? value
            .split(',')
            .map((part) => part.trim())
            .filter((part) => part !== '')
        : value,
    z.array(item).min(1, 'must name at least one'),
  );
const guid = z
  .string({ error: 'is required, a GUID' })
  .trim()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'must be a GUID')
  .toLowerCase();
const httpsUrl = z
  .string()
  .trim()
  .refine((value) => URL.parse(value)?.protocol === 'https:', 'must be an https URL')
  .refine((value) => !/[?#@]/.test(value), 'must have no query, fragment or user')
  .transform((value) => value.replace(/\/+$/, ''));
const postgresUrl = z
  .string({ error: 'is required, a postgres:// URL' })
  .refine((value) => /^postgres(ql)?:$/.test(URL.parse(value)?.protocol ?? ''), 'must be a postgres:// URL')
  .transform((value) => new Secret(value));
const path = z.string().min(1);
const name = z.string().min(1);

const server = z.object({
  port,
  managementPort: port,
  trustProxyHops: integer(0, 10),
  tls: z
    .object({ certFile: path.nullable(), keyFile: path.nullable() })
    .transform(({ certFile, keyFile }, context) => {
      if (certFile !== null && keyFile !== null) return { certFile, keyFile };
      if (certFile === null && keyFile === null) return null;
      const missing = certFile === null ? 'certFile' : 'keyFile';
      context.addIssue({
        code: 'custom',
        path: [missing],
        message: 'is required when its counterpart is set',
      });
      return z.NEVER;
    }),
  drainMs: integer(0),
  shutdownMs: integer(0),
});

const entra = z.object({
  cloud: z.enum(['global', 'usgov', 'usgovdod', 'china'], {
    error: 'must be one of global, usgov, usgovdod, china',
  }),
  authorityHost: httpsUrl.nullable(),
  tenantId: guid,
  allowedTenantIds: list(guid).nullable(),
  clientId: guid,
  audiences: list(name).nullable(),
  requiredScope: name,
  allowedClientIds: list(guid).nullable(),
  guestsAllowed: z.boolean(),
  clockSkewSeconds: integer(1, 600),
  roles: z.object({ read: name, disconnect: name, approve: name, audit: name }),
  signingKeys: z.object({
    timeoutMs: integer(1),
    refreshMs: integer(1),
    unknownKeyRefetchMs: integer(0),
    maxAgeMs: integer(1),
  }),
  credential: z.object({
    federatedTokenFile: path.nullable(),
    certificatePath: path.nullable(),
    secretFile: path.nullable(),
    secret: z
      .string()
      .min(1)
      .nullable()
      .transform((value) => (value === null ? null : new Secret(value))),
  }),
  exchange: z.object({ cacheSize: integer(1), timeoutMs: integer(1), deadlineMs: integer(1) }),
});

const graph = z.object({ baseUrl: httpsUrl.nullable(), timeoutMs: integer(1) });

const database = z.object({
  url: postgresUrl,
  adminUrl: postgresUrl.nullable(),
  poolSize: integer(1, 1000),
  connectTimeoutMs: integer(1),
});

const everything = z.object({
  server,
  entra,
  graph,
  database,
  audit: z.object({ writeTimeoutMs: integer(1) }),
  log: z.object({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'must be one of trace, debug, info, warn, error, fatal, silent',
    }),
  }),
});

type Raw = { entra?: { credential?: Record<string, unknown>; allowedClientIds?: unknown } };
type Environment = Readonly<Record<string, string | undefined>>;

/** Raised when settings are missing or wrong: `complaints` has all of them at once, each naming the
 *  environment variable (or the key in config/) and never the value. */
export class SettingsError extends Error {
  readonly complaints: readonly string[];

  constructor(complaints: readonly string[]) {
    super(`The settings are not usable:\n${complaints.map((complaint) => `  - ${complaint}`).join('\n')}`);
    this.name = 'SettingsError';
    this.complaints = complaints;
  }
}

/** Everything the service needs to know, from config/ and the environment, checked, completed with
 *  what follows from it, and frozen. Throws `SettingsError`. */
export function loadSettings(environment: Environment = process.env) {
  const production = environment.NODE_ENV === 'production';
  const { raw, nameOf } = read(environment);
  const parsed = everything.safeParse(raw);
  const complaints = [
    ...(parsed.success ? [] : complaintsOf(parsed.error, nameOf)),
    ...complaintsAcross(raw, production),
  ].sort();
  if (!parsed.success || complaints.length > 0) throw new SettingsError(complaints);

  const settings = parsed.data;
  const cloud = clouds[settings.entra.cloud];
  const { tenantId, clientId } = settings.entra;
  return deepFreeze({
    ...settings,
    production,
    entra: {
      ...settings.entra,
      authorityHost: settings.entra.authorityHost ?? cloud.authorityHost,
      allowedTenantIds: settings.entra.allowedTenantIds ?? [tenantId],
      audiences: settings.entra.audiences ?? [clientId, `api://${clientId}`],
    },
    graph: {
      ...settings.graph,
      baseUrl: settings.graph.baseUrl ?? `${cloud.graphHost}/beta`,
      // Follows the cloud alone: a proxy or a stand-in at GRAPH_BASE_URL is not another resource.
      scope: `${cloud.graphHost}/DeviceManagementConfiguration.ReadWrite.All`,
    },
    proxy: {
      https: environment.HTTPS_PROXY ?? environment.https_proxy ?? null,
      exceptions: environment.NO_PROXY ?? environment.no_proxy ?? null,
    },
  });
}

export type Settings = ReturnType<typeof loadSettings>;

/** What a command-line program that only uses the database needs to know: DATABASE_URL and
 *  DATABASE_ADMIN_URL. Throws `SettingsError`. */
export function loadDatabaseSettings(environment: Environment = process.env) {
  const { raw, nameOf } = read(environment);
  const parsed = z.object({ database }).safeParse(raw);
  if (!parsed.success) throw new SettingsError(complaintsOf(parsed.error, nameOf));
  return deepFreeze(parsed.data.database);
}

/** The files of config/ merged (default, then NODE_ENV's, then local), with the environment on top. */
function read(environment: Environment) {
  const load = new Load({
    ...Load.fromEnvironment(environment.NODE_ENV ?? 'development').options,
    configDir: configDirectory,
  });
  Util.loadFileConfigs(load);
  const names = new Map<string, string>();
  load.loadFile(`${configDirectory}/custom-environment-variables.yaml`, (map: object) =>
    substitute(map, environment, [], names),
  );
  return { raw: load.config as Raw, nameOf: (key: string) => names.get(key) ?? key };
}

/** What no single key can be blamed for; looked at apart, so that one run complains of everything. */
function complaintsAcross(raw: Raw, production: boolean): string[] {
  const complaints: string[] = [];
  if (Object.values(raw.entra?.credential ?? {}).every((value) => value === null)) {
    complaints.push(
      'one of AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_CERTIFICATE_PATH, AZURE_CLIENT_SECRET_FILE or AZURE_CLIENT_SECRET is required',
    );
  }
  if (production && raw.entra?.allowedClientIds === null) {
    complaints.push(
      'ALLOWED_CLIENT_IDS is required in production: the client ids of the portals that may call',
    );
  }
  return complaints;
}

/** The map of variable names with their values in place of the names, where they have one; the names
 *  are noted by key on the way. (The library's own substitution reads only `process.env`.) */
function substitute(
  map: object,
  environment: Environment,
  path: readonly string[],
  names: Map<string, string>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(map)) {
    const here = [...path, key];
    if (typeof entry !== 'string') {
      values[key] = substitute(entry, environment, here, names);
      continue;
    }
    names.set(here.join('.'), entry);
    const value = environment[entry];
    if (value !== undefined && value !== '') values[key] = value;
  }
  return values;
}

function complaintsOf(error: z.ZodError, nameOf: (key: string) => string): string[] {
  const complaints = error.issues.map((issue) => {
    // A list's item is complained of under the list's own name.
    const key = issue.path.filter((part) => typeof part === 'string').join('.');
    return `${nameOf(key)} ${issue.message}`;
  });
  return [...new Set(complaints)];
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !(value instanceof Secret) && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
