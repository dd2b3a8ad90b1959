import { z } from 'zod';
import type { Failure, FailureReason } from '../../core/failure.ts';
import { isJsonObject, parseJson } from '../outbound/json.ts';

/** Entra's token endpoint's answer when it refuses (its `error_description` is never read: text
 *  changes, and it names people and policies). Only `error` must be there. */
const tokenError = z.looseObject({
  error: z.string(),
  suberror: z.string().optional().catch(undefined),
  error_codes: z.array(z.number()).catch([]),
  claims: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .optional()
    .catch(undefined),
});

export type TokenErrorContext = {
  readonly status: number;
  readonly text: string;
  /** How long the answer asked us to wait, in milliseconds. */
  readonly retryAfterMs: number | null;
  readonly tenantId: string;
  readonly authorityHost: string;
  readonly clientId: string;
};

/** Who can fix each class of refusal: the caller by signing in again, nobody, an administrator of the
 *  tenant, we, or time. */
type Meaning = Extract<
  FailureReason,
  | 'assertion_rejected'
  | 'access_blocked'
  | 'consent_required'
  | 'tenant_setup_required'
  | 'credential_rejected'
  | 'exchange_misconfigured'
  | 'identity_throttled'
  | 'identity_unavailable'
  | 'exchange_refused'
>;

/** AADSTS codes by what they mean to us. Needed only where `error` and `suberror` are not enough: everything else
 *  is classed by those, as Microsoft advises, since its codes grow. docs/entra-errors.md is the same table for
 *  people, and a test keeps the two equal. */
export const entraCodes = {
  /** Signing in again helps: the assertion is no longer valid, or proves too little. */
  assertion_rejected: [
    50013, 50027, 50055, 50072, 50074, 50076, 50078, 50079, 50089, 50097, 50131, 50132, 50133, 50140, 50144,
    50158, 50173, 53003, 53004, 70000, 70043, 500131, 500133, 530003, 530004, 700082, 700084,
  ],
  /** Neither signing in again nor consent helps this user, with this device, from this place. */
  access_blocked: [
    50005, 50020, 50034, 50053, 50057, 50105, 50129, 53000, 53001, 53002, 53009, 53011, 135011, 530032,
    530034, 530035,
  ],
  /** An administrator of the tenant consents, which also installs us there. */
  consent_required: [65001, 65004, 65005, 90094, 90095, 700016, 7000229],
  /** An administrator of the tenant must do something else: buy licences, or enable us. */
  tenant_setup_required: [500011, 650052, 7000112],
  /** Our credential: no caller can do anything about it. */
  credential_rejected: [
    50012, 70021, 700021, 700023, 700024, 700027, 700030, 700211, 700212, 700213, 7000215, 7000216, 7000218,
    7000222,
  ],
  /** Our registration or our settings: no caller can do anything about it. */
  exchange_misconfigured: [70011, 90002, 900439, 7000114],
  identity_throttled: [50196, 90055],
  identity_unavailable: [50000, 90006, 90012, 90024, 90033, 90036],
} as const satisfies Partial<Record<Meaning, readonly number[]>>;

const meaningOfCode: ReadonlyMap<number, Meaning> = new Map(
  Object.entries(entraCodes).flatMap(([meaning, codes]) =>
    codes.map((code): [number, Meaning] => [code, meaning as Meaning]),
  ),
);

/** `suberror` says more than the `error` it comes with, which is `invalid_grant` or `interaction_required`. */
const meaningOfSuberror: ReadonlyMap<string, Meaning> = new Map([
  ['consent_required', 'consent_required'],
  ['bad_token', 'assertion_rejected'],
  ['token_expired', 'assertion_rejected'],
  ['user_password_expired', 'assertion_rejected'],
  ['basic_action', 'assertion_rejected'],
  ['additional_action', 'assertion_rejected'],
  ['client_mismatch', 'assertion_rejected'],
  ['device_authentication_failed', 'assertion_rejected'],
  // To be shown to the user, says MSAL's reference: nothing they do here and now helps.
  ['message_only', 'access_blocked'],
  ['protection_policy_required', 'access_blocked'],
]);

/** RFC 6749 5.2, and what Entra and OpenID Connect add to it. */
const meaningOfError: ReadonlyMap<string, Meaning> = new Map([
  ['invalid_grant', 'assertion_rejected'],
  ['interaction_required', 'assertion_rejected'],
  ['login_required', 'assertion_rejected'],
  ['consent_required', 'consent_required'],
  ['access_denied', 'access_blocked'],
  ['invalid_client', 'credential_rejected'],
  ['unauthorized_client', 'tenant_setup_required'],
  ['invalid_resource', 'tenant_setup_required'],
  ['invalid_request', 'exchange_misconfigured'],
  ['invalid_scope', 'exchange_misconfigured'],
  ['unsupported_grant_type', 'exchange_misconfigured'],
]);

/** The reason behind a refusal of Entra's token endpoint (its on-behalf-of and AADSTS references; RFC 6749
 *  5.2): claims first, then the codes we know, the status, `suberror`, and `error`. */
export function failureFromEntra(context: TokenErrorContext): Failure {
  const parsed = tokenError.safeParse(parseJson(context.text));
  if (!parsed.success) return withoutOAuthError(context);

  const { error_codes: codes } = parsed.data;
  // First of all: a caller who knows which claims are missing can come back with them.
  const claims = claimsIn(parsed.data.claims);
  if (claims !== null) return { reason: 'claims_required', claims, tenantId: context.tenantId };
  // Entra may list a general code before the specific one.
  const entraCode = codes.find((code) => meaningOfCode.has(code)) ?? codes[0] ?? null;
  return failureOf(meaningOf(parsed.data, entraCode, context.status), entraCode, context);
}

function claimsIn(claims: string | object | undefined): string | null {
  if (typeof claims === 'object') return JSON.stringify(claims);
  return claims !== undefined && isJsonObject(parseJson(claims)) ? claims : null;
}

function meaningOf(
  { error, suberror }: z.infer<typeof tokenError>,
  entraCode: number | null,
  status: number,
): Meaning {
  const known = entraCode === null ? undefined : meaningOfCode.get(entraCode);
  if (known !== undefined) return known;
  if (status === 429) return 'identity_throttled';
  if (status >= 500 || error === 'temporarily_unavailable' || error === 'server_error') {
    return 'identity_unavailable';
  }
  return meaningOfSuberror.get(suberror ?? '') ?? meaningOfError.get(error) ?? 'exchange_refused';
}

function failureOf(reason: Meaning, entraCode: number | null, context: TokenErrorContext): Failure {
  switch (reason) {
    case 'assertion_rejected':
      return { reason, entraCode, tenantId: context.tenantId };
    case 'consent_required':
      return { reason, entraCode, consentUrl: consentUrlOf(context) };
    case 'tenant_setup_required':
      return { reason, entraCode, missing: missingIn(entraCode) };
    case 'access_blocked':
    case 'credential_rejected':
    case 'exchange_misconfigured':
    case 'exchange_refused':
      return { reason, entraCode };
    case 'identity_throttled':
      return { reason, retryAfterMs: context.retryAfterMs };
    case 'identity_unavailable':
      return unavailable(
        context,
        `token endpoint answered ${context.status} AADSTS${entraCode ?? ' without a code'}`,
      );
  }
}

function missingIn(entraCode: number | null): 'licence' | 'enabled_application' | 'unknown' {
  if (entraCode === 7000112) return 'enabled_application';
  return entraCode === 650052 || entraCode === 500011 ? 'licence' : 'unknown';
}

/** What Microsoft's support asks for about a refusal, and what it was; for the log. */
export type EntraTrace = {
  readonly entraTraceId: string | null;
  readonly entraCorrelationId: string | null;
  readonly entraError: string | null;
  readonly entraSuberror: string | null;
  readonly entraCodes: readonly number[];
};

// Ids and codes of an answer from outside go into the log as they are: nothing else passes.
const word = z
  .string()
  .regex(/^[\w.-]{1,64}$/)
  .nullable()
  .catch(null);
const trace = z
  .object({
    trace_id: word,
    correlation_id: word,
    error: word,
    suberror: word,
    error_codes: z.array(z.number()).max(16).catch([]),
  })
  .catch({ trace_id: null, correlation_id: null, error: null, suberror: null, error_codes: [] });

export function entraTraceOf(text: string): EntraTrace {
  const { trace_id, correlation_id, error, suberror, error_codes } = trace.parse(parseJson(text));
  return {
    entraTraceId: trace_id,
    entraCorrelationId: correlation_id,
    entraError: error,
    entraSuberror: suberror,
    entraCodes: error_codes,
  };
}

/** A gateway's HTML, or nothing: only the status can be trusted. */
function withoutOAuthError(context: TokenErrorContext): Failure {
  if (context.status === 429) {
    return { reason: 'identity_throttled', retryAfterMs: context.retryAfterMs };
  }
  return unavailable(context, `token endpoint answered ${context.status} without an OAuth error`);
}

/** Where an administrator consents for the whole tenant, which also installs the application there. */
function consentUrlOf({ authorityHost, tenantId, clientId }: TokenErrorContext): string {
  return `${authorityHost}/${tenantId}/adminconsent?client_id=${clientId}`;
}

function unavailable({ retryAfterMs }: TokenErrorContext, cause: string): Failure {
  return { reason: 'identity_unavailable', retryAfterMs, cause };
}
