import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { until } from '../support/processes.ts';
import { hold, scene } from '../support/scene.ts';
import type { LogLine } from '../support/service.ts';
import { startWireToDatabase, type TcpProxy } from '../support/tcp-proxy.ts';

describe('an outcome that is known is kept', () => {
  let wire: TcpProxy;
  const it = scene({
    environment: async (testEnvironment) => {
      const toDatabase = await startWireToDatabase(testEnvironment);
      wire = toDatabase;
      return toDatabase.environment;
    },
    timings: { graphTimeoutMs: 4000, writeTimeoutMs: 500, sweepMs: 200 },
  });
  after(() => wire?.close());

  const outage = () => {
    wire.onConnection(() => 'refuse');
    wire.cut();
    return { end: () => wire.onConnection(() => 'pass') };
  };
  const told = () =>
    it.service.log.filter(({ kind }) => kind === 'outcome') as (LogLine & {
      level: string;
      event?: AuditEvent;
    })[];

  for (const hears of [true, false]) {
    test(`through an outage of the database, ${hears ? 'and told to the caller' : 'also when the caller has left'}`, async () => {
      it.service.log.length = 0;
      const held = hold(it.simulator, 'disconnect');
      const leaving = new AbortController();
      const sending = fetch(
        `${it.service.url}/api/v1/deviceManagement/chromeOSOnboardingSettings/disconnect`,
        {
          method: 'POST',
          headers: { authorization: `Bearer ${await it.simulator.token('admin')}` },
          signal: leaving.signal,
        },
      );
      const answer = sending.catch(() => null);
      await held.arrived();
      const { end } = outage();
      if (!hears) leaving.abort();
      held.release();
      const response = await answer;
      if (hears) {
        assert.ok(response);
        assert.equal(response.status, 200);
        assert.match(await response.text(), /"value":"inprogress"/);
      }
      await until('it waits', async () => (await it.service.metric('chromeos_bff_outcomes_waiting')) === 1);
      const [line, ...more] = told();
      assert.deepEqual(
        [line?.level, line?.event?.result, line?.event?.value],
        ['error', 'accepted', 'inprogress'],
      );
      assert.equal(more.length, 0, 'once');
      end();
      await until(
        'it is on the record',
        async () => (await it.service.metric('chromeos_bff_outcomes_waiting')) === 0,
      );
      const operationId = line?.event?.operationId ?? '';
      assert.equal(await it.status(operationId), 'accepted');
      const outcomes = (await it.events(operationId)).filter(({ event }) => event === 'outcome');
      assert.deepEqual(outcomes, [line?.event], 'the very event that was logged');
    });
  }

  test('a process that is told to end waits until it is on the record', async () => {
    const ending = await it.start();
    const held = hold(it.simulator, 'disconnect');
    const sending = it.disconnect({ on: ending });
    await held.arrived();
    const { end } = outage();
    held.release();
    const { operationId } = (await sending).body;
    const ended = ending.close();
    await until('it is draining', async () => (await ending.management.get('/readyz')).status === 503);
    assert.equal(await ending.metric('chromeos_bff_outcomes_waiting'), 1);
    end();
    await ended;
    assert.equal(await it.status(operationId), 'accepted');
  });

  test('an attempt that nobody confirmed in time is ended as never sent', async () => {
    const lock = await it.testEnvironment.connect();
    await lock.query('select pg_advisory_lock(4712)');
    await it.query(`create function wait_for_lock() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock_shared(4712); return null; end $$`);
    await it.query(`create constraint trigger wait_for_lock after insert on operations
      deferrable initially deferred for each row execute function wait_for_lock()`);
    try {
      const response = await it.disconnect({ headers: { 'idempotency-key': 'once' } });
      assert.deepEqual([response.status, response.body.code], [503, 'audit_unavailable']);
      assert.equal(response.body.operationId, undefined, 'nobody is told of what may not be there');
      await lock.query('select pg_advisory_unlock(4712)');
      await until('nothing holds the slot', async () => {
        const open = await it.query('select from operations where open');
        return open.length === 0 && (await it.service.metric('chromeos_bff_outcomes_waiting')) === 0;
      });
      assert.equal(it.asked('disconnect'), 0);
      const again = await it.disconnect({ headers: { 'idempotency-key': 'once' } });
      assert.equal(again.status, 200, 'the same request can be sent now');
    } finally {
      await lock.end();
      await it.query('drop trigger wait_for_lock on operations');
    }
  });
});
