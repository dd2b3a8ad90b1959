import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { type IntuneStandIn, type Step, startIntuneStandIn } from '../support/intune-stand-in.ts';
import { until } from '../support/processes.ts';
import { type Replica, startReplica } from '../support/replica.ts';
import { operationsPath, scene, type Target } from '../support/scene.ts';

// Long enough for a machine that has other things to do; where a lease must end, the test ends it.
const timings = { leaseMs: 30_000, graphTimeoutMs: 15_000, sweepMs: 200, writeTimeoutMs: 20_000 };
const why = { reason: 'The contract ends', ticket: 'CHG-1' };
const key = { 'idempotency-key': 'one-intent' };

describe('Intune’s handshake, with a stand-in that is not the simulator', () => {
  let graph: IntuneStandIn;
  const it = scene({
    timings,
    environment: async ({ simulator }) => {
      graph = await startIntuneStandIn(simulator.tls);
      return { GRAPH_BASE_URL: graph.url };
    },
  });
  const start = () => startReplica(it.testEnvironment, timings, { GRAPH_BASE_URL: graph.url });
  after(() => graph?.close());
  beforeEach(() => graph.reset());

  const disconnect = (on: Target = it.service, headers: Record<string, string> = key) =>
    it.disconnect({ on, body: why, headers });
  const execute = (id: string, on: Target = it.service) => it.post(`${operationsPath}/${id}/execute`, { on });
  const read = async (id: string, on: Target = it.service) => (await it.operation(id, { on })).body;
  const filed = async (): Promise<string> => {
    const { status, body } = await disconnect();
    assert.deepEqual([status, body.status], [202, 'awaiting_intune_approval']);
    return body.operationId;
  };
  const approved = async (): Promise<string> => {
    const id = await filed();
    graph.decide('approved');
    assert.equal((await read(id)).status, 'approved_in_intune');
    return id;
  };

  for (const filedBy of [
    { status: 412, code: 'BadRequest' },
    { status: 412, code: 'PreconditionFailed' },
    { status: 403, code: 'ApprovalRequired' },
  ]) {
    test(`filed by ${filedBy.status} ${filedBy.code}, approved, executed: one act`, async () => {
      graph.settings.filedBy = filedBy;
      const id = await approved();
      assert.equal(graph.requests[0]?.why, 'The contract ends\nTicket: CHG-1');
      assert.equal((await execute(id)).status, 200);
      graph.settings.connection = null;
      assert.equal((await read(id)).status, 'completed');
      assert.equal(graph.acts.length, 1);
    });
  }

  for (const [word, status, acts] of [
    ['rejected', 'rejected', 0],
    ['cancelled', 'withdrawn', 0],
    ['expired', 'expired', 0],
    ['completed', 'accepted', 1],
  ] as const) {
    for (const bring of [filed, approved]) {
      test(`${bring.name}, then ${word}: ${status}`, async () => {
        const id = await bring();
        graph.decide(word);
        assert.equal((await read(id)).status, status);
        assert.equal((await execute(id)).body.code, 'operation_not_allowed');
        assert.equal(graph.acts.length, acts);
      });
    }
  }

  test('a word that nobody knows yet is no error', async () => {
    const id = await filed();
    graph.decide('escalated');
    const operation = await read(id);
    assert.deepEqual([operation.status, operation.readFailed], ['awaiting_intune_approval', null]);
  });

  for (const codeShown of [() => null, () => 'not-a-code', () => '']) {
    test(`filed with ${codeShown()} for a code: unknown, and whatever is sent next acts on nothing`, async () => {
      graph.settings.codeShown = codeShown;
      const { status, body, text } = await disconnect();
      assert.deepEqual([status, body.code], [502, 'intune_approval_filed']);
      assert.doesNotMatch(text, /othing was done/);
      assert.equal((await read(body.operationId)).status, 'unknown');
      const over = await it.disconnect({ body: { supersedes: body.operationId } });
      assert.deepEqual([over.status, over.body.code], [409, 'intune_approval_pending']);
      assert.equal(graph.acts.length, 0);
    });
  }

  test('the code was used up meanwhile: unknown, and Intune’s word settles it', async () => {
    const id = await approved();
    const redeeming = graph.hold('redeeming');
    const executing = execute(id);
    await redeeming.arrived();
    graph.decide('completed');
    redeeming.release();
    const answer = await executing;
    // The connection shows by then that it was carried out.
    assert.deepEqual([answer.status, answer.body.concludedFrom], [200, 'reading']);
    assert.equal(graph.acts.length, 1);
  });

  test('two replicas execute at once: one act', async () => {
    const second = await start();
    try {
      const id = await approved();
      const asked = graph.hold('asked');
      const executing = [execute(id), execute(id, second), execute(id), execute(id, second)];
      await asked.arrived();
      asked.release();
      const answers = await Promise.all(executing);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409, 409]);
      assert.equal(graph.acts.length, 1);
    } finally {
      await second.kill();
    }
  });

  const newestId = async (): Promise<string | null> => {
    const [row] = await it.query<{ id: string; open: boolean }>(
      'select id, open from operations order by position desc limit 1',
    );
    return row?.open ? row.id : null;
  };
  const isOpenInIntune = () => graph.openRequest() !== undefined;

  /** What is true after a kill, whatever was killed: nobody acts twice, and nobody is told that nothing was done while
   *  a request is filed. Then somebody completes what is open in Intune. */
  async function aftermath(): Promise<void> {
    const id = await newestId();
    if (id === null) return;
    await it.query("update operations set lease_until = now() where id = $1 and status = 'sent'", [id]);
    await until('nobody sends it any more', async () => (await it.status(id)) !== 'sent');
    const waiting = ['awaiting_intune_approval', 'approved_in_intune', 'unknown'];
    const acts = graph.acts.length;
    const before = await read(id);
    if (isOpenInIntune()) {
      assert.ok(waiting.includes(before.status), before.status);
      assert.doesNotMatch(JSON.stringify(before), /othing was done/);
      for (const { explanation } of await it.events(id))
        assert.doesNotMatch(explanation ?? '', /othing was done/);
    }
    const again = await disconnect();
    assert.notEqual(again.status, 200);
    assert.equal((await disconnect(it.service, {})).status, 409);
    assert.equal(graph.acts.length, acts, 'sent again');
    if (before.status === 'approved_in_intune') assert.equal((await execute(id)).status, 200);
    else if (waiting.includes(before.status)) assert.equal((await execute(id)).status, 409);
    if (isOpenInIntune()) graph.decide('completed');
    if (graph.requests.length > 0 || acts > 0) {
      assert.equal(graph.acts.length, 1);
      await until('it is told as taken on', async () => (await read(id)).status === 'accepted');
    }
  }

  /** Waits until the victim waits for a lock that we hold on the operation. */
  async function lockOperation() {
    const client = await it.testEnvironment.connect();
    await client.query('begin');
    await client.query('select from operations where open for update');
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    return {
      waitedFor: () =>
        until('somebody waits for the operation', async () => {
          const waiting = await it.query(
            'select from pg_locks where not granted and $1::integer = any(pg_blocking_pids(pid))',
            [rows[0]?.pid],
          );
          return waiting.length > 0;
        }),
      async release() {
        await client.query('rollback');
        await client.end();
      },
    };
  }

  type Doing = (victim: Replica) => Promise<unknown>;
  const disconnecting: Doing = (victim) => disconnect(victim);
  const executingOn: Doing = async (victim) => execute((await newestId()) ?? '', victim);
  const reading: Doing = async (victim) => read((await newestId()) ?? '', victim);
  const connected = async () => {};
  const filedAndApproved = async () => {
    await filed();
    graph.decide('approved');
  };

  const kills: [string, () => Promise<unknown>, Doing, Step, ('goes on' | 'drop')[]][] = [
    ['before the attempt', connected, disconnecting, 'reading', ['goes on']],
    ['when Intune demands a justification', connected, disconnecting, 'demanding', ['goes on']],
    ['when the justification was sent', connected, disconnecting, 'filing', ['goes on', 'drop']],
    ['when the request is filed', connected, disconnecting, 'filed', ['goes on']],
    ['while it asks Intune', filedAndApproved, reading, 'asked', ['goes on']],
    ['while it asks Intune before executing', approved, executingOn, 'asked', ['goes on']],
    ['before the second attempt', approved, executingOn, 'reading', ['goes on']],
    ['when the code was sent', approved, executingOn, 'redeeming', ['goes on', 'drop']],
    ['when it was carried out', approved, executingOn, 'acted', ['goes on']],
  ];
  for (const [name, bring, doing, step, ways] of kills) {
    for (const way of ways) {
      test(`killed ${name}, which ${way === 'drop' ? 'is lost' : 'goes on'}`, async () => {
        const victim = await start();
        await bring();
        const held = graph.hold(step);
        const died = doing(victim).catch(() => 'died');
        await held.arrived();
        await victim.kill();
        assert.equal(await died, 'died');
        held.release(way);
        await aftermath();
      });
    }
  }

  const killsAtTheRecord: [string, () => Promise<unknown>, Doing, Step][] = [
    ['before the permission to send the justification', connected, disconnecting, 'demanding'],
    ['before what was filed is on record', connected, disconnecting, 'filed'],
    ['before the approval is on record', filedAndApproved, reading, 'asked'],
    ['before the second attempt is on record', approved, executingOn, 'reading'],
    ['before its outcome is on record', approved, executingOn, 'acted'],
  ];
  for (const [name, bring, doing, step] of killsAtTheRecord) {
    test(`killed ${name}`, async () => {
      const victim = await start();
      await bring();
      const held = graph.hold(step);
      const died = doing(victim).catch(() => 'died');
      await held.arrived();
      const lock = await lockOperation();
      try {
        held.release();
        await lock.waitedFor();
      } finally {
        await victim.kill();
        await lock.release();
      }
      assert.equal(await died, 'died');
      await aftermath();
    });
  }
});
