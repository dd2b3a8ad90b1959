import type { Call, Endpoint } from './calls.ts';
import { keys, metadata, unknownTenant } from './entra.ts';
import { faultHeaders, faultReply, replacesAnswer } from './faults.ts';
import { type GraphAction, graph, graphCaller, graphUnknown } from './graph.ts';
import type { JsonObject } from './jwt.ts';
import type { Received, Reply } from './reply.ts';
import { token } from './token-endpoint.ts';
import type { World } from './world.ts';

type Target = {
  endpoint: Endpoint | 'unknown';
  tenantId?: string;
  claims?: JsonObject;
  answer: () => Reply | Promise<Reply>;
};

/** Answers as Entra or Graph: recorded, observed, acted on, and with whatever fault is switched on. */
export async function serveFaces(world: World, request: Received): Promise<Reply | 'reset' | 'hang'> {
  const target = await findTarget(world, request);
  const { endpoint, tenantId, claims } = target;
  const call: Call = {
    endpoint,
    method: request.method,
    path: request.target,
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body: request.body,
    at: world.now(),
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(claims === undefined ? {} : { claims }),
  };
  await world.calls.record(call);
  const reply = await replyTo(world, request, target);
  await world.calls.answered(call);
  return reply;
}

async function replyTo(world: World, request: Received, target: Target): Promise<Reply | 'reset' | 'hang'> {
  const { endpoint, tenantId, claims } = target;
  const fault = endpoint === 'unknown' ? undefined : world.faults.take(endpoint, tenantId);
  if (endpoint === 'unknown' || !fault) return target.answer();

  const replaced = replacesAnswer(fault);
  const acts = !replaced || (fault.applies === true && endpoint === 'disconnect');
  const usual = acts ? await target.answer() : undefined;
  if (fault.delayMs !== undefined) await world.delay(fault.delayMs);
  if (fault.reset) return 'reset';
  if (fault.hang) return 'hang';
  const site = { endpoint, request, url: world.url, now: world.now(), ...(claims ? { claims } : {}) };
  const reply = replaced || !usual ? faultReply(fault, site) : usual;
  return { ...reply, headers: { ...reply.headers, ...faultHeaders(fault) } };
}

async function findTarget(world: World, request: Received): Promise<Target> {
  return (await findGraph(world, request)) ?? findEntra(world, request) ?? unknown(world, request);
}

function unknown(world: World, request: Received): Target {
  return { endpoint: 'unknown', answer: () => graphUnknown(world, request) };
}

/** Graph's paths are case-insensitive. */
async function findGraph(world: World, request: Received): Promise<Target | undefined> {
  const found = /^\/beta\/deviceManagement\/chromeOSOnboardingSettings(?:\/([^/]+))?\/?$/i.exec(request.path);
  const action = found ? findAction(request.method, found[1]) : findList(request);
  if (!action) return undefined;
  const caller = await graphCaller(world, request);
  return {
    endpoint: action.kind,
    ...('claims' in caller ? { tenantId: caller.tenant.id, claims: caller.claims } : {}),
    answer: () => graph(world, request, caller, action),
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

type EntraAnswer = (world: World, request: Received, tenantId: string) => Reply | Promise<Reply>;

const entraRoutes: [string, RegExp, Endpoint, EntraAnswer][] = [
  [
    'GET',
    /^\/([^/]+)\/\.well-known\/openid-configuration$/,
    'metadata',
    (w, _, id) => metadata(w, '1.0', id),
  ],
  [
    'GET',
    /^\/([^/]+)\/v2\.0\/\.well-known\/openid-configuration$/,
    'metadata',
    (w, _, id) => metadata(w, '2.0', id),
  ],
  ['GET', /^\/([^/]+)\/discovery\/keys$/, 'keys', (w, _, id) => keys(w, '1.0', id)],
  ['GET', /^\/([^/]+)\/discovery\/v2\.0\/keys$/, 'keys', (w, _, id) => keys(w, '2.0', id)],
  ['POST', /^\/([^/]+)\/oauth2\/v2\.0\/token$/, 'token', token],
];

function findEntra(world: World, request: Received): Target | undefined {
  for (const [method, pattern, endpoint, answer] of entraRoutes) {
    const id = request.method === method ? pattern.exec(request.path)?.[1] : undefined;
    if (id === undefined) continue;
    const tenant = world.findTenant(id);
    return {
      endpoint,
      tenantId: tenant?.id ?? id,
      answer: () => (tenant ? answer(world, request, tenant.id) : unknownTenant(world, request, id)),
    };
  }
  return undefined;
}
