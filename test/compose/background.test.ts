import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { endsWithin, keep, repeat } from '../../src/compose/background.ts';
import { CallFailed } from '../../src/core/failure.ts';

/** Lets what was resolved go on. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('background work', () => {
  test('keep: any number of askers, one question at a time, and not again for a while', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const answers = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
    let asked = 0;
    const ask = keep(1000, () => answers[asked++]?.promise ?? Promise.reject(new Error('asked too often')));

    const askers = [ask(), ask(), ask()];
    answers[0]?.resolve(1);
    assert.deepEqual(await Promise.all(askers), [1, 1, 1]);
    await settle();
    t.mock.timers.tick(999);
    assert.equal(await ask(), 1);
    assert.equal(asked, 1);

    t.mock.timers.tick(1);
    answers[1]?.reject(new Error('down'));
    await assert.rejects(ask(), /down/);
    await assert.rejects(ask(), /down/);
    assert.equal(asked, 2);
  });

  test('repeat: at once, then by the clock, one at a time; a failure is not the end; stop waits', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let current = Promise.withResolvers<void>();
    const work = mock.fn(() => current.promise);
    const background = repeat(100, work, { error: () => {} });

    background.start();
    t.mock.timers.tick(300);
    assert.equal(work.mock.callCount(), 1);
    current.reject(new Error('no'));
    await settle();
    current = Promise.withResolvers<void>();
    t.mock.timers.tick(100);
    assert.equal(work.mock.callCount(), 2);

    let stopped = false;
    const stopping = background.stop().then(() => {
      stopped = true;
    });
    await settle();
    assert.equal(stopped, false);
    current.resolve();
    await stopping;
    t.mock.timers.tick(1000);
    assert.equal(work.mock.callCount(), 2);
  });

  test('repeat: logs a defect each time, and leaves a failure for a known reason to those who report it', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const known = new CallFailed({ reason: 'audit_unavailable', cause: 'down', recorded: 'no' });
    const defect = new TypeError('a defect');
    const failures = [known, defect, defect];
    const error = mock.fn();
    const background = repeat(100, () => Promise.reject(failures.shift()), { error });
    background.start();
    await settle();
    assert.equal(error.mock.callCount(), 0);
    for (const count of [1, 2]) {
      t.mock.timers.tick(100);
      await settle();
      assert.equal(error.mock.callCount(), count);
    }
    assert.equal(error.mock.calls[0]?.arguments[0].error, defect);
    await background.stop();
  });

  test('endsWithin: tells what ended in time, well or not, from what did not', async (t) => {
    assert.equal(await endsWithin(1000, Promise.resolve()), true);
    assert.equal(await endsWithin(1000, Promise.reject(new Error('no'))), true);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const late = endsWithin(1000, new Promise(() => {}));
    t.mock.timers.tick(1000);
    assert.equal(await late, false);
  });
});
