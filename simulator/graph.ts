import { personByOid } from './directory.ts';
import { graphErrorReply, graphHeaders, graphTraceOf } from './graph-error.ts';
import { listApprovals, refusedPassage } from './intune-approval.ts';
import { auditEventOf } from './intune-audit.ts';
import { decodeJwt, type JsonObject, verifyJwt } from './jwt.ts';
import { jsonReply, type Received, type Reply } from './reply.ts';
import type { Simulation, Tenant } from './simulation.ts';
import { graphAudiences } from './token-endpoint.ts';
import { issuerOf } from './tokens.ts';

const context = 'https://graph.microsoft.com/beta/$metadata#';
const settings = 'deviceManagement/chromeOSOnboardingSettings';
const readScopes = ['DeviceManagementConfiguration.Read.All', 'DeviceManagementConfiguration.ReadWrite.All'];
const writeScopes = ['DeviceManagementConfiguration.ReadWrite.All'];

/** Who calls Graph: the verified claims, or the reason there are none. */
export type GraphCaller = { claims: JsonObject; tenant: Tenant } | { refusal: string };

/** Verifies a Graph token's signature, issuer, audience and expiry. */
export async function graphCaller(simulation: Simulation, request: Received): Promise<GraphCaller> {
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (!token) return { refusal: 'Access token is empty.' };
  const jwt = decodeJwt(token);
  if (!jwt) return { refusal: 'IDX14100: JWT is not well formed.' };
  const { claims } = jwt;
  if (!graphAudiences.includes(String(claims.aud))) {
    return {
      refusal: `Invalid audience '${String(claims.aud)}'. Graph wants the token that on-behalf-of gave, not the caller's own.`,
    };
  }
  const tenant = simulation.findTenant(typeof claims.tid === 'string' ? claims.tid : undefined);
  if (!tenant || claims.iss !== issuerOf('1.0', tenant.id, simulation.url))
    return { refusal: 'Invalid issuer.' };
  if (!(await verifyJwt(jwt, (await tenant.keys.graph()).publicKey, ['RS256']))) {
    return { refusal: 'Signature is invalid.' };
  }
  if (typeof claims.exp !== 'number' || claims.exp <= simulation.now() / 1000) {
    return { refusal: 'Lifetime validation failed, the token is expired.' };
  }
  return { claims, tenant };
}

export type GraphAction =
  | { kind: 'list' }
  | { kind: 'get'; id: string }
  | { kind: 'disconnect' }
  | { kind: 'auditEvents' }
  | { kind: 'approvalRequests' };

/** Does what Graph would do for a call of one of the served actions. */
export function graph(
  simulation: Simulation,
  request: Received,
  caller: GraphCaller,
  action: GraphAction,
): Reply {
  const trace = graphTraceOf(request.headers, simulation.now());
  if ('refusal' in caller) return unauthorized(simulation, caller.refusal, trace);
  const forbidden = whyForbidden(simulation, caller, action);
  if (forbidden) {
    return graphErrorReply({ status: 403, code: 'Forbidden', message: forbidden, intuneNested: true }, trace);
  }
  const { connection } = caller.tenant;
  switch (action.kind) {
    case 'list': {
      const found = connection.read();
      return ok(settings, { value: found ? [found] : [] }, trace);
    }
    case 'get': {
      const found = connection.peek();
      if (found?.id !== action.id) return notFound(`No connection with id '${action.id}'.`, trace);
      return ok(`${settings}/$entity`, found, trace);
    }
    case 'auditEvents':
      return ok('deviceManagement/auditEvents', { value: connection.acts.map(auditEventOf) }, trace);
    case 'approvalRequests':
      return listApprovals(request, caller.tenant, trace);
    case 'disconnect':
      return disconnect(request, caller, trace);
  }
}

type SignedIn = Exclude<GraphCaller, { refusal: string }>;
type Trace = ReturnType<typeof graphTraceOf>;

function disconnect(request: Received, { claims, tenant }: SignedIn, trace: Trace): Reply {
  const { connection, approvals } = tenant;
  const oid = String(claims.oid);
  const surplus = whySurplus(request);
  if (surplus) return graphErrorReply({ status: 400, code: 'BadRequest', message: surplus }, trace);
  if (connection.peek() !== null) {
    const passage = approvals.admit(request.headers, oid);
    if (passage.kind !== 'passes') return refusedPassage(passage, trace);
  }
  const clientRequestId = request.headers['client-request-id'];
  const value = connection.disconnect({ oid, ...(clientRequestId === undefined ? {} : { clientRequestId }) });
  return value === undefined
    ? notFound('This tenant has no ChromeOS connection to disconnect.', trace)
    : ok('microsoft.graph.chromeOSOnboardingStatus', { value }, trace);
}

function ok(metadata: string, body: object, trace: Trace): Reply {
  return jsonReply(200, { '@odata.context': `${context}${metadata}`, ...body }, graphHeaders(trace));
}

function notFound(message: string, trace: Trace): Reply {
  return graphErrorReply({ status: 404, code: 'ResourceNotFound', message, intuneNested: true }, trace);
}

function unauthorized(simulation: Simulation, message: string, trace: Trace): Reply {
  const reply = graphErrorReply({ status: 401, code: 'InvalidAuthenticationToken', message }, trace);
  reply.headers['www-authenticate'] =
    `Bearer realm="", authorization_uri="${simulation.url}/common/oauth2/authorize"`;
  return reply;
}

function whyForbidden(simulation: Simulation, caller: SignedIn, action: GraphAction): string | undefined {
  const needed = action.kind === 'disconnect' ? writeScopes : readScopes;
  const granted = String(caller.claims.scp ?? '').split(' ');
  if (!needed.some((scope) => granted.includes(scope))) {
    return `Application is not authorized to perform this operation. Application must have one of the following scopes: ${needed.join(', ')}`;
  }
  const person = personByOid(caller.tenant.id, caller.claims.oid);
  if (simulation.behaviourOf(person).intuneRoleMissing) {
    return 'User is not authorized to perform this operation: no Intune role that may do it';
  }
  return undefined;
}

/** The action takes nothing: what Graph would do with a body is not documented, so none is let through. */
function whySurplus(request: Received): string | undefined {
  if (request.body !== '') return 'The disconnect action takes no request body. Send none.';
  if (request.headers['content-type'] !== undefined) {
    return `The disconnect action takes no request body, so send no content-type ('${request.headers['content-type']}').`;
  }
  return undefined;
}

/** For a path Graph's face does not serve. */
export function graphUnknown(simulation: Simulation, request: Received): Reply {
  return graphErrorReply(
    {
      status: 404,
      code: 'ResourceNotFound',
      message: `The simulator does not serve ${request.method} ${request.path}. It serves: GET /beta/${settings}, GET /beta/${settings}/{id}, POST /beta/${settings}/disconnect, GET /beta/deviceManagement/auditEvents, GET /beta/deviceManagement/operationApprovalRequests; Entra's GET /{tenant}/.well-known/openid-configuration, GET /{tenant}/v2.0/.well-known/openid-configuration, GET /{tenant}/discovery/keys, GET /{tenant}/discovery/v2.0/keys, POST /{tenant}/oauth2/v2.0/token; and its own help at GET /simulator.`,
    },
    graphTraceOf(request.headers, simulation.now()),
  );
}
