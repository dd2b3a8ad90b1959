import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../support/processes.ts';
import { startReplica } from '../support/replica.ts';
import { hold, scene } from '../support/scene.ts';
import { holdConnectionToGraph } from '../support/tcp-proxy.ts';

// The lease leaves room for one request and little more.
const timings = { leaseMs: 2000, graphTimeoutMs: 500, sweepMs: 100, writeTimeoutMs: 10_000 };

describe('whoever sends holds the slot', () => {
  // The one that sweeps.
  const it = scene({ timings });
  const theOpenOne = async () => {
    const [row] = await it.query<{ id: string; status: string }>(
      "select id, status from operations where status in ('sent', 'unknown') order by position desc limit 1",
    );
    return row;
  };
  /** Another replica's sending is held at Graph until its lease has ended and the operation is unknown. */
  async function unknownWhileSent() {
    const other = await it.start();
    const held = hold(it.simulator, 'disconnect');
    const sending = it.disconnect({ on: other });
    await held.arrived();
    const { id = '' } = (await theOpenOne()) ?? {};
    await it.query('update operations set lease_until = now() where id = $1', [id]);
    await until('it is unknown', async () => (await it.status(id)) === 'unknown');
    return { held, sending, id };
  }
  const outcomes = async (id: string) => (await it.events(id)).filter(({ event }) => event === 'outcome');

  test('a sender whose attempt took longer than its lease does not send', async () => {
    // The attempt is committed at once, but the sender does not hear of it.
    const lock = await it.testEnvironment.connect();
    await lock.query('select pg_advisory_lock(4711)');
    await it.query(`create function wait_for_test() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock_shared(4711); return null; end $$`);
    await it.query(`create constraint trigger wait_for_test after insert on operations
      deferrable initially deferred for each row execute function wait_for_test()`);
    try {
      const sending = it.disconnect();
      const waiting = "select from pg_locks where locktype = 'advisory' and not granted";
      await until('the attempt is being committed', async () => (await it.query(waiting)).length > 0);
      const begun = Date.now();
      await until('the lease is over', () => Date.now() > begun + timings.leaseMs);
      await lock.query('select pg_advisory_unlock(4711)');
      const response = await sending;
      assert.deepEqual([response.status, response.body.code], [503, 'not_sent_in_time']);
      assert.equal(it.asked('disconnect'), 0);
      const [{ id } = { id: '' }] = await it.query<{ id: string }>(
        'select id from operations order by position desc limit 1',
      );
      await until('it has ended', async () => (await it.status(id)) === 'failed');
      assert.equal((await outcomes(id)).length, 1);
    } finally {
      await lock.end();
      await it.query('drop trigger wait_for_test on operations');
    }
  });

  test('a process that was stopped while it connected does not send when it wakes', async () => {
    const graph = await holdConnectionToGraph(it.simulator);
    const replica = await startReplica(it.testEnvironment, timings, graph.environment);
    try {
      const sending = it.disconnect({ on: replica });
      await graph.arrived();
      replica.freeze();
      const id = (await theOpenOne())?.id ?? '';
      await until('another replica ended it', async () => (await it.status(id)) === 'unknown');
      // The whole handshake waits for it when it wakes.
      graph.release();
      await graph.answered();
      replica.thaw();
      const response = await sending;
      assert.equal(it.asked('disconnect'), 0);
      assert.deepEqual([response.status, response.body.code], [503, 'not_sent_in_time']);
      assert.equal(await it.status(id), 'failed');
      assert.equal((await outcomes(id)).length, 1);
    } finally {
      await replica.kill();
      await graph.close();
    }
  });

  for (const when of ['before', 'after'] as const) {
    test(`a process that is killed ${when} Graph acts: unknown within the sweep, never sent again`, async () => {
      const replica = await startReplica(it.testEnvironment, timings);
      it.simulator.setSequence(it.tenantId, ['inprogress', 'offboarding']);
      const held = hold(it.simulator, 'disconnect');
      if (when === 'after') it.simulator.setFault('disconnect', { delayMs: 60_000 });
      it.disconnect({ on: replica, headers: { 'idempotency-key': 'k' } }).catch(() => {});
      await held.arrived();
      if (when === 'after') {
        held.release();
        await until('Graph has acted', () => it.simulator.acts().length === 1);
      }
      await replica.kill();
      const { id = '', status } = (await theOpenOne()) ?? {};
      assert.equal(status, 'sent');
      // While its lease lasts the slot is taken.
      const early = await it.disconnect({ as: 'second-admin' });
      assert.deepEqual([early.body.code, early.body.operationId], ['operation_in_progress', id]);
      await until('the sweep has ended it', async () => (await it.status(id)) === 'unknown');
      const [outcome, ...more] = await outcomes(id);
      assert.deepEqual([outcome?.result, outcome?.actor.oid, more.length], ['unknown', 'system', 0]);
      const again = await it.disconnect({ headers: { 'idempotency-key': 'k' } });
      assert.deepEqual([again.status, again.body.code, again.body.operationId], [502, 'outcome_unknown', id]);
      assert.equal(again.headers['idempotency-replayed'], 'true');
      assert.equal(it.asked('disconnect'), 1);
      const { body } = await it.operation(id);
      assert.equal(body.status, when === 'after' ? 'accepted' : 'unknown');
      held.release();
    });
  }

  test('what comes of it after another one took over is on the trail, and moves nothing', async () => {
    const { held, sending, id } = await unknownWhileSent();
    const next = await it.disconnect({ as: 'second-admin', body: { supersedes: id } });
    assert.equal(next.status, 200, JSON.stringify(next.body));
    held.release();
    assert.equal((await sending).status, 200);
    assert.equal(await it.status(id), 'unknown');
    assert.deepEqual(
      (await it.events(id)).map(({ event, result, move }) => [event, result, move?.to ?? null]),
      [
        ['attempt', 'pending', 'sent'],
        ['outcome', 'unknown', 'unknown'],
        ['outcome', 'accepted', null],
      ],
    );
  });

  test('two replicas that sweep at once write one outcome', async () => {
    const { held, sending, id } = await unknownWhileSent();
    held.release();
    assert.equal((await sending).status, 200);
    // What the sender knows settles it, as a move of its own.
    assert.equal(await it.status(id), 'accepted');
    assert.deepEqual(
      (await it.events(id)).map(({ event, move }) => [event, move?.to]),
      [
        ['attempt', 'sent'],
        ['outcome', 'unknown'],
        ['move', 'accepted'],
      ],
    );
    const { body } = await it.operation(id);
    assert.doesNotMatch(body.explanation, /wrote no outcome/);
  });
});
