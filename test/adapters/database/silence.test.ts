import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Silence } from '../../../src/adapters/database/silence.ts';

const never = new Promise<never>(() => {});

describe('the silence of a server', () => {
  test('begins where something was asked, or at the last that came from it', ({ mock }) => {
    let now = 1000;
    mock.method(performance, 'now', () => now);
    const silence = new Silence(100);
    assert.equal(silence.limitMs, 100);
    const since = (askedAt: number) => silence.isSilentSince(askedAt);
    assert.deepEqual([since(901), since(900), since(899)], [false, true, true]);
    silence.answered();
    assert.deepEqual([since(899), since(1000)], [false, false]);
    now = 1099;
    assert.equal(since(900), false);
    now = 1100;
    assert.deepEqual([since(900), since(1001)], [true, false]);
  });

  test('keeps the others waiting while there is a doubt, until it ends or something comes', async () => {
    const silence = new Silence(100);
    await silence.undoubted(never);
    for (const end of ['endDoubt', 'answered'] as const) {
      silence.beginDoubt();
      // A second doubt is the same one.
      const first = silence.undoubted(never);
      silence.beginDoubt();
      const waiting = Promise.all([first, silence.undoubted(never)]);
      let over = false;
      void waiting.then(() => (over = true));
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(over, false);
      silence[end]();
      await waiting;
      await silence.undoubted(never);
    }
  });

  test('keeps nobody waiting longer than their time', async () => {
    const silence = new Silence(100);
    silence.beginDoubt();
    await assert.rejects(silence.undoubted(Promise.reject(new Error('too late'))), /too late/);
  });
});
