import { z } from 'zod';
import type { Failure } from '../../core/failure.ts';
import { isJsonObject, parseJson } from '../outbound/json.ts';
import { retryAfterMs } from '../outbound/retry-after.ts';

/** What Entra's token endpoint answers when it says no (its `error_description` is never read: text
 *  changes, and it names people and policies). Only `error` must be there. */
const tokenError = z.looseObject({
  error: z.string(),
  error_codes: z.array(z.number()).catch([]),
  claims: z.string().optional().catch(undefined),
});

export type TokenErrorContext = {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
  readonly tenantId: string;
  readonly authorityHost: string;
  readonly clientId: string;
};

/** AADSTS codes by what they mean to us; docs/entra-errors.md is the same table for people, and a test
 *  keeps the two equal. Whatever the code, claims in the answer go to the caller. */
export const entraCodes = {
  /** Signing in again is what helps: the assertion is no good any more, or proves too little. */
  assertion_rejected: [
    50013, 50027, 50072, 50074, 50076, 50078, 50079, 50089, 50132, 50133, 50158, 50173, 53004, 70043, 500131,
    500133, 700082,
  ],
  consent_required: [65001, 65004, 65005, 90094, 90095],
  /** Neither signing in again nor consent helps this user, with this device, from this place. */
  access_blocked: [
    50005, 50020, 50034, 50053, 50055, 50057, 50097, 50105, 50129, 50131, 50144, 53000, 53001, 53002, 53003,
    53009, 53011, 135011, 530003, 530032, 530035,
  ],
  /** Our registration or our credential: no caller can do anything about it. */
  credential_rejected: [
    50012, 70021, 700016, 700021, 700023, 700024, 700027, 700030, 700211, 700212, 700213, 7000112, 7000114,
    7000215, 7000216, 7000218, 7000222,
  ],
  identity_throttled: [50196, 90055],
  identity_unavailable: [90006, 90012, 90024, 90033],
} as const;

type Meaning = keyof typeof entraCodes;

const meanings: ReadonlyMap<number, Meaning> = new Map(
  Object.entries(entraCodes).flatMap(([meaning, codes]) =>
    codes.map((code): [number, Meaning] => [code, meaning as Meaning]),
  ),
);

/** The reason behind a refusal of Entra's token endpoint (its on-behalf-of and AADSTS references):
 *  the numbers decide, then the OAuth error (RFC 6749 5.2), then the status. */
export function failureFromEntra(context: TokenErrorContext): Failure {
  const { status, tenantId } = context;
  const parsed = tokenError.safeParse(parseJson(context.text));
  if (!parsed.success) return withoutOAuthError(context);

  const { error, error_codes: codes, claims } = parsed.data;
  // Whatever else is said: who is told which claims are missing can come back with them.
  if (claims !== undefined && isJsonObject(parseJson(claims))) {
    return { reason: 'claims_required', claims, tenantId };
  }
  // Entra may put a general code before the telling one.
  const known = codes.find((code) => meanings.has(code));
  const meaning = known === undefined ? meaningOf(error, status) : meanings.get(known);
  const entraCode = known ?? codes[0] ?? null;
  switch (meaning) {
    case 'assertion_rejected':
      return { reason: meaning, entraCode, tenantId };
    case 'consent_required':
      return consentRequired(context);
    case 'access_blocked':
      return entraCode === null ? { reason: 'exchange_refused', entraCode } : { reason: meaning, entraCode };
    case 'credential_rejected':
      return { reason: meaning, entraCode };
    case 'identity_throttled':
      return { reason: meaning, retryAfter: usableRetryAfter(context.retryAfter) };
    case 'identity_unavailable':
      return unavailable(
        context,
        `token endpoint answered ${status} AADSTS${entraCode ?? ' without a code'}`,
      );
    default:
      return { reason: 'exchange_refused', entraCode };
  }
}

/** HTML of a gateway's, or nothing: only the status can be believed. */
function withoutOAuthError(context: TokenErrorContext): Failure {
  if (context.status === 429) {
    return { reason: 'identity_throttled', retryAfter: usableRetryAfter(context.retryAfter) };
  }
  return unavailable(context, `token endpoint answered ${context.status} without an OAuth error`);
}

/** For codes that are not in the table: the OAuth error and the status. */
function meaningOf(error: string, status: number): Meaning | undefined {
  if (status === 429) return 'identity_throttled';
  if (status >= 500 || error === 'temporarily_unavailable') return 'identity_unavailable';
  if (error === 'interaction_required') return 'assertion_rejected';
  if (error === 'invalid_client') return 'credential_rejected';
  return undefined;
}

function consentRequired({ authorityHost, tenantId, clientId }: TokenErrorContext): Failure {
  const consentUrl = `${authorityHost}/${tenantId}/adminconsent?client_id=${clientId}`;
  return { reason: 'consent_required', consentUrl };
}

function unavailable({ retryAfter }: TokenErrorContext, cause: string): Failure {
  return { reason: 'identity_unavailable', retryAfter: usableRetryAfter(retryAfter), cause };
}

// It goes on to the caller, so it must be what it says it is.
function usableRetryAfter(value: string | null): string | null {
  return value !== null && retryAfterMs(value, 0) !== null ? value : null;
}
