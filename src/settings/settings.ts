import { z } from 'zod';
import { Secret } from '../core/secret.ts';
import { chooseCloud } from './clouds.ts';
import { merge, readConfigFile, readConfigFiles } from './config-files.ts';
import { SettingsError } from './settings-error.ts';
import { problemsOfFiles } from './settings-files.ts';
import { audit, cloudSettings, database, settingsSchema } from './settings-schema.ts';

type Raw = {
  server?: { corsAllowedOrigins?: unknown; tls?: { certFile?: string | null; keyFile?: string | null } };
  audit?: { signingKeyFile?: string | null; earlierKeysFile?: string | null };
  disconnect?: { leaseMs?: unknown };
  graph?: { timeoutMs?: unknown };
  entra?: { credential?: Record<string, unknown> };
};
type Environment = Readonly<Record<string, string | undefined>>;

/** Everything the service needs to know, from config/ and the environment, checked, completed with
 *  what follows from it, and frozen. Throws `SettingsError`. */
export function loadSettings(environment: Environment = process.env) {
  const production = environment.NODE_ENV === 'production';
  const { raw, nameOf } = read(environment);
  const proxy = {
    https: environment.HTTPS_PROXY || environment.https_proxy || null,
    exceptions: environment.NO_PROXY || environment.no_proxy || null,
  };
  const parsed = settingsSchema.safeParse(raw);
  const cloud = readCloud(raw);
  const problems = [
    ...(parsed.success ? [] : problemsOf(parsed.error, nameOf)),
    ...(cloud !== null && 'problems' in cloud ? cloud.problems : []),
    ...problemsAcross(raw, production, proxy.https),
    ...problemsOfFiles({
      certFile: raw.server?.tls?.certFile ?? null,
      keyFile: raw.server?.tls?.keyFile ?? null,
      signingKeyFile: raw.audit?.signingKeyFile ?? null,
      earlierKeysFile: raw.audit?.earlierKeysFile ?? null,
    }),
  ].sort();
  if (!parsed.success || cloud === null || 'problems' in cloud || problems.length > 0) {
    throw new SettingsError(problems);
  }

  const settings = parsed.data;
  const { tenantId, clientId } = settings.entra;
  return deepFreeze({
    ...settings,
    production,
    entra: {
      ...settings.entra,
      authorityHost: cloud.authorityHost,
      signInHosts: cloud.signInHosts,
      cloudName: cloud.instanceName,
      allowedTenantIds: settings.entra.allowedTenantIds ?? [tenantId],
      audiences: settings.entra.audiences ?? [clientId, `api://${clientId}`],
    },
    graph: {
      ...settings.graph,
      baseUrl: cloud.graphBaseUrl,
      scope: cloud.scope,
    },
    proxy,
  });
}

export type Settings = ReturnType<typeof loadSettings>;

/** What a command-line program that only uses the database needs to know: DATABASE_URL and
 *  DATABASE_ADMIN_URL. Throws `SettingsError`. */
export function loadDatabaseSettings(environment: Environment = process.env) {
  return deepFreeze(parse(z.object({ database }), environment).database);
}

/** What retention needs for a report: the database, and a signing key where there is one. Throws `SettingsError`. */
export function loadRetentionSettings(environment: Environment = process.env) {
  const settings = parse(z.object({ database, audit }), environment);
  const { url, adminUrl } = settings.database;
  return { adminUrl: adminUrl ?? url, signingKeyFile: settings.audit.signingKeyFile };
}

/** The same for programs that sign. Throws `SettingsError`, also without AUDIT_SIGNING_KEY_FILE. */
export function loadSigningSettings(environment: Environment = process.env) {
  const { adminUrl, signingKeyFile } = loadRetentionSettings(environment);
  if (signingKeyFile === null) {
    throw new SettingsError([
      'AUDIT_SIGNING_KEY_FILE is required: what is removed is stated under a signature',
    ]);
  }
  return { adminUrl, signingKeyFile };
}

/** The part of the settings that a schema asks for. Throws `SettingsError`. */
function parse<Schema extends z.ZodType>(schema: Schema, environment: Environment): z.infer<Schema> {
  const { raw, nameOf } = read(environment);
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw new SettingsError(problemsOf(parsed.error, nameOf));
  return parsed.data;
}

/** The files of config/ merged (default, then NODE_ENV's, then local), with the environment on top. */
function read(environment: Environment) {
  const names = new Map<string, string>();
  const given = substitute(readConfigFile('custom-environment-variables'), environment, [], names);
  const raw = merge(readConfigFiles(environment.NODE_ENV ?? 'development'), given);
  return { raw: raw as Raw, nameOf: (key: string) => names.get(key) ?? key };
}

/** `null` if a single key is wrong, which is reported by itself. */
function readCloud(raw: Raw): ReturnType<typeof chooseCloud> | null {
  const parsed = cloudSettings.safeParse(raw);
  if (!parsed.success) return null;
  const { entra, graph } = parsed.data;
  return chooseCloud({ ...entra, graphBaseUrl: graph.baseUrl, scope: graph.scope });
}

/** What involves several keys; checked apart, so that one run reports everything. */
function problemsAcross(raw: Raw, production: boolean, httpsProxy: string | null): string[] {
  const problems: string[] = [];
  if (Object.values(raw.entra?.credential ?? {}).every((value) => value === null)) {
    problems.push(
      'one of AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_CERTIFICATE_PATH, AZURE_CLIENT_SECRET_FILE or AZURE_CLIENT_SECRET is required',
    );
  }
  // Anyone on the network path could put a script into a page that came without TLS.
  if (
    production &&
    /http:\/\/(?!(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(,|\s|$))/.test(
      String(raw.server?.corsAllowedOrigins),
    )
  ) {
    problems.push('CORS_ALLOWED_ORIGINS must be https origins in production, localhost apart');
  }
  if (Number(raw.disconnect?.leaseMs) <= Number(raw.graph?.timeoutMs) + 1000) {
    problems.push('disconnect.leaseMs must be more than a second longer than graph.timeoutMs');
  }
  if (httpsProxy !== null && !/^https?:$/.test(URL.parse(httpsProxy)?.protocol ?? '')) {
    problems.push('HTTPS_PROXY must be an http:// or https:// URL');
  }
  return problems;
}

/** The map of variable names with their values in place of the names, where they have one; the names
 *  are collected by key. */
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

/** What is wrong, each with the name under which the operator knows it. */
export function problemsOf(error: z.ZodError, nameOf: (key: string) => string): string[] {
  const problems = error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `${keyOf([...issue.path, key])} is not a setting`)
      : [`${nameOf(keyOf(issue.path))} ${issue.message}`],
  );
  return [...new Set(problems)];
}

/** A list's value is reported under the list's own name; where a list has maps in it, under theirs. */
function keyOf(path: readonly PropertyKey[]): string {
  const named = path.slice(0, path.findLastIndex((part) => typeof part === 'string') + 1);
  return named.reduce<string>(
    (key, part) => (typeof part === 'number' ? `${key}[${part}]` : `${key}${key && '.'}${String(part)}`),
    '',
  );
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !(value instanceof Secret) && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
