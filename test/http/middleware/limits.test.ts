import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Response } from 'express';
import fc from 'fast-check';
import type { Caller } from '../../../src/core/caller.ts';
import { callerLimit } from '../../../src/http/middleware/limits.ts';

test('a window never has more than its 60 seconds left, whenever it begins', () => {
  const caller = { tenantId: 'tenant', oid: 'caller' } as Caller;
  // Fractions, as the clock has them. Sums round most where a process has just begun.
  const uptimeMs = fc.nat(20_000_000).map((microseconds) => microseconds / 1000);
  fc.assert(
    fc.property(uptimeMs, (now) => {
      const { mock: clock } = mock.method(performance, 'now', () => now);
      const headers = new Map<string, string>();
      const response = { appendHeader: (name: string, value: string) => headers.set(name, value) };
      callerLimit(3)(caller, response as unknown as Response);
      clock.restore();
      assert.equal(headers.get('ratelimit'), '"caller";r=2;t=60');
    }),
  );
});
