import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { retryDelayMs } from '../../src/core/retry-delay.ts';

describe('the wait before another try', () => {
  const table: [number, number | null, number, number][] = [
    [0, null, 0, 1000],
    [0, null, 0.5, 1250],
    [1, null, 0, 2000],
    [1, null, 0.5, 2500],
    [0, 0, 0, 1000],
    [0, 999, 0, 1000],
    [0, 1001, 0, 1001],
    [1, 0, 0.5, 1500],
    [0, 7000, 0.5, 7250],
  ];
  for (const [attempt, askedMs, random, expected] of table) {
    test(`${attempt}, ${askedMs} ms asked for: ${expected}`, () => {
      assert.equal(retryDelayMs(attempt, askedMs, random), expected);
    });
  }

  test('is never less than a second, nor less than was asked for', () => {
    const asked = fc.option(fc.nat(), { nil: null });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(5), asked, random, (attempt, askedMs, chance) => {
        const wait = retryDelayMs(attempt, askedMs, chance);
        assert.ok(wait >= 1000 && wait >= (askedMs ?? 0));
      }),
    );
  });
});
