import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Call, endpoints } from './calls.ts';
import {
  approvalDecisionSchema,
  approvalsSchema,
  callsQuerySchema,
  connectionSchema,
  faultSchema,
  federatedCredentialSchema,
  federatedTokenQuerySchema,
  isEndpoint,
  isPersonName,
  personSchema,
  rotationSchema,
  secretsSchema,
  tenantQuerySchema,
  tokenQuerySchema,
  tokenSchema,
} from './control-schemas.ts';
import { domainOf, oidIn, people, personNames, registration, tenantIds } from './directory.ts';
import { help } from './help.ts';
import { jsonReply, type Received, type Reply, textReply } from './reply.ts';
import type { World } from './world.ts';

/** A request the control face cannot take; the message says what it can. */
class Unusable extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Action = (world: World, request: Received, name: string) => Reply | Promise<Reply>;

const routes: [string, RegExp, Action][] = [
  ['GET', /^$/, (world) => textReply(200, help(world.url))],
  ['GET', /^\/ca\.pem$/, certificateAuthority],
  ['GET', /^\/people$/, (world) => jsonReply(200, listPeople(world))],
  ['PUT', /^\/people\/([^/]+)$/, setPerson],
  ['DELETE', /^\/people\/([^/]+)$/, forgetPerson],
  ['GET', /^\/token\/([^/]+)$/, tokenByQuery],
  ['POST', /^\/token\/([^/]+)$/, tokenByBody],
  ['GET', /^\/faults$/, (world) => jsonReply(200, world.faults.list())],
  ['DELETE', /^\/faults$/, (world) => done(() => world.faults.clear())],
  ['PUT', /^\/faults\/([^/]+)$/, setFault],
  ['DELETE', /^\/faults\/([^/]+)$/, clearFault],
  ['GET', /^\/calls$/, listCalls],
  ['DELETE', /^\/calls$/, (world) => done(() => world.calls.clear())],
  ['POST', /^\/keys\/rotate$/, rotate],
  ['GET', /^\/connection$/, showConnection],
  ['PUT', /^\/connection$/, setConnection],
  ['POST', /^\/disconnect\/([^/]+)$/, disconnectPastTheService],
  ['GET', /^\/approvals$/, showApprovals],
  ['PUT', /^\/approvals$/, demandApprovals],
  ['POST', /^\/approvals\/([^/]+)$/, decideApproval],
  ['POST', /^\/secrets$/, setSecrets],
  ['POST', /^\/certificates$/, registerCertificate],
  ['DELETE', /^\/certificates$/, (world) => done(() => world.credentials.clearCertificates())],
  ['POST', /^\/federated-credentials$/, registerFederated],
  ['GET', /^\/federated-token$/, federatedToken],
  ['POST', /^\/reset$/, (world) => done(() => world.reset())],
];

/** Answers below `/simulator`: for a person with curl, and for programs in other processes. */
export async function serveControl(world: World, request: Received): Promise<Reply> {
  const path = request.path.slice('/simulator'.length).replace(/\/$/, '');
  const here = routes.filter(([, pattern]) => pattern.test(path));
  const route = here.find(([method]) => method === request.method);
  if (!route) {
    const methods = here.map(([method]) => method).join(', ');
    const reply = textReply(
      methods ? 405 : 404,
      methods
        ? `${request.path} takes ${methods}, not ${request.method}.\n`
        : `There is no ${request.path}.\n\n${help(world.url)}`,
    );
    return methods ? { ...reply, headers: { ...reply.headers, allow: methods } } : reply;
  }
  const [, pattern, action] = route;
  try {
    return await action(world, request, pattern.exec(path)?.[1] ?? '');
  } catch (error) {
    if (error instanceof Unusable) return textReply(error.status, `${error.message}\n`);
    throw error;
  }
}

function done(change: () => void): Reply {
  change();
  return { status: 204, headers: {}, body: '' };
}

function parseBody<Output>(schema: z.ZodType<Output>, request: Received): Output {
  let value: unknown = {};
  if (request.body.trim() !== '') {
    try {
      value = JSON.parse(request.body);
    } catch (error) {
      throw new Unusable(400, `The body is not JSON: ${error instanceof Error ? error.message : error}.`);
    }
  }
  return parse(schema, value);
}

function parseQuery<Output>(schema: z.ZodType<Output>, request: Received): Output {
  return parse(schema, Object.fromEntries(request.query));
}

function parse<Output>(schema: z.ZodType<Output>, value: unknown): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const accepted =
    schema instanceof z.ZodObject ? `\nAccepted: ${Object.keys(schema.shape).join(', ')}.` : '';
  throw new Unusable(400, `${z.prettifyError(result.error)}${accepted}`);
}

function personName(name: string) {
  if (isPersonName(name)) return name;
  throw new Unusable(404, `There is no person '${name}'. People: ${personNames.join(', ')}.`);
}

function endpointName(name: string) {
  if (isEndpoint(name)) return name;
  throw new Unusable(404, `There is no endpoint '${name}'. Endpoints: ${endpoints.join(', ')}.`);
}

function listPeople(world: World) {
  return personNames.map((name) => ({
    name,
    displayName: people[name].displayName,
    roles: people[name].roles,
    accounts: tenantIds.map((tenantId) => ({
      tenantId,
      domain: domainOf(tenantId),
      oid: oidIn(tenantId, people[name]),
    })),
    behaviour: world.behaviourOf(people[name]),
    token: `${world.url}/simulator/token/${name}`,
  }));
}

function setPerson(world: World, request: Received, name: string): Reply {
  const behaviour = parseBody(personSchema, request);
  return done(() => world.setBehaviour(personName(name), behaviour));
}

function forgetPerson(world: World, _request: Received, name: string): Reply {
  return done(() => world.setBehaviour(personName(name), undefined));
}

async function tokenByQuery(world: World, request: Received, name: string): Promise<Reply> {
  const { tenant, ...options } = parseQuery(tokenQuerySchema, request);
  const token = await world.mint(personName(name), {
    ...options,
    ...(tenant === undefined ? {} : { tenantId: tenant }),
  });
  return textReply(200, `${token}\n`);
}

async function tokenByBody(world: World, request: Received, name: string): Promise<Reply> {
  return textReply(200, `${await world.mint(personName(name), parseBody(tokenSchema, request))}\n`);
}

function setFault(world: World, request: Received, name: string): Reply {
  const endpoint = endpointName(name);
  const fault = parseBody(faultSchema, request);
  return done(() => world.faults.set(endpoint, fault));
}

function clearFault(world: World, _request: Received, name: string): Reply {
  return done(() => world.faults.set(endpointName(name), null));
}

function listCalls(world: World, request: Received): Reply {
  const { endpoint, limit } = parseQuery(callsQuerySchema, request);
  const calls = world.calls.calls.filter((call) => endpoint === undefined || call.endpoint === endpoint);
  return jsonReply(200, calls.slice(-(limit ?? calls.length)).map(redact));
}

/** Without the credentials: this answer is pasted into chats and tickets. */
function redact(call: Call): Omit<Call, 'rawHeaders'> {
  const { rawHeaders: _, ...shown } = call;
  const headers = { ...call.headers };
  if (headers.authorization !== undefined) headers.authorization = '[redacted]';
  const body = call.body.replace(/(^|&)(assertion|client_assertion|client_secret)=[^&]*/g, '$1$2=[redacted]');
  return { ...shown, headers, body };
}

async function rotate(world: World, request: Received): Promise<Reply> {
  const { tenantId, ...options } = parseBody(rotationSchema, request);
  await world.rotateKeys(tenantId, options);
  return { status: 204, headers: {}, body: '' };
}

function showConnection(world: World, request: Received): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const { connection } = world.tenant(tenant);
  return jsonReply(200, {
    tenantId: tenant,
    connection: connection.peek(),
    sequence: connection.sequence.steps,
    ...(connection.sequence.everyMs === undefined ? {} : { everyMs: connection.sequence.everyMs }),
    acts: connection.acts,
  });
}

function certificateAuthority(world: World): Reply {
  return { status: 200, headers: { 'content-type': 'application/x-pem-file' }, body: world.caPem };
}

function setConnection(world: World, request: Received): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const { connection, sequence, everyMs } = parseBody(connectionSchema, request);
  const state = world.tenant(tenant).connection;
  if (connection !== undefined) state.set(connection);
  if (sequence !== undefined || everyMs !== undefined) {
    state.setSequence(sequence ?? state.sequence.steps, everyMs === undefined ? {} : { everyMs });
  }
  return showConnection(world, request);
}

/** As somebody does in the admin center, or with a tool of their own. */
function disconnectPastTheService(world: World, request: Received, name: string): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const oid = oidIn(tenant, people[personName(name)]);
  const application = 'Microsoft Intune admin center';
  const clientRequestId = randomUUID();
  const value = world.tenant(tenant).connection.disconnect({ oid, clientRequestId, application });
  if (value === undefined) throw new Unusable(404, 'This tenant has no ChromeOS connection to disconnect.');
  return jsonReply(200, { value, clientRequestId });
}

function showApprovals(world: World, request: Received): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const { approvals } = world.tenant(tenant);
  return jsonReply(200, { demanded: approvals.demanded, requests: approvals.requests() });
}

function demandApprovals(world: World, request: Received): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const { demanded } = parseBody(approvalsSchema, request);
  return done(() => {
    world.tenant(tenant).approvals.demanded = demanded;
  });
}

/** What a person does with a request in the admin center. */
function decideApproval(world: World, request: Received, code: string): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const { do: verb, by } = parseBody(approvalDecisionSchema, request);
  const refusal = world.decideApproval({ tenantId: tenant, code, verb, by });
  if (refusal !== undefined) throw new Unusable(409, refusal);
  return showApprovals(world, request);
}

function setSecrets(world: World, request: Received): Reply {
  const { accepted, expired } = parseBody(secretsSchema, request);
  return done(() => world.credentials.setSecrets(accepted, expired));
}

function registerCertificate(world: World, request: Received): Reply {
  try {
    world.credentials.registerCertificate(request.body);
  } catch {
    throw new Unusable(400, 'The body must be one certificate as PEM: curl --data-binary @certificate.pem …');
  }
  return { status: 204, headers: {}, body: '' };
}

function registerFederated(world: World, request: Received): Reply {
  const credential = parseBody(federatedCredentialSchema, request);
  return done(() => world.credentials.registerFederatedCredential(credential));
}

async function federatedToken(world: World, request: Received): Promise<Reply> {
  const options = parseQuery(federatedTokenQuerySchema, request);
  // No newline: the answer is what a projected token file holds.
  return textReply(200, await world.credentials.federatedToken(options));
}
