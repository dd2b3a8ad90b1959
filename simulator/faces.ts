import type { Call, Endpoint } from './calls.ts';
import { keys, metadata, unknownTenant } from './entra.ts';
import { faultHeaders, faultReply, replacesAnswer } from './faults.ts';
import { type GraphAction, graph, graphCaller, graphUnknown } from './graph.ts';
import type { JsonObject } from './jwt.ts';
import type { Received, Reply } from './reply.ts';
import type { Simulation } from './simulation.ts';
import { token } from './token-endpoint.ts';

type Target = {
  endpoint: Endpoint | 'unknown';
  tenantId?: string;
  claims?: JsonObject;
  answer: () => Reply | Promise<Reply>;
};

/** Answers as Entra or Graph: recorded, observed, acted on, and with whatever fault is switched on. */
export async function serveFaces(
  simulation: Simulation,
  request: Received,
): Promise<Reply | 'reset' | 'hang'> {
  const target = await findTarget(simulation, request);
  const { endpoint, tenantId, claims } = target;
  const call: Call = {
    endpoint,
    method: request.method,
    path: request.target,
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body: request.body,
    at: simulation.now(),
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(claims === undefined ? {} : { claims }),
  };
  await simulation.calls.record(call);
  const reply = await replyTo(simulation, request, target);
  await simulation.calls.answered(call);
  return reply;
}

async function replyTo(
  simulation: Simulation,
  request: Received,
  target: Target,
): Promise<Reply | 'reset' | 'hang'> {
  const { endpoint, tenantId, claims } = target;
  const fault = endpoint === 'unknown' ? undefined : simulation.faults.take(endpoint, tenantId);
  if (endpoint === 'unknown' || !fault) return target.answer();

  const replaced = replacesAnswer(fault);
  const acts = !replaced || (fault.applies === true && endpoint === 'disconnect');
  const usual = acts ? await target.answer() : undefined;
  if (fault.delayMs !== undefined) await simulation.delay(fault.delayMs);
  if (fault.reset) return 'reset';
  if (fault.hang) return 'hang';
  const site = {
    endpoint,
    request,
    url: simulation.url,
    now: simulation.now(),
    ...(claims ? { claims } : {}),
  };
  const reply = replaced || !usual ? faultReply(fault, site) : usual;
  return { ...reply, headers: { ...reply.headers, ...faultHeaders(fault) } };
}

async function findTarget(simulation: Simulation, request: Received): Promise<Target> {
  return (
    (await findGraph(simulation, request)) ?? findEntra(simulation, request) ?? unknown(simulation, request)
  );
}

function unknown(simulation: Simulation, request: Received): Target {
  return { endpoint: 'unknown', answer: () => graphUnknown(simulation, request) };
}

/** Graph's paths are case-insensitive. */
async function findGraph(simulation: Simulation, request: Received): Promise<Target | undefined> {
  const found = /^\/beta\/deviceManagement\/chromeOSOnboardingSettings(?:\/([^/]+))?\/?$/i.exec(request.path);
  const action = found ? findAction(request.method, found[1]) : findList(request);
  if (!action) return undefined;
  const caller = await graphCaller(simulation, request);
  return {
    endpoint: action.kind,
    ...('claims' in caller ? { tenantId: caller.tenant.id, claims: caller.claims } : {}),
    answer: () => graph(simulation, request, caller, action),
  };
}

const lists: readonly [RegExp, GraphAction][] = [
  [/^\/beta\/deviceManagement\/auditEvents\/?$/i, { kind: 'auditEvents' }],
  [/^\/beta\/deviceManagement\/operationApprovalRequests\/?$/i, { kind: 'approvalRequests' }],
];

function findList({ method, path }: Received): GraphAction | undefined {
  return method === 'GET' ? lists.find(([pattern]) => pattern.test(path))?.[1] : undefined;
}

function findAction(method: string, rest: string | undefined): GraphAction | undefined {
  if (method === 'GET') return rest === undefined ? { kind: 'list' } : { kind: 'get', id: rest };
  if (method === 'POST' && rest?.toLowerCase() === 'disconnect') return { kind: 'disconnect' };
  return undefined;
}

type EntraAnswer = (simulation: Simulation, request: Received, tenantId: string) => Reply | Promise<Reply>;

const entraRoutes: [string, RegExp, Endpoint, EntraAnswer][] = [
  [
    'GET',
    /^\/([^/]+)\/\.well-known\/openid-configuration$/,
    'metadata',
    (simulation, _, id) => metadata(simulation, '1.0', id),
  ],
  [
    'GET',
    /^\/([^/]+)\/v2\.0\/\.well-known\/openid-configuration$/,
    'metadata',
    (simulation, _, id) => metadata(simulation, '2.0', id),
  ],
  ['GET', /^\/([^/]+)\/discovery\/keys$/, 'keys', (simulation, _, id) => keys(simulation, '1.0', id)],
  ['GET', /^\/([^/]+)\/discovery\/v2\.0\/keys$/, 'keys', (simulation, _, id) => keys(simulation, '2.0', id)],
  ['POST', /^\/([^/]+)\/oauth2\/v2\.0\/token$/, 'token', token],
];

function findEntra(simulation: Simulation, request: Received): Target | undefined {
  for (const [method, pattern, endpoint, answer] of entraRoutes) {
    const id = request.method === method ? pattern.exec(request.path)?.[1] : undefined;
    if (id === undefined) continue;
    const tenant = simulation.findTenant(id);
    return {
      endpoint,
      tenantId: tenant?.id ?? id,
      answer: () =>
        tenant ? answer(simulation, request, tenant.id) : unknownTenant(simulation, request, id),
    };
  }
  return undefined;
}
