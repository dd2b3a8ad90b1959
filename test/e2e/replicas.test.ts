import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type request from 'supertest';
import { until } from '../support/processes.ts';
import { type Replica, startReplica } from '../support/replica.ts';
import { hold, scene } from '../support/scene.ts';
import { bearer, disconnectPath } from '../support/service.ts';

// Long enough for a machine that has other things to do; where a lease must end, the test ends it.
const timings = { leaseMs: 30_000, graphTimeoutMs: 15_000, sweepMs: 200, writeTimeoutMs: 20_000 };

describe('two replicas, one database', () => {
  const it = scene({ timings });
  /** The one that lives. */
  let other: Replica;
  before(async () => {
    other = await startReplica(it.testEnvironment, timings);
  });
  after(() => other?.kill());

  /** 200 calls of 20 users, to both replicas in turn; `null` where the process died on the call. */
  async function storm(
    replicas: readonly Pick<Replica, 'api'>[],
  ): Promise<Promise<request.Response | null>[]> {
    const tokens = await Promise.all(
      Array.from({ length: 20 }, () => it.simulator.token('admin', { oid: randomUUID() })),
    );
    return Array.from({ length: 200 }, async (_, call) => {
      const api = replicas[call % replicas.length]?.api;
      if (api === undefined) return null;
      return await api
        .post(disconnectPath)
        .set('authorization', bearer(tokens[call % tokens.length] ?? ''))
        .then(
          (response) => response,
          () => null,
        );
    });
  }

  // On a machine that is busy with other things, 200 handshakes at once outlast the 5 s that a connection may
  // take: whoever then has none has done nothing, and says so.
  const refused = ['operation_in_progress', 'not_connected'];
  const nothingDone = [
    'overloaded',
    'audit_unavailable',
    'identity_unavailable',
    'signing_keys_unavailable',
    'graph_unavailable',
    'not_sent_in_time',
  ];

  /** Every answer is one of those that are true here. */
  function assertTruthful(responses: readonly (request.Response | null)[], done: boolean): void {
    const truths = new Set([...refused, ...nothingDone]);
    for (const response of responses) {
      if (response === null || (done && response.status === 200)) continue;
      assert.ok(truths.has(response.body.code), `${response.status} ${JSON.stringify(response.body)}`);
    }
  }

  const operations = () =>
    it.query<{ id: string; status: string }>('select id, status from operations order by position');

  for (const sequence of [
    ['inprogress', 'offboarding'],
    ['inprogress', 'offboarding', 'gone'],
    ['inprogress', 'gone'],
  ]) {
    test(`200 at once, and the connection goes ${sequence.join(', ')}: one disconnect, one operation`, async () => {
      const known = (await operations()).length;
      it.simulator.setSequence(it.tenantId, sequence);
      const responses = await Promise.all(await storm([other, it.service]));
      assertTruthful(responses, true);
      assert.equal(responses.filter((response) => response?.status === 200).length, 1);
      assert.equal(it.asked('disconnect'), 1);
      assert.equal(it.simulator.acts().length, 1);
      // One that got no connection to Graph has failed, and made way.
      const [mine, ...more] = (await operations()).slice(known).filter(({ status }) => status !== 'failed');
      assert.equal(more.length, 0);
      const events = (await it.events(mine?.id ?? '')).map(({ event }) => event);
      assert.deepEqual(
        events.filter((event) => event !== 'move'),
        ['attempt', 'outcome'],
      );
    });
  }

  for (const applied of [false, true]) {
    test(`200 at once, and the sender is killed ${applied ? 'after' : 'before'} Graph acts: one disconnect, then unknown, and nobody sends again`, async () => {
      const known = (await operations()).length;
      it.simulator.setSequence(it.tenantId, ['inprogress', 'inprogress']);
      const sender = await startReplica(it.testEnvironment, timings);
      const held = hold(it.simulator, 'disconnect');
      if (applied) it.simulator.setFault('disconnect', { delayMs: 60_000 });
      try {
        // The sender gets the slot, and the storm comes to both while it waits for Graph.
        const first = it.disconnect({ on: sender }).then(
          () => 'answered',
          () => 'died',
        );
        await held.arrived();
        if (applied) held.release();
        const calls = await storm([sender, other]);
        await until('the storm is on', () => it.asked('list') > 20);
        await sender.kill();
        assert.equal(await first, 'died');
        assertTruthful(await Promise.all(calls), false);
        const id = (await operations())[known]?.id ?? '';
        assert.equal(await it.status(id), 'sent');
        await it.query('update operations set lease_until = now() where id = $1', [id]);
        if (applied)
          await until('it is accepted', async () => {
            await it.readConnection();
            return (await it.status(id)) === 'accepted';
          });
        else await until('it is unknown', async () => (await it.status(id)) === 'unknown');
        const after = await Promise.all(await storm([other]));
        assertTruthful(after, false);
        assert.equal(it.asked('disconnect'), 1);
        assert.equal((await operations()).length, known + 1);
        const outcomes = (await it.events(id)).filter(({ event }) => event === 'outcome');
        assert.deepEqual(
          outcomes.map(({ result }) => result),
          ['unknown'],
        );
      } finally {
        held.release();
        await sender.kill();
      }
    });
  }
});
