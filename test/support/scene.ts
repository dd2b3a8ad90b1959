import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import type request from 'supertest';
import { tenantIds } from '../../simulator/directory.ts';
import type {
  Call,
  Endpoint,
  Fault,
  PersonName,
  Simulator,
  TokenOptions,
} from '../../simulator/simulator.ts';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import type { OperationStatus } from '../../src/core/operation/life.ts';
import { until } from './processes.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  type LogLine,
  type TestEnvironment,
  type TestService,
} from './service.ts';
import { type SceneOptions, Stage, type StartOptions } from './stage.ts';
import type { Timings } from './timings.ts';

export const operationsPath = '/api/v1/operations';

/** For a service that serves both tenants of the simulator. */
export const bothTenants = { ALLOWED_TENANT_IDS: tenantIds.join() };

/** Somebody's call: who asks (the admin unless said otherwise), with a token that is minted for them as `token` says,
 *  or with that very token. */
type Ask = { as?: PersonName; token?: TokenOptions | string; headers?: Record<string, string> };
/** A service, or one in a process of its own. */
export type Target = Pick<TestService, 'api'>;
type Body = { reason?: string; ticket?: string; supersedes?: string };

export type Scene = {
  readonly testEnvironment: TestEnvironment;
  /** The service of the scene; the one that was started last where each test starts its own. */
  readonly service: TestService;
  readonly simulator: Simulator;
  readonly tenantId: string;
  /** Runs a statement as the database's owner. */
  query: TestEnvironment['query'];
  /** Starts another service in the same test environment, which ends with the test. */
  start(options?: StartOptions): Promise<TestService>;
  /** Runs `work` against another service in the same test environment. */
  beside<Value>(timings: Timings, work: (other: TestService) => Promise<Value>): Promise<Value>;
  disconnect(ask?: Ask & { body?: Body; query?: string; on?: Target }): Promise<request.Response>;
  get(path: string, ask?: Ask & { on?: Target }): Promise<request.Response>;
  post(path: string, ask?: Ask & { body?: object; on?: Target }): Promise<request.Response>;
  readConnection(ask?: Ask & { on?: Target }): Promise<request.Response>;
  operation(id: string, ask?: Ask & { on?: Target }): Promise<request.Response>;
  /** The second admin looks at the operation and approves it, or whoever is named. */
  approve(id: string, ask?: Ask & { body?: object; on?: Target }): Promise<request.Response>;
  /** A token of somebody whom no cache knows yet. */
  stranger(as: PersonName): Promise<string>;
  /** How often Entra ID or Graph was asked for it. */
  asked(endpoint: Endpoint): number;
  /** The events of an operation, oldest first. */
  events(operationId: string): Promise<AuditEvent[]>;
  /** The events of one call, oldest first. */
  eventsOfCall(call: request.Response | LogLine): Promise<AuditEvent[]>;
  /** The status in the database. */
  status(operationId: string): Promise<OperationStatus>;
  /** A disconnect whose end is unknown, and its operation's id. */
  unknownOperation(ask?: Ask): Promise<string>;
  acceptedOperation(ask?: Ask): Promise<string>;
  /** Moves an operation's times back, as if it had been sent so much earlier. */
  age(operationId: string, ms: number): Promise<void>;
};

/** One test environment and one service for the tests around; each test finds a fresh connection, no operation, no
 *  fault. */
export function scene(options: SceneOptions = {}): Scene {
  return sceneOfSuite(options, (stage) => stage.openWithService());
}

/** The same without a service: each test starts its own, which is `service` from then on. */
export function emptyScene(options: SceneOptions = {}): Scene {
  return sceneOfSuite(options, (stage) => stage.open());
}

/** A test in a scene of its own. Such tests can wait side by side: in a suite with `concurrency`. */
export function testAlone(name: string, options: SceneOptions, work: (it: Scene) => Promise<void>): void {
  test(name, async () => {
    const stage = new Stage(options);
    try {
      await stage.openWithService();
      await work(sceneOn(stage));
    } finally {
      await stage.close();
    }
  });
}

function sceneOfSuite(options: SceneOptions, open: (stage: Stage) => Promise<void>): Scene {
  const stage = new Stage(options);
  before(() => open(stage));
  after(() => stage.close());
  beforeEach(() => stage.clear());
  afterEach(() => stage.endStarted());
  return sceneOn(stage);
}

function sceneOn(stage: Stage): Scene {
  const authorization = async ({ as = 'admin', token }: Ask) =>
    bearer(typeof token === 'string' ? token : await it.simulator.token(as, token));
  const it: Scene = {
    get testEnvironment() {
      return stage.testEnvironment;
    },
    get service() {
      return stage.service;
    },
    get simulator() {
      return stage.testEnvironment.simulator;
    },
    get tenantId() {
      return stage.testEnvironment.simulator.registration.tenantId;
    },
    query: (sql, values) => stage.testEnvironment.query(sql, values),
    start: (options = {}) => stage.start(options),
    async beside(timings, work) {
      const other = await stage.start({ timings });
      try {
        return await work(other);
      } finally {
        await other.close();
      }
    },
    disconnect: ({ body, query = '', ...ask } = {}) =>
      it.post(`${disconnectPath}${query}`, { ...ask, ...(body && { body }) }),
    async get(path, ask = {}) {
      const { api } = ask.on ?? stage.service;
      return api
        .get(path)
        .set('authorization', await authorization(ask))
        .set(ask.headers ?? {});
    },
    async post(path, ask = {}) {
      const { api } = ask.on ?? stage.service;
      return api
        .post(path)
        .set('authorization', await authorization(ask))
        .set(ask.headers ?? {})
        .send(ask.body);
    },
    readConnection: (ask) => it.get(connectionPath, ask),
    operation: (id, ask) => it.get(`${operationsPath}/${id}`, ask),
    async approve(id, asked = {}) {
      const ask = { as: 'second-admin', body: { reason: 'agreed' }, ...asked } as const;
      const { headers } = await it.operation(id, { ...ask, headers: {} });
      const ifMatch = { 'if-match': headers.etag ?? '*', ...ask.headers };
      return it.post(`${operationsPath}/${id}/approve`, { ...ask, headers: ifMatch });
    },
    stranger: (as) => it.simulator.token(as, { oid: randomUUID() }),
    asked: (endpoint) => it.simulator.calls.filter((call) => call.endpoint === endpoint).length,
    async events(operationId) {
      const rows = await it.query<{ record: AuditEvent }>(
        'select record from audit_events where operation_id = $1 order by number',
        [operationId],
      );
      return rows.map(({ record }) => record);
    },
    async eventsOfCall(call) {
      const requestId = isLogLine(call)
        ? call.requestId
        : (call.body.requestId ?? call.headers['client-request-id']);
      const rows = await it.query<{ record: AuditEvent }>(
        "select record from audit_events where record->>'requestId' = $1 order by number",
        [requestId],
      );
      return rows.map(({ record }) => record);
    },
    async status(operationId) {
      const [row] = await it.query<{ status: OperationStatus }>(
        'select status from operations where id = $1',
        [operationId],
      );
      assert.ok(row, 'there is such an operation');
      return row.status;
    },
    async unknownOperation(ask) {
      it.simulator.setFault('disconnect', { reset: true, times: 1 });
      const response = await it.disconnect(ask);
      assert.deepEqual([response.status, response.body.code], [502, 'outcome_unknown']);
      return response.body.operationId;
    },
    async acceptedOperation(ask) {
      const response = await it.disconnect(ask);
      assert.equal(response.status, 200, JSON.stringify(response.body));
      return response.body.operationId;
    },
    async age(operationId, ms) {
      await it.query(
        "update operations set sent_at = sent_at - $2 * interval '1 millisecond' where id = $1",
        [operationId, ms],
      );
    },
  };
  return it;
}

const isLogLine = (call: request.Response | LogLine): call is LogLine => 'msg' in call;

/** Meets the next calls of an endpoint with one fault each; `null` is none. Returns what ends it. */
export function faultsInTurn(
  simulator: Simulator,
  endpoint: Endpoint,
  faults: readonly (Fault | null)[],
): () => void {
  let next = 0;
  return simulator.onCall((call) => {
    if (call.endpoint !== endpoint) return;
    simulator.setFault(endpoint, faults[next] ?? null);
    next += 1;
  });
}

/** Holds calls of an endpoint, as they come in, until they are let go. */
export function hold(simulator: Simulator, endpoint: Endpoint, count = 1) {
  return holdCalls(simulator.onCall, endpoint, count);
}

/** Holds answers of an endpoint until they are let go: they tell how it was when the call came in. */
export function holdAnswers(simulator: Simulator, endpoint: Endpoint, count = 1) {
  return holdCalls(simulator.onAnswer, endpoint, count);
}

function holdCalls(listen: Simulator['onCall'], endpoint: Endpoint, count: number) {
  const letGo = Promise.withResolvers<void>();
  const held: Call[] = [];
  const end = listen(async (call) => {
    if (call.endpoint !== endpoint || held.length === count) return;
    held.push(call);
    await letGo.promise;
  });
  return {
    arrived: () => until(`${endpoint} is called`, () => held.length > 0),
    allArrived: () => until(`${endpoint} is called ${count} times`, () => held.length === count),
    release() {
      letGo.resolve();
      end();
    },
  };
}
