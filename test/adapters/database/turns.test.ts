import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Turns } from '../../../src/adapters/database/turns.ts';
import { CallFailed } from '../../../src/core/failure.ts';

/** Work that ends when it is told to. */
function held() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const state = { begun: false, end: resolve, fail: reject };
  const work = () => {
    state.begun = true;
    return promise;
  };
  return Object.assign(state, { work });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  test('are so many at once, and the others wait in the order they came', async () => {
    const turns = new Turns(2);
    const works = Array.from({ length: 5 }, held);
    const taken = works.map(({ work }) => turns.take(work));
    const begun = () => works.map((one) => one.begun);
    assert.deepEqual(begun(), [true, true, false, false, false]);
    works[1]?.end('b');
    assert.equal(await taken[1], 'b');
    assert.deepEqual(begun(), [true, true, true, false, false]);
    works[0]?.fail(new Error('no'));
    await assert.rejects(taken[0] as Promise<string>, /no/);
    await turn();
    assert.deepEqual(begun(), [true, true, true, true, false]);
    for (const { end } of works) end('x');
    await Promise.all(taken.slice(1));
    // All are free again, and no more than there were.
    const again = Array.from({ length: 3 }, held);
    const last = again.map(({ work }) => turns.take(work));
    assert.deepEqual(
      again.map((one) => one.begun),
      [true, true, false],
    );
    for (const { end } of again) end('x');
    await Promise.all(last);
  });

  test('that do not come in time are none: the work is not begun, and the turn is the next one’s', async ({
    mock,
  }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const turns = new Turns(1);
    const [first, late, next] = [held(), held(), held()];
    const taken = turns.takeWithin(1000, first.work);
    const waiting = turns.takeWithin(1000, late.work);
    const patient = turns.takeWithin(2000, next.work);
    mock.timers.tick(999);
    assert.deepEqual([first.begun, late.begun], [true, false]);
    mock.timers.tick(1);
    await assert.rejects(waiting, (error) => {
      assert.ok(error instanceof CallFailed);
      const cause = 'too many wait for the same lock';
      assert.deepEqual(error.failure, { reason: 'audit_unavailable', cause, recorded: 'no' });
      return true;
    });
    first.end('first');
    assert.equal(await taken, 'first', 'what has begun goes on');
    await turn();
    assert.deepEqual([late.begun, next.begun], [false, true]);
    mock.timers.tick(5000);
    next.end('next');
    assert.equal(await patient, 'next');
    const failing = held();
    const failed = turns.takeWithin(1000, failing.work);
    failing.fail(new Error('no'));
    await assert.rejects(failed, /no/);
  });
});
