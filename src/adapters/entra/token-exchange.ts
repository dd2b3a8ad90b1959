import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from '@azure/msal-node';
import { type Deadline, deadlineAt } from '../../core/deadline.ts';
import { CallFailed, type Failure, type FailureReason } from '../../core/failure.ts';
import type { Clock } from '../../core/ports.ts';
import { retryDelayMs } from '../../core/retry-delay.ts';
import { Secret } from '../../core/secret.ts';
import { type HttpClient, type OutboundAnswer, RequestFailed } from '../outbound/http-client.ts';
import { isJsonObject, parseJson } from '../outbound/json.ts';
import { retryAfterMs } from '../outbound/retry-after.ts';
import type { ClientCredential } from './client-credential.ts';
import type { Credential } from './credential-files.ts';
import { type EntraTrace, entraTraceOf, failureFromEntra } from './entra-errors.ts';
import { AuthError, ConfidentialClientApplication } from './microsoft-libraries.ts';

export type ExchangeRequest = {
  readonly assertion: Secret;
  readonly tenantId: string;
  /** From the tenant's own metadata. */
  readonly tokenEndpoint: string;
  /** Sent as `client-request-id`. */
  readonly requestId: string;
  /** The call's; `null` where only the exchange's own time counts. */
  readonly deadline: Deadline | null;
};

/** One try that failed; for the log. */
export type FailedTry = EntraTrace & {
  readonly requestId: string;
  readonly tenantId: string;
  readonly reason: FailureReason;
  /** Of Entra's answer; `null` where there was none. */
  readonly status: number | null;
};

/** A token for Graph and when it expires, in milliseconds since the epoch. */
export type GraphToken = { readonly token: Secret; readonly expiresAt: number };

export type TokenExchangeOptions = {
  readonly clientId: string;
  readonly authorityHost: string;
  readonly scope: string;
  readonly http: HttpClient;
  readonly credential: ClientCredential;
  readonly clock: Clock;
  /** A monotonic clock, in milliseconds. */
  readonly monotonic: Clock;
  readonly random: () => number;
  /** For one request to Entra, in milliseconds. */
  readonly timeoutMs: number;
  /** For an exchange with its retries, in milliseconds. */
  readonly deadlineMs: number;
  readonly onFailedTry: (failed: FailedTry) => void;
  /** Our own credential was refused. */
  readonly onCredentialRejected: (
    credential: Credential | null,
    entraCode: number | null,
    call: Pick<ExchangeRequest, 'requestId' | 'tenantId'>,
  ) => void;
};

const maxRetries = 2;

/** How asking Entra went wrong, which MSAL does not pass on. */
type Seen = { failure: Failure | null; defect: { readonly error: unknown } | null };

/** Exchanges an assertion for a Graph token with the on-behalf-of flow, through MSAL. Transient
 *  failures are tried again at most twice within the deadline, which also ends a try that is under way: an
 *  exchange changes nothing. */
export class TokenExchange {
  readonly #options: TokenExchangeOptions;

  constructor(options: TokenExchangeOptions) {
    this.#options = options;
  }

  /** Fails with one of the exchange's reasons. */
  async exchange(request: ExchangeRequest): Promise<GraphToken> {
    const deadline = this.#deadlineOf(request);
    for (let attempt = 0; ; attempt += 1) {
      const result = await this.#tryCredentials(request, deadline);
      if (!('reason' in result)) return result;
      const waitMs = this.#waitBeforeRetry(result, attempt);
      if (waitMs === null || waitMs >= deadline.leftMs()) throw new CallFailed(result);
      await sleep(waitMs);
    }
  }

  #deadlineOf({ deadline }: ExchangeRequest): Deadline {
    const { monotonic, deadlineMs } = this.#options;
    const own = deadlineAt(monotonic() + deadlineMs, monotonic);
    return { leftMs: () => Math.min(own.leftMs(), deadline?.leftMs() ?? Number.POSITIVE_INFINITY) };
  }

  #waitBeforeRetry(failure: Failure, attempt: number): number | null {
    if (attempt >= maxRetries) return null;
    if (failure.reason !== 'identity_unavailable' && failure.reason !== 'identity_throttled') return null;
    return retryDelayMs(attempt, failure.retryAfterMs, this.#options.random());
  }

  /** With the current credential; if Entra refuses that, with the newer or the previous one. If that is refused
   *  too, again with the first: Entra may have learned of it between the two tries. */
  async #tryCredentials(request: ExchangeRequest, deadline: Deadline): Promise<GraphToken | Failure> {
    const { credential, onCredentialRejected } = this.#options;
    const { requestId, tenantId } = request;
    const first = credential.use();
    if (first === null) {
      onCredentialRejected(null, null, { requestId, tenantId });
      return { reason: 'credential_rejected', entraCode: null };
    }
    let used = first;
    let result = await this.#ask(request, used, deadline);
    if (!('reason' in result)) credential.worked(used);
    for (let others = 0; refusesUs(result) && others < 2; others += 1) {
      const other = credential.insteadOf(used);
      if (other === null) break;
      result = await this.#ask(request, other, deadline);
      if (!('reason' in result)) credential.worked(other, { insteadOf: used });
      used = other;
    }
    if (refusesUs(result)) onCredentialRejected(used, result.entraCode, { requestId, tenantId });
    return result;
  }

  /** One request to Entra. Each gets an MSAL application of its own: MSAL's cache is a scan that grows
   *  without bound, mixes up users, and throttles everyone when one user is throttled. MSAL only sees
   *  successful answers; it would drop the claims of most others. */
  async #ask(
    request: ExchangeRequest,
    credential: Credential,
    deadline: Deadline,
  ): Promise<GraphToken | Failure> {
    const { clientId, authorityHost, scope } = this.#options;
    const seen: Seen = { failure: null, defect: null };
    const application = new ConfidentialClientApplication({
      auth: {
        clientId,
        authority: `${authorityHost}/${request.tenantId}`,
        knownAuthorities: [new URL(authorityHost).host],
        authorityMetadata: JSON.stringify({
          issuer: `${authorityHost}/${request.tenantId}/v2.0`,
          authorization_endpoint: `${authorityHost}/${request.tenantId}/oauth2/v2.0/authorize`,
          token_endpoint: request.tokenEndpoint,
          jwks_uri: `${authorityHost}/${request.tenantId}/discovery/v2.0/keys`,
        }),
        clientCapabilities: ['cp1'],
        ...credential.forEndpoint(request.tokenEndpoint),
      },
      system: {
        networkClient: this.#networkClient(request, deadline, seen),
        loggerOptions: { piiLoggingEnabled: false, loggerCallback: () => {} },
      },
    } as Configuration);

    try {
      const result = await application.acquireTokenOnBehalfOf({
        oboAssertion: request.assertion.reveal(),
        scopes: [scope],
        skipCache: true,
        correlationId: request.requestId,
      });
      if (result === null || result.accessToken === '') return nonsense('no access token in the answer');
      return {
        token: new Secret(result.accessToken),
        // Without an expiry it can be used for this call, but not cached.
        expiresAt: result.expiresOn?.getTime() || this.#options.clock(),
      };
    } catch (error) {
      if (seen.defect !== null) throw seen.defect.error;
      if (seen.failure !== null) return seen.failure;
      // MSAL's own errors about a successful status: their code names nobody.
      return nonsense(
        error instanceof AuthError ? `msal: ${error.errorCode}` : `msal: ${(error as Error).name}`,
      );
    }
  }

  #networkClient(request: ExchangeRequest, deadline: Deadline, seen: Seen) {
    const unexpected = async (): Promise<never> => {
      throw new Error('MSAL asked for something else than a token');
    };
    return {
      sendGetRequestAsync: unexpected,
      sendPostRequestAsync: async <Body>(
        url: string,
        options?: { headers?: Record<string, string>; body?: string },
      ): Promise<{ status: number; headers: Record<string, string>; body: Body }> => {
        const answer = await this.#post(url, deadline, request, options).catch((error: unknown) => {
          if (error instanceof RequestFailed) {
            seen.failure = unreachable(error);
            this.#report(request, seen.failure, null);
          } else seen.defect = { error };
          throw error;
        });
        const body = parseTokens(answer);
        if (body === null) {
          seen.failure = this.#failureFrom(answer, request.tenantId);
          this.#report(request, seen.failure, answer);
          throw new Error('Entra refused');
        }
        return { status: answer.status, headers: {}, body: body as Body };
      },
    };
  }

  #post(
    url: string,
    deadline: Deadline,
    { requestId }: ExchangeRequest,
    options?: { headers?: Record<string, string>; body?: string },
  ): Promise<OutboundAnswer> {
    const { timeoutMs, http } = this.#options;
    return http.send({
      method: 'POST',
      url,
      headers: { ...options?.headers, accept: 'application/json', 'client-request-id': requestId },
      body: options?.body ?? '',
      timeoutMs: Math.max(1, Math.min(timeoutMs, deadline.leftMs())),
    });
  }

  #report(
    { requestId, tenantId }: ExchangeRequest,
    { reason }: Failure,
    answer: OutboundAnswer | null,
  ): void {
    const trace = entraTraceOf(answer?.text ?? '');
    this.#options.onFailedTry({ requestId, tenantId, reason, status: answer?.status ?? null, ...trace });
  }

  #failureFrom(answer: OutboundAnswer, tenantId: string): Failure {
    const { authorityHost, clientId, clock } = this.#options;
    return failureFromEntra({
      status: answer.status,
      text: answer.text,
      retryAfterMs: retryAfterMs(answer.headers['retry-after'], clock()),
      tenantId,
      authorityHost,
      clientId,
    });
  }
}

function refusesUs(
  result: GraphToken | Failure,
): result is Extract<Failure, { reason: 'credential_rejected' }> {
  return 'reason' in result && result.reason === 'credential_rejected';
}

function parseTokens(answer: OutboundAnswer): object | null {
  if (answer.status !== 200) return null;
  const body = parseJson(answer.text);
  return isJsonObject(body) && typeof body.access_token === 'string' ? body : null;
}

function unreachable({ code }: RequestFailed): Failure {
  return { reason: 'identity_unavailable', retryAfterMs: null, cause: `token endpoint: ${code}` };
}

function nonsense(cause: string): Failure {
  return { reason: 'identity_unavailable', retryAfterMs: null, cause };
}
