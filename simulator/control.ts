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
import type { Simulation } from './simulation.ts';

/** A request the control face cannot take; the message says what it can. */
class Unusable extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Action = (simulation: Simulation, request: Received, name: string) => Reply | Promise<Reply>;

const routes: [string, RegExp, Action][] = [
  ['GET', /^$/, (simulation) => textReply(200, help(simulation.url))],
  ['GET', /^\/ca\.pem$/, certificateAuthority],
  ['GET', /^\/people$/, (simulation) => jsonReply(200, listPeople(simulation))],
  ['PUT', /^\/people\/([^/]+)$/, setPerson],
  ['DELETE', /^\/people\/([^/]+)$/, forgetPerson],
  ['GET', /^\/token\/([^/]+)$/, tokenByQuery],
  ['POST', /^\/token\/([^/]+)$/, tokenByBody],
  ['GET', /^\/faults$/, (simulation) => jsonReply(200, simulation.faults.list())],
  ['DELETE', /^\/faults$/, (simulation) => done(() => simulation.faults.clear())],
  ['PUT', /^\/faults\/([^/]+)$/, setFault],
  ['DELETE', /^\/faults\/([^/]+)$/, clearFault],
  ['GET', /^\/calls$/, listCalls],
  ['DELETE', /^\/calls$/, (simulation) => done(() => simulation.calls.clear())],
  ['POST', /^\/keys\/rotate$/, rotate],
  ['GET', /^\/connection$/, showConnection],
  ['PUT', /^\/connection$/, setConnection],
  ['POST', /^\/disconnect\/([^/]+)$/, disconnectPastTheService],
  ['GET', /^\/approvals$/, showApprovals],
  ['PUT', /^\/approvals$/, demandApprovals],
  ['POST', /^\/approvals\/([^/]+)$/, decideApproval],
  ['POST', /^\/secrets$/, setSecrets],
  ['POST', /^\/certificates$/, registerCertificate],
  ['DELETE', /^\/certificates$/, (simulation) => done(() => simulation.credentials.clearCertificates())],
  ['POST', /^\/federated-credentials$/, registerFederated],
  ['GET', /^\/federated-token$/, federatedToken],
  ['POST', /^\/reset$/, (simulation) => done(() => simulation.reset())],
];

/** Answers below `/simulator`: for a person with curl, and for programs in other processes. */
export async function serveControl(simulation: Simulation, request: Received): Promise<Reply> {
  const path = request.path.slice('/simulator'.length).replace(/\/$/, '');
  const here = routes.filter(([, pattern]) => pattern.test(path));
  const route = here.find(([method]) => method === request.method);
  if (!route) {
    const methods = here.map(([method]) => method).join(', ');
    const reply = textReply(
      methods ? 405 : 404,
      methods
        ? `${request.path} takes ${methods}, not ${request.method}.\n`
        : `There is no ${request.path}.\n\n${help(simulation.url)}`,
    );
    return methods ? { ...reply, headers: { ...reply.headers, allow: methods } } : reply;
  }
  const [, pattern, action] = route;
  try {
    return await action(simulation, request, pattern.exec(path)?.[1] ?? '');
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

function listPeople(simulation: Simulation) {
  return personNames.map((name) => ({
    name,
    displayName: people[name].displayName,
    roles: people[name].roles,
    accounts: tenantIds.map((tenantId) => ({
      tenantId,
      domain: domainOf(tenantId),
      oid: oidIn(tenantId, people[name]),
    })),
    behaviour: simulation.behaviourOf(people[name]),
    token: `${simulation.url}/simulator/token/${name}`,
  }));
}

function setPerson(simulation: Simulation, request: Received, name: string): Reply {
  const behaviour = parseBody(personSchema, request);
  return done(() => simulation.setBehaviour(personName(name), behaviour));
}

function forgetPerson(simulation: Simulation, _request: Received, name: string): Reply {
  return done(() => simulation.setBehaviour(personName(name), undefined));
}

async function tokenByQuery(simulation: Simulation, request: Received, name: string): Promise<Reply> {
  const { tenant, ...options } = parseQuery(tokenQuerySchema, request);
  const token = await simulation.mint(personName(name), {
    ...options,
    ...(tenant === undefined ? {} : { tenantId: tenant }),
  });
  return textReply(200, `${token}\n`);
}

async function tokenByBody(simulation: Simulation, request: Received, name: string): Promise<Reply> {
  return textReply(200, `${await simulation.mint(personName(name), parseBody(tokenSchema, request))}\n`);
}

function setFault(simulation: Simulation, request: Received, name: string): Reply {
  const endpoint = endpointName(name);
  const fault = parseBody(faultSchema, request);
  return done(() => simulation.faults.set(endpoint, fault));
}

function clearFault(simulation: Simulation, _request: Received, name: string): Reply {
  return done(() => simulation.faults.set(endpointName(name), null));
}

function listCalls(simulation: Simulation, request: Received): Reply {
  const { endpoint, limit } = parseQuery(callsQuerySchema, request);
  const calls = simulation.calls.calls.filter((call) => endpoint === undefined || call.endpoint === endpoint);
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

async function rotate(simulation: Simulation, request: Received): Promise<Reply> {
  const { tenantId, ...options } = parseBody(rotationSchema, request);
  await simulation.rotateKeys(tenantId, options);
  return { status: 204, headers: {}, body: '' };
}

function showConnection(simulation: Simulation, request: Received): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const { connection } = simulation.tenant(tenant);
  return jsonReply(200, {
    tenantId: tenant,
    connection: connection.peek(),
    sequence: connection.sequence.steps,
    ...(connection.sequence.everyMs === undefined ? {} : { everyMs: connection.sequence.everyMs }),
    acts: connection.acts,
  });
}

function certificateAuthority(simulation: Simulation): Reply {
  return { status: 200, headers: { 'content-type': 'application/x-pem-file' }, body: simulation.caPem };
}

function setConnection(simulation: Simulation, request: Received): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const { connection, sequence, everyMs } = parseBody(connectionSchema, request);
  const state = simulation.tenant(tenant).connection;
  if (connection !== undefined) state.set(connection);
  if (sequence !== undefined || everyMs !== undefined) {
    state.setSequence(sequence ?? state.sequence.steps, everyMs === undefined ? {} : { everyMs });
  }
  return showConnection(simulation, request);
}

/** As somebody does in the admin center. */
function disconnectPastTheService(simulation: Simulation, request: Received, name: string): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const oid = oidIn(tenant, people[personName(name)]);
  const act = simulation.tenant(tenant).connection.disconnectInAdminCenter(oid);
  if (act === undefined) throw new Unusable(404, 'This tenant has no ChromeOS connection to disconnect.');
  return jsonReply(200, act);
}

function showApprovals(simulation: Simulation, request: Received): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const { approvals } = simulation.tenant(tenant);
  return jsonReply(200, { demanded: approvals.demanded, requests: approvals.requests() });
}

function demandApprovals(simulation: Simulation, request: Received): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const { demanded } = parseBody(approvalsSchema, request);
  return done(() => {
    simulation.tenant(tenant).approvals.demanded = demanded;
  });
}

/** What a person does with a request in the admin center. */
function decideApproval(simulation: Simulation, request: Received, code: string): Reply {
  const { tenant = registration.tenantId } = parseQuery(tenantQuerySchema, request);
  const { do: verb, by } = parseBody(approvalDecisionSchema, request);
  const refusal = simulation.decideApproval({ tenantId: tenant, code, verb, by });
  if (refusal !== undefined) throw new Unusable(409, refusal);
  return showApprovals(simulation, request);
}

function setSecrets(simulation: Simulation, request: Received): Reply {
  const { accepted, expired } = parseBody(secretsSchema, request);
  return done(() => simulation.credentials.setSecrets(accepted, expired));
}

function registerCertificate(simulation: Simulation, request: Received): Reply {
  try {
    simulation.credentials.registerCertificate(request.body);
  } catch {
    throw new Unusable(400, 'The body must be one certificate as PEM: curl --data-binary @certificate.pem …');
  }
  return { status: 204, headers: {}, body: '' };
}

function registerFederated(simulation: Simulation, request: Received): Reply {
  const credential = parseBody(federatedCredentialSchema, request);
  return done(() => simulation.credentials.registerFederatedCredential(credential));
}

async function federatedToken(simulation: Simulation, request: Received): Promise<Reply> {
  const options = parseQuery(federatedTokenQuerySchema, request);
  // No newline: the answer is what a projected token file holds.
  return textReply(200, await simulation.credentials.federatedToken(options));
}
