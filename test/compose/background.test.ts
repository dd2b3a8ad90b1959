import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { endsWithin, keep, repeat } from '../../src/compose/background.ts';

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
    const background = repeat(100, work);

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

  test('endsWithin: tells what ended in time, well or not, from what did not', async (t) => {
    assert.equal(await endsWithin(1000, Promise.resolve()), true);
    assert.equal(await endsWithin(1000, Promise.reject(new Error('no'))), true);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const late = endsWithin(1000, new Promise(() => {}));
    t.mock.timers.tick(1000);
    assert.equal(await late, false);
  });
});
