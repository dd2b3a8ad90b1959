import type { Endpoint } from './calls.ts';
import { EntraError, entraErrorReply, traceOf } from './entra-error.ts';
import { codeForStatus, type GraphErrorShape, graphErrorReply, graphTraceOf } from './graph-error.ts';
import { intuneApprovalReply } from './intune-approval.ts';
import type { JsonObject } from './jwt.ts';
import type { Received, Reply } from './reply.ts';

/** What an endpoint does instead of, or on top of, its usual answer. */
export type Fault = {
  status?: number;
  body?: string;
  contentType?: string;
  headers?: Record<string, string>;
  retryAfter?: string;
  /** Milliseconds before answering. Alone, it delays the usual answer: what is done is done at once. */
  delayMs?: number;
  /** Destroys the socket instead of answering. */
  reset?: boolean;
  /** Never answers. */
  hang?: boolean;
  /** 200 with JSON that breaks off. */
  malformed?: boolean;
  /** The claims as JSON: an interaction_required error at 'token', a CAE challenge at Graph. */
  claimsChallenge?: string;
  entraError?: { code: number; error?: string; suberror?: string; claims?: string };
  graphError?: GraphErrorShape;
  /** Intune's Multi Admin Approval: it demands a justification, has filed a request, or has one waiting. */
  intuneApproval?: 'required' | 'filed' | 'pending';
  /** Disconnect only: the connection is really removed although the answer fails. Default false. */
  applies?: boolean;
  /** Switches itself off after so many calls. */
  times?: number;
  /** Only for calls of this tenant. */
  tenantId?: string;
};

const entraEndpoints: readonly Endpoint[] = ['metadata', 'keys', 'token'];

/** The faults switched on: for each endpoint one for everybody and one for each tenant. */
export class FaultBoard {
  readonly #faults = new Map<string, { endpoint: Endpoint; fault: Fault; left: number }>();

  /** `null` switches off every fault of the endpoint. */
  set(endpoint: Endpoint, fault: Fault | null): void {
    if (fault) {
      const left = fault.times ?? Number.POSITIVE_INFINITY;
      this.#faults.set(`${endpoint} ${fault.tenantId ?? ''}`, { endpoint, fault, left });
      return;
    }
    for (const [key, entry] of this.#faults) {
      if (entry.endpoint === endpoint) this.#faults.delete(key);
    }
  }

  clear(): void {
    this.#faults.clear();
  }

  list(): { endpoint: Endpoint; fault: Fault; timesLeft?: number }[] {
    return [...this.#faults.values()].map(({ endpoint, fault, left }) => ({
      endpoint,
      fault,
      ...(Number.isFinite(left) ? { timesLeft: left } : {}),
    }));
  }

  /** The fault that meets this call; a tenant's own comes before the one for everybody. */
  take(endpoint: Endpoint, tenantId: string | undefined): Fault | undefined {
    for (const key of [`${endpoint} ${tenantId ?? ''}`, `${endpoint} `]) {
      const entry = this.#faults.get(key);
      if (!entry) continue;
      entry.left -= 1;
      if (entry.left <= 0) this.#faults.delete(key);
      return entry.fault;
    }
    return undefined;
  }
}

/** Whether the usual answer, and with it what it would have done, does not happen. */
export function replacesAnswer(fault: Fault): boolean {
  return (
    fault.status !== undefined ||
    fault.body !== undefined ||
    fault.reset === true ||
    fault.hang === true ||
    fault.malformed === true ||
    fault.claimsChallenge !== undefined ||
    fault.entraError !== undefined ||
    fault.graphError !== undefined ||
    fault.intuneApproval !== undefined
  );
}

export type FaultSite = {
  endpoint: Endpoint;
  request: Received;
  url: string;
  now: number;
  claims?: JsonObject;
};

/** The answer of a fault that replaces the usual one. */
export function faultReply(fault: Fault, site: FaultSite): Reply {
  const isEntra = entraEndpoints.includes(site.endpoint);
  const reply = isEntra ? entraFault(fault, site) : graphFault(fault, site);
  if (fault.malformed) {
    reply.status = fault.status ?? 200;
    reply.body = isEntra ? '{"token_type":"Bearer","iss' : '{"@odata.context":"https://graph.micro';
  }
  if (fault.body !== undefined) {
    reply.body = fault.body;
    if (fault.body.trimStart().startsWith('<')) reply.headers['content-type'] = 'text/html; charset=utf-8';
  }
  return reply;
}

/** Headers a fault adds, whether or not it replaces the answer. */
export function faultHeaders(fault: Fault): Record<string, string> {
  return {
    ...(fault.contentType === undefined ? {} : { 'content-type': fault.contentType }),
    ...(fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter }),
    ...fault.headers,
  };
}

function entraFault(fault: Fault, { request, url, now }: FaultSite): Reply {
  const trace = traceOf(request.headers, now);
  const reply = entraErrorReply(entraFaultError(fault), trace, url);
  if (fault.status !== undefined) reply.status = fault.status;
  else if (fault.body !== undefined) reply.status = 200;
  return reply;
}

function entraFaultError(fault: Fault): EntraError {
  if (fault.entraError) {
    const { code, ...options } = fault.entraError;
    return new EntraError(code, options);
  }
  if (fault.claimsChallenge !== undefined) return new EntraError(50076, { claims: fault.claimsChallenge });
  return new EntraError(fault.status === 429 ? 90055 : 90033);
}

function graphFault(fault: Fault, { request, now, url, claims }: FaultSite): Reply {
  const trace = graphTraceOf(request.headers, now);
  if (fault.graphError) return graphErrorReply(fault.graphError, trace);
  if (fault.intuneApproval) return intuneApprovalReply(fault.intuneApproval, trace);
  if (fault.claimsChallenge !== undefined) {
    return challenge(fault.claimsChallenge, graphTraceOf(request.headers, now), url, claims);
  }
  const status = fault.status ?? 200;
  return graphErrorReply({ status, code: codeForStatus(status) }, trace);
}

/** Continuous access evaluation. Graph sends claims only to a client that has said `cp1` to Entra. */
function challenge(
  claimsJson: string,
  trace: ReturnType<typeof graphTraceOf>,
  url: string,
  claims: JsonObject | undefined,
): Reply {
  const capable = Array.isArray(claims?.xms_cc) && claims.xms_cc.some((one) => /^cp1$/i.test(String(one)));
  const message = capable
    ? 'Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp'
    : 'Access token has been revoked. (Simulator: a claims challenge was due, but this token was asked for without the client capability cp1, so Graph sends none.)';
  const reply = graphErrorReply({ status: 401, code: 'InvalidAuthenticationToken', message }, trace);
  const authorization = `Bearer realm="", authorization_uri="${url}/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`;
  reply.headers['www-authenticate'] = capable
    ? `${authorization}, error="insufficient_claims", claims="${Buffer.from(claimsJson).toString('base64')}"`
    : authorization;
  return reply;
}
