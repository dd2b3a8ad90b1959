import { z } from 'zod';
import { ticketPatternFrom } from '../core/operation/policy.ts';
import { Secret } from '../core/secret.ts';
import { type CloudName, clouds } from './clouds.ts';
import { notifications } from './notification-settings.ts';

const cloudNames = Object.keys(clouds) as [CloudName, ...CloudName[]];

// The environment gives strings, the files give numbers and lists: both forms are accepted.
const integer = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
    z
      .int({ error: 'must be a whole number' })
      .min(minimum, `must be at least ${minimum}`)
      .max(maximum, `must be at most ${maximum}`),
  );
const boolean = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean({ error: 'must be true or false' }),
);
const port = integer(0, 65535);
const list = <Item extends z.ZodType>(item: Item, missing = 'must be a list') =>
  z.preprocess(
    (value) =>
      typeof value === 'string'
        ? value
            .split(',')
            .map((part) => part.trim())
            .filter((part) => part !== '')
        : value,
    z.array(item, { error: missing }).min(1, 'must name at least one'),
  );
const guid = z
  .string({ error: 'is required, a GUID' })
  .trim()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'must be a GUID')
  .toLowerCase();
const baseUrl = (protocol: RegExp, message: string) =>
  z
    .string()
    .trim()
    .refine((value) => protocol.test(URL.parse(value)?.protocol ?? ''), message)
    .refine((value) => !/[?#@]/.test(value), 'must have no query, fragment or user')
    .transform((value) => value.replace(/\/+$/, ''));
const httpsUrl = baseUrl(/^https:$/, 'must be an https URL');
const otlpUrl = baseUrl(/^https?:$/, 'must be an http or https URL');
const postgresUrl = z
  .string()
  // `URL` does not know several hosts; the adapter parses them.
  .refine((value) => /^postgres(ql)?:\/\/[^/?#\s]/.test(value), 'must be a postgres:// URL')
  .refine(
    (value) => !/[?&](ssl(mode)?=no-verify|uselibpqcompat=)/i.test(value),
    'must not turn off the verification of TLS',
  )
  .transform((value) => new Secret(value));
// Compared exactly with what browsers send: `null` and patterns match nobody.
const origin = z
  .string()
  .refine(
    (value) => /^https?:[^*]+$/.test(value) && URL.parse(value)?.origin === value,
    'must be origins as browsers send them: scheme, host and port, such as https://portal.example.com',
  );
// A delegated permission of another cloud's Graph, or all that were consented to (`/.default`).
const graphScope = z
  .string()
  .trim()
  .regex(/^https:\/\/[^\s?#@]+\/[\w.]+$/, 'must be a scope of Graph, such as https://graph.example/.default');
const path = z.string().min(1);
const name = z.string().min(1);

const server = z.strictObject({
  host: name.nullable(),
  port,
  managementPort: port,
  trustProxyHops: integer(0, 10),
  docs: z.boolean(),
  corsAllowedOrigins: list(origin)
    .nullable()
    .transform((origins) => origins ?? []),
  tls: z
    .strictObject({ certFile: path.nullable(), keyFile: path.nullable() })
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
  tlsPollMs: integer(1),
  requestTimeoutMs: integer(100),
  answerMs: integer(1000),
  drainMs: integer(0),
  shutdownMs: integer(0),
  tidyMs: integer(0),
});

const entra = z.strictObject({
  cloud: z.enum(cloudNames, { error: `must be one of ${cloudNames.join(', ')}` }).nullable(),
  authorityHost: httpsUrl.nullable(),
  tenantId: guid,
  allowedTenantIds: list(guid).nullable(),
  clientId: guid,
  audiences: list(name).nullable(),
  requiredScope: name,
  allowedClientIds: list(guid, 'is required: the client ids of the portals that may call'),
  guestsAllowed: z.boolean(),
  agentsAllowed: z.boolean(),
  clockSkewSeconds: integer(1, 600),
  roles: z.strictObject({ read: name, disconnect: name, approve: name, audit: name }),
  signingKeys: z.strictObject({
    timeoutMs: integer(1),
    refreshMs: integer(1),
    unknownKeyRefetchMs: integer(0),
    maxAgeMs: integer(1),
  }),
  credential: z.strictObject({
    federatedTokenFile: path.nullable(),
    certificatePath: path.nullable(),
    secretFile: path.nullable(),
    secret: z
      .string()
      .min(1)
      .nullable()
      .transform((value) => (value === null ? null : new Secret(value))),
  }),
  exchange: z.strictObject({ cacheSize: integer(1), timeoutMs: integer(1), deadlineMs: integer(1) }),
});

const graph = z.strictObject({
  baseUrl: httpsUrl.nullable(),
  scope: graphScope.nullable(),
  timeoutMs: integer(1),
});

/** The settings that choose the cloud, checked together. */
export const cloudSettings = z.object({
  entra: entra.pick({ cloud: true, authorityHost: true }).strip(),
  graph: graph.pick({ baseUrl: true, scope: true }).strip(),
});

const pattern = z.string().transform((value, context) => {
  try {
    return ticketPatternFrom(value);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a regular expression' });
    return z.NEVER;
  }
});
const policy = z.strictObject({
  reasonRequired: z.boolean(),
  ticketRequired: z.boolean(),
  ticketPattern: pattern.nullable(),
  stepUp: z
    .string()
    .regex(/^c\d{1,2}$/, 'must be an authentication context id such as c1')
    .nullable(),
  approvalRequired: z.boolean(),
  idempotencyKeyRequired: z.boolean(),
  ifMatchRequired: z.boolean(),
  intuneApproval: z.enum(['auto', 'never']),
});

const disconnect = z.strictObject({
  leaseMs: integer(1),
  settleAfterMs: integer(1),
  approvalMs: integer(1),
  watchEveryMs: integer(0),
  idempotencyMs: integer(1),
  sweepMs: integer(1),
  policy,
  tenants: z.record(guid, policy.partial()),
});

const limits = z.strictObject({
  callerPerMinute: integer(0),
  addressPerMinute: integer(0),
  maxConcurrentRequests: integer(1),
});

export const database = z
  .strictObject({
    urlFile: path.nullable(),
    url: postgresUrl.nullable(),
    adminUrlFile: path.nullable(),
    adminUrl: postgresUrl.nullable(),
    poolSize: integer(1, 1000),
    connectTimeoutMs: integer(1),
    vitalSignsMs: integer(1),
  })
  .transform(({ urlFile, url, adminUrlFile, adminUrl, ...rest }, context) => {
    const service = sourceOf(urlFile, url);
    if (service !== null) return { ...rest, url: service, adminUrl: sourceOf(adminUrlFile, adminUrl) };
    context.addIssue({
      code: 'custom',
      path: ['url'],
      message: 'is required, a postgres:// URL, unless DATABASE_URL_FILE names a file with one',
    });
    return z.NEVER;
  });

/** Where a secret is: it itself, or a file that holds it, which takes precedence. */
export type SecretSource = { readonly value: Secret } | { readonly file: string };

function sourceOf(file: string | null, value: Secret | null): SecretSource | null {
  if (file !== null) return { file };
  return value === null ? null : { value };
}

export const audit = z.strictObject({
  signingKeyFile: path.nullable(),
  earlierKeysFile: path.nullable(),
  outsideCheckpointsFile: path.nullable(),
  lateMs: integer(1),
  writeTimeoutMs: integer(1),
  checkpointMs: integer(1),
  rejectedSignIns: integer(0),
  rejectedSignInsPerMinute: z.strictObject({ perAddress: integer(0), overAll: integer(0) }),
  keepNames: z.boolean(),
  stdout: boolean,
});

/** Every setting: what it may be, and what it becomes. Others are refused: a misspelled limit or policy would
 *  otherwise silently not apply. A message follows the setting's name and never repeats the value. */
export const settingsSchema = z.strictObject({
  server,
  entra,
  graph,
  database,
  disconnect,
  limits,
  audit,
  notifications,
  tracing: z.strictObject({ endpoint: otlpUrl.nullable() }),
  log: z.strictObject({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'must be one of trace, debug, info, warn, error, fatal, silent',
    }),
    maxWaiting: integer(65_536),
  }),
});
