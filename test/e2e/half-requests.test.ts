import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Endpoint } from '../../simulator/calls.ts';
import { otherTenantId } from '../../simulator/directory.ts';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { until } from '../support/processes.ts';
import { connectRaw, postHead, type RawConnection } from '../support/raw-http.ts';
import { bothTenants, hold, operationsPath, scene } from '../support/scene.ts';
import { bearer, disconnectPath, type LogLine, type TestService } from '../support/service.ts';

const it = scene({ environment: bothTenants });

beforeEach(() => {
  it.service.log.length = 0;
});

const approving = { timings: { policy: { approvalRequired: true } } };
const intent = { reason: 'The contract ends', ticket: 'CHG-1' };
const whole = JSON.stringify(intent);
let keys = 0;
const freshKey = () => `half-${++keys}`;

const ways: [string, (connection: RawConnection) => void, { hears: boolean }][] = [
  ['closes its side', (connection) => connection.finish(), { hears: true }],
  ['resets the connection', (connection) => connection.reset(), { hears: false }],
];

type Post = { path?: string; as?: 'admin' | 'second-admin'; tenantId?: string; key?: string; body?: string };

/** The bytes of a call, of whose body only the first `sent` bytes are there. */
async function bytesOf(call: Post, sent = Number.POSITIVE_INFINITY): Promise<string> {
  const { path = disconnectPath, as = 'admin', tenantId, key, body = whole } = call;
  const token = await it.simulator.token(as, tenantId === undefined ? {} : { tenantId });
  const head = postHead(path, {
    authorization: bearer(token),
    'content-type': 'application/json',
    'content-length': body.length,
    ...(key !== undefined && { 'idempotency-key': key }),
    ...(path.endsWith('/approve') && { 'if-match': '*' }),
  });
  return head + body.slice(0, sent);
}

/** The log line of the call that a service was asked for over a raw connection. */
async function lineOf(on: TestService, route: string | RegExp = /\/disconnect$/): Promise<LogLine> {
  const find = () =>
    on.log.find(
      (line) => line.msg === 'request' && new RegExp(route).test(String(line.route)) && line.aborted === true,
    );
  await until('the call is over', () => find() !== undefined);
  return find() as LogLine;
}

const told = (events: readonly AuditEvent[]) => events.map(({ event, failure }) => `${event} ${failure}`);

/** The same call again, whole, with the same key. */
const repeat = (on: TestService, key: string, tenantId?: string) =>
  it.disconnect({
    on,
    body: intent,
    headers: { 'idempotency-key': key },
    ...(tenantId !== undefined && { token: { tenantId } }),
  });

describe('a body that does not arrive whole', () => {
  for (const [how, leave, { hears }] of ways) {
    for (const sent of [0, 19]) {
      test(`does nothing: ${sent} bytes, then the caller ${how} while the signing keys are loaded`, async () => {
        const on = await it.start();
        const held = hold(it.simulator, 'keys');
        const connection = await connectRaw(on.url);
        const key = freshKey();
        connection.send(await bytesOf({ tenantId: otherTenantId, key }, sent));
        await held.arrived();
        leave(connection);
        if (!hears) await connection.closed();
        held.release();
        const line = await lineOf(on);
        assert.deepEqual(told(await it.eventsOfCall(line)), ['refused body_incomplete']);
        assert.deepEqual([line.failure, line.status], ['body_incomplete', undefined]);
        if (hears) {
          const { status, body, headers } = await connection.answer();
          assert.deepEqual([status, body.code, headers.connection], [400, 'body_incomplete', 'close']);
        }
        assert.equal(it.asked('token') + it.asked('disconnect'), 0);
        connection.close();
        assert.equal((await repeat(on, key, otherTenantId)).status, 200);
      });
    }

    for (const verb of ['dry run', 'approve', 'reject', 'execute'] as const) {
      test(`does nothing: ${verb}, and the caller ${how}`, async () => {
        const on = await it.start(approving);
        const { body } = await it.disconnect({ on });
        const operation = `${operationsPath}/${body.operationId}`;
        if (verb === 'execute') {
          await it.approve(body.operationId, { on });
        }
        const before = await it.status(body.operationId);
        const connection = await connectRaw(on.url);
        const path = verb === 'dry run' ? `${disconnectPath}?dryRun=true` : `${operation}/${verb}`;
        const as = verb === 'approve' || verb === 'reject' ? 'second-admin' : 'admin';
        connection.send(
          await bytesOf({ path, as, body: verb === 'execute' ? '{      }' : '{"reason":"yes"}' }, 4),
        );
        leave(connection);
        const line = await lineOf(on, verb === 'dry run' ? /\/disconnect$/ : new RegExp(`/${verb}$`));
        assert.deepEqual(told(await it.eventsOfCall(line)), ['refused body_incomplete']);
        assert.equal(await it.status(body.operationId), before);
        assert.equal(it.asked('disconnect'), 0);
        connection.close();
      });
    }
  }

  test('does nothing: a chunk that never ends as announced', async () => {
    const on = it.service;
    const connection = await connectRaw(on.url);
    const token = await it.simulator.token('admin');
    const type = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
    connection.send(`${postHead(disconnectPath, { authorization: bearer(token), ...type })}5\r\n{"rea`);
    connection.send('zzz\r\n');
    const { status, body } = await connection.answer();
    assert.deepEqual([status, body.code], [400, 'body_incomplete']);
    await connection.closed();
    assert.equal(it.asked('disconnect'), 0);
  });
});

describe('a caller who leaves after their whole request', () => {
  const steps: [Endpoint, string][] = [
    ['keys', 'before the signing keys are there'],
    ['token', 'during the exchange'],
    ['list', 'during the look'],
  ];
  for (const [how, leave, { hears }] of ways) {
    for (const [endpoint, when] of steps) {
      for (const query of ['', '?dryRun=true']) {
        test(`has called it off ${when}: ${how}${query}`, async () => {
          // A service loads a tenant's keys with its first call of it.
          const on = endpoint === 'keys' ? await it.start() : it.service;
          const held = hold(it.simulator, endpoint);
          const connection = await connectRaw(on.url);
          const key = freshKey();
          connection.send(await bytesOf({ path: disconnectPath + query, tenantId: otherTenantId, key }));
          await held.arrived();
          leave(connection);
          await goneFrom(on, connection);
          held.release();
          const line = await lineOf(on);
          assert.deepEqual(told(await it.eventsOfCall(line)), ['refused caller_gone']);
          assert.equal(it.asked('disconnect'), 0);
          if (hears) assert.equal((await connection.answer()).body.code, 'caller_gone');
          connection.close();
          const again = await repeat(on, key, otherTenantId);
          assert.deepEqual([again.status, again.headers['idempotency-replayed']], [200, undefined]);
        });
      }
    }

    test(`is answered by the record, with the whole intent, once the attempt is on it: ${how} while it is written`, async () => {
      const on = it.service;
      const owner = await it.testEnvironment.connect();
      const looks = hold(it.simulator, 'list');
      const connection = await connectRaw(on.url);
      const key = freshKey();
      connection.send(await bytesOf({ key }));
      await looks.arrived();
      await owner.query('begin; lock table operations in exclusive mode');
      looks.release();
      await until('the attempt waits for the table', async () => {
        const { rows } = await owner.query(
          "select 1 from pg_locks where not granted and relation = 'operations'::regclass",
        );
        return rows.length > 0;
      });
      leave(connection);
      await goneFrom(on, connection);
      await owner.query('commit');
      await owner.end();
      await assertDoneOnce(on, key);
      if (hears) assert.equal((await connection.answer()).status, 200);
      connection.close();
    });

    test(`is answered by the record, with the whole intent, once the attempt is on it: ${how} during the act`, async () => {
      const on = it.service;
      const held = hold(it.simulator, 'disconnect');
      const connection = await connectRaw(on.url);
      const key = freshKey();
      connection.send(await bytesOf({ key }));
      await held.arrived();
      leave(connection);
      await goneFrom(on, connection);
      held.release();
      await assertDoneOnce(on, key);
      if (hears) assert.equal((await connection.answer()).status, 200);
      connection.close();
    });

    for (const verb of ['approve', 'reject', 'execute'] as const) {
      test(`has called it off before the signing keys are there: ${verb}, ${how}`, async () => {
        const first = await it.start(approving);
        const asked = await it.disconnect({ on: first, token: { tenantId: otherTenantId } });
        const operation = `${operationsPath}/${asked.body.operationId}`;
        const second = { as: 'second-admin', token: { tenantId: otherTenantId } } as const;
        if (verb === 'execute') {
          await it.approve(asked.body.operationId, { ...second, on: first });
        }
        const before = await it.status(asked.body.operationId);
        const on = await it.start(approving);
        const held = hold(it.simulator, 'keys');
        const connection = await connectRaw(on.url);
        const as = verb === 'execute' ? 'admin' : 'second-admin';
        const body = verb === 'execute' ? '{}' : '{"reason":"yes"}';
        connection.send(await bytesOf({ path: `${operation}/${verb}`, as, tenantId: otherTenantId, body }));
        await held.arrived();
        leave(connection);
        await goneFrom(on, connection);
        held.release();
        const line = await lineOf(on, new RegExp(`/${verb}$`));
        assert.deepEqual(told(await it.eventsOfCall(line)), ['refused caller_gone']);
        assert.equal(await it.status(asked.body.operationId), before);
        assert.equal(it.asked('disconnect'), 0);
        connection.close();
      });
    }
  }

  /** The service knows it by now: what it has read on other connections since came later. */
  async function goneFrom(on: TestService, connection: RawConnection): Promise<void> {
    if (connection.isReset) await connection.closed();
    for (let call = 0; call < 3; call += 1) await on.api.get('/api/v1/me');
  }

  /** It was sent once, the record has the whole intent, and the same call again hears the outcome. */
  async function assertDoneOnce(on: TestService, key: string): Promise<void> {
    const line = await lineOf(on);
    assert.equal(line.aborted, true);
    const events = await it.events(String(line.operationId));
    assert.deepEqual(told(events), ['attempt null', 'outcome null']);
    for (const { reason, ticket } of events) assert.deepEqual({ reason, ticket }, intent);
    const again = await repeat(on, key);
    assert.deepEqual([again.status, again.headers['idempotency-replayed']], [200, 'true']);
    const { body } = await it.operation(String(line.operationId), { on });
    assert.deepEqual([body.reason, body.ticket], [intent.reason, intent.ticket]);
    assert.equal(it.asked('disconnect'), 1);
  }
});
