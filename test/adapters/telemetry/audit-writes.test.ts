import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuditWrites } from '../../../src/adapters/telemetry/audit-writes.ts';
import { createMetrics } from '../../../src/adapters/telemetry/metrics.ts';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';

test('audit writes fail from a failure to the next success, but for five minutes at most', () => {
  let now = 0;
  const read = { event: 'read' } as AuditEvent;
  const handedOn: AuditEvent[] = [];
  const writes = createAuditWrites(
    createMetrics(),
    () => now,
    (event) => handedOn.push(event),
  );
  assert.equal(writes.failing(), false);
  writes.failed(read);
  assert.equal(writes.failing(), true);
  assert.deepEqual(handedOn, []);
  writes.written(read);
  assert.equal(writes.failing(), false);
  assert.deepEqual(handedOn, [read]);
  writes.failed(read);
  now += 299_999;
  assert.equal(writes.failing(), true);
  now += 1;
  assert.equal(writes.failing(), false);

  writes.failed({ event: 'attempt' } as AuditEvent);
  writes.written(read);
  assert.equal(writes.failing(), true, 'a good read says nothing about attempts');
  writes.written({ event: 'attempt' } as AuditEvent);
  assert.equal(writes.failing(), false);
});
