import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { GroupCommit } from '../../../src/adapters/database/group-commit.ts';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import { sampleEvent } from '../../support/audit.ts';

type Batch = {
  readonly events: readonly AuditEvent[];
  readonly lockMs: number;
  readonly commit: () => void;
  readonly fail: (error: unknown) => void;
};

/** What has to be said for a batch to go apart: the database wraps what PostgreSQL says. */
function lockTimeout(): CallFailed {
  const cause = new pg.DatabaseError('canceling statement due to lock timeout', 1, 'error');
  cause.code = '55P03';
  return new CallFailed({ reason: 'audit_unavailable', cause: 'error 55P03', recorded: 'no' }, { cause });
}

// With a real database and a locked head: test/adapters/database/locked-head.test.ts. Here is the order of things.
describe('events that are committed together', () => {
  let batches: Batch[];
  let now: number;
  let commits: GroupCommit<string>;
  beforeEach((context) => {
    const { mock } = context as TestContext;
    batches = [];
    now = 0;
    mock.method(performance, 'now', () => now);
    commits = start();
  });
  afterEach(() => {
    for (const { commit } of batches) commit();
  });

  const start = (aloneAtOnce = 2) =>
    new GroupCommit<string>({
      timeoutMs: 1000,
      lockMs: 700,
      aloneAtOnce,
      write: (events, lockMs) =>
        new Promise((resolve, reject) => {
          const commit = () => resolve(({ id }) => `written ${id}`);
          batches.push({ events, lockMs, commit, fail: reject });
        }),
    });
  const event = (chain: string) => sampleEvent(chain);
  const append = (one: AuditEvent) => {
    const state = { result: 'pending' };
    const appended = commits.append(one).then(
      (value) => (state.result = value),
      (error) => (state.result = error instanceof CallFailed ? 'failed' : String(error)),
    );
    return Object.assign(state, { event: one, appended });
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const ids = ({ events }: Batch) => events.map(({ id }) => id);

  test('a lone one waits for nobody; those that come meanwhile share the next', async () => {
    const first = append(event('a'));
    assert.equal(batches.length, 1);
    const rest = [append(event('a')), append(event('b'))];
    await turn();
    assert.equal(batches.length, 1);
    batches[0]?.commit();
    await turn();
    assert.deepEqual(
      [batches.length, ids(batches[1] as Batch), batches[1]?.lockMs],
      [2, rest.map(({ event: { id } }) => id), 200],
    );
    assert.deepEqual(
      [first, ...rest].map(({ result }) => result),
      [`written ${first.event.id}`, 'pending', 'pending'],
    );
    batches[1]?.commit();
    await turn();
    assert.deepEqual(
      rest.map(({ result }) => result),
      rest.map(({ event: { id } }) => `written ${id}`),
    );
  });

  test('a batch holds at most 256', async () => {
    append(event('a'));
    const many = Array.from({ length: 257 }, () => append(event('a')));
    batches[0]?.commit();
    await turn();
    assert.equal(batches[1]?.events.length, 256);
    batches[1]?.commit();
    await turn();
    assert.deepEqual(batches[2] && ids(batches[2]), [many.at(-1)?.event.id]);
  });

  test('where it fails, all of the batch hear it, and the next goes on', async () => {
    const one = append(event('a'));
    const next = append(event('a'));
    batches[0]?.fail(new Error('no disk'));
    await turn();
    assert.equal(one.result, 'Error: no disk');
    batches[1]?.commit();
    await turn();
    assert.match(next.result, /^written/);
  });

  test('where a head is locked for long each chain waits alone, in order, with its whole time for the lock', async () => {
    const [a, b, a2] = [event('a'), event('b'), event('a')].map(append);
    batches[0]?.commit();
    await turn();
    assert.deepEqual(ids(batches[1] as Batch), [b?.event.id, a2?.event.id]);
    batches[1]?.fail(lockTimeout());
    await turn();
    assert.equal(a?.result, `written ${a?.event.id}`);
    assert.deepEqual(
      batches.slice(2).map((batch) => [ids(batch), batch.lockMs]),
      [
        [[b?.event.id], 700],
        [[a2?.event.id], 700],
      ],
    );
    // What comes now for such a chain waits with it; the others are not held up.
    const later = append(event('a'));
    const other = append(event('c'));
    await turn();
    assert.deepEqual(ids(batches[4] as Batch), [other.event.id]);
    assert.equal(batches[4]?.lockMs, 200);
    now = 199;
    batches[3]?.commit();
    await turn();
    assert.deepEqual([ids(batches[5] as Batch), batches[5]?.lockMs], [[later.event.id], 700]);
    batches[5]?.commit();
    batches[4]?.commit();
    await turn();
    // Its head was free: the next goes with the others again.
    append(event('a'));
    assert.equal(batches[6]?.lockMs, 200);
    // The other chain's batch still waits.
    const waiting = append(event('b'));
    await turn();
    batches[2]?.commit();
    await turn();
    assert.deepEqual([ids(batches[7] as Batch), batches[7]?.lockMs], [[waiting.event.id], 700]);
  });

  test('a chain whose head was not free stays alone', async () => {
    append(event('a'));
    batches[0]?.fail(lockTimeout());
    await turn();
    now = 200;
    batches[1]?.commit();
    await turn();
    const next = append(event('a'));
    assert.deepEqual([ids(batches[2] as Batch), batches[2]?.lockMs], [[next.event.id], 700]);
    batches[2]?.fail(lockTimeout());
    await turn();
    assert.deepEqual(
      [ids(batches[3] as Batch), next.result],
      [[next.event.id], 'pending'],
      'until its time is up',
    );
  });

  test('only so many chains wait alone at once', async () => {
    commits = start(1);
    append(event('a'));
    append(event('b'));
    append(event('c'));
    batches[0]?.commit();
    await turn();
    batches[1]?.fail(lockTimeout());
    await turn();
    assert.equal(batches.length, 3);
    batches[2]?.commit();
    await turn();
    assert.equal(batches.length, 4);
  });

  test('what is not durable in time fails, and is not written where that can be helped', async (context) => {
    const { mock } = context;
    mock.timers.enable({ apis: ['setTimeout'] });
    const pass = (ms: number) => {
      now += ms;
      mock.timers.tick(ms);
    };
    const first = append(event('a'));
    pass(400);
    const second = append(event('a'));
    pass(599);
    assert.deepEqual([first.result, second.result], ['pending', 'pending']);
    pass(1);
    await first.appended;
    assert.deepEqual([first.result, second.result], ['failed', 'pending']);
    await assert.rejects(
      Promise.all([commits.append(event('a')), Promise.resolve().then(() => pass(1000))]),
      (error) =>
        error instanceof CallFailed &&
        error.failure.reason === 'audit_unavailable' &&
        error.failure.cause === 'the event was not durable in time' &&
        error.failure.recorded === 'no',
    );
    await second.appended;
    assert.equal(second.result, 'failed');
    const third = append(event('a'));
    batches[0]?.commit();
    await turn();
    assert.deepEqual(ids(batches[1] as Batch), [third.event.id]);
    batches[1]?.commit();
    await turn();
    // Nobody waits: nothing is left to fail, and the next has its own time.
    const fourth = append(event('a'));
    pass(999);
    await turn();
    assert.equal(fourth.result, 'pending');
    pass(1);
    await fourth.appended;
    assert.equal(fourth.result, 'failed');
    batches[2]?.fail(lockTimeout());
    await turn();
    assert.equal(batches.length, 3, 'what has failed does not wait alone');
  });

  test('each fails at its own time, and says whether it may be written', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const armed = mock.method(globalThis, 'setTimeout');
    const pass = async (ms: number) => {
      now += ms;
      mock.timers.tick(ms);
      await turn();
    };
    const failures: string[] = [];
    const failing = (name: string) =>
      commits.append(event('a')).catch((error) => failures.push(`${name} ${error.failure.recorded}`));
    failing('first');
    await pass(400);
    failing('second');
    await pass(599);
    assert.deepEqual(failures, []);
    await pass(1);
    assert.deepEqual(failures, ['first unknown']);
    await pass(399);
    assert.deepEqual(failures, ['first unknown']);
    await pass(1);
    assert.deepEqual(failures, ['first unknown', 'second no']);
    assert.equal(armed.mock.callCount(), 2, 'it looks when a time is up, and not else');
    batches[0]?.commit();
    await turn();
    assert.equal(batches.length, 1, 'nothing is left to write');
  });

  test('what comes to wait alone waits before what came to the service later', async () => {
    const first = append(event('a'));
    const [second, third] = [append(event('a')), append(event('a'))];
    batches[0]?.fail(lockTimeout());
    await turn();
    assert.deepEqual(batches.slice(1).map(ids), [[first.event.id], [second.event.id, third.event.id]]);
    now = 10;
    const last = append(event('a'));
    batches[2]?.fail(lockTimeout());
    await turn();
    assert.equal(batches.length, 3, 'one after the other');
    batches[1]?.commit();
    await turn();
    assert.deepEqual(
      ids(batches[3] as Batch),
      [second, third, last].map((one) => one.event.id),
    );
  });

  test('a chain stays alone where its last batch failed, however free it was before', async () => {
    append(event('a'));
    batches[0]?.fail(lockTimeout());
    await turn();
    append(event('a'));
    batches[1]?.commit();
    await turn();
    batches[2]?.fail(new Error('no'));
    await turn();
    append(event('a'));
    assert.equal(batches[3]?.lockMs, 700);
  });

  test('a chain of which nobody waits any more is not alone', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    append(event('a'));
    now = 1000;
    mock.timers.tick(1000);
    batches[0]?.fail(lockTimeout());
    await turn();
    append(event('a'));
    assert.equal(batches[1]?.lockMs, 200);
  });
});
