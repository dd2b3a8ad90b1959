import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CallCounts } from '../../../src/http/middleware/call-counts.ts';

const windowMs = 60_000;

test('counts each key in windows of its own, whatever else is counted meanwhile', () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c', '__proto__'), after: fc.nat(45_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const counts = new CallCounts(windowMs);
      const expected = new Map<string, { calls: number; endsAt: number }>();
      let now = 1_800_000_000_000;
      for (const { key, after } of steps) {
        now += after;
        const before = expected.get(key);
        const open = before !== undefined && now < before.endsAt;
        const window = open ? before : { calls: 0, endsAt: now + windowMs };
        expected.set(key, { ...window, calls: window.calls + 1 });
        assert.deepEqual({ ...counts.count(key, now) }, expected.get(key));
      }
    }),
  );
});

test('lets go of keys that are not counted any more', () => {
  const counts = new CallCounts(windowMs);
  const begun = 1_800_000_000_000;
  for (let key = 0; key < 1000; key += 1) counts.count(`gone ${key}`, begun + key);
  counts.count('here', begun + windowMs);
  counts.count('here', begun + 2 * windowMs);
  counts.count('here', begun + 3 * windowMs);
  assert.equal(counts.size, 2);
});
