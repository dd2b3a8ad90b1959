import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { type AuditWrites, createAuditWrites } from '../../../src/adapters/telemetry/audit-writes.ts';
import { createMetrics } from '../../../src/adapters/telemetry/metrics.ts';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';

describe('audit writes', () => {
  const read = { event: 'read' } as AuditEvent;
  const attempt = { event: 'attempt' } as AuditEvent;
  let now: number;
  let handedOn: AuditEvent[];
  let writes: AuditWrites;
  beforeEach(() => {
    now = 0;
    handedOn = [];
    writes = createAuditWrites(
      createMetrics(),
      () => now,
      (event) => handedOn.push(event),
    );
  });
  /** One after the other. */
  const fail = (times: number) => {
    for (let time = 0; time < times; time += 1) {
      now += 20;
      writes.failed(read, 10);
    }
  };
  /** For how long they count as failing when nothing more happens, in milliseconds. */
  const rememberedMs = () => {
    const from = now;
    while (writes.failing()) now += 1000;
    return now - from;
  };

  test('fail from a failure to the next success', () => {
    assert.equal(writes.failing(), false);
    fail(1);
    assert.equal(writes.failing(), true);
    assert.deepEqual(handedOn, []);
    writes.written(read);
    assert.equal(writes.failing(), false);
    assert.deepEqual(handedOn, [read]);
  });

  test('are judged by kind: a good read says nothing about attempts', () => {
    writes.failed(attempt, 10);
    writes.written(read);
    assert.equal(writes.failing(), true);
    writes.written(attempt);
    assert.equal(writes.failing(), false);
  });

  test('that failed once or twice are forgotten before anybody is paged, three for longer than that', () => {
    for (const [times, ms] of [
      [1, 90_000],
      [2, 90_000],
      [3, 300_000],
    ] as const) {
      writes.written(read);
      fail(times);
      assert.equal(rememberedMs(), ms, `${times} failures`);
    }
    fail(1);
    assert.equal(rememberedMs(), 300_000, 'none has succeeded since');
    writes.written(read);
    fail(1);
    assert.equal(rememberedMs(), 90_000, 'and one has');
  });

  test('that were tried at the same time and failed together are one failure', () => {
    now = 2000;
    for (let write = 0; write < 10; write += 1) writes.failed(read, 2000 - write);
    now += 1;
    writes.failed(read, 1500);
    assert.equal(rememberedMs(), 90_000);
  });
});
