import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SignInLimit, type SignInLimits } from '../../../src/adapters/database/sign-in-limit.ts';
import { createSignInQueue } from '../../../src/adapters/database/sign-in-queue.ts';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';
import type { AuditTrail } from '../../../src/core/ports.ts';
import { sampleEvent } from '../../support/audit.ts';

// Over HTTP with a real database: test/e2e/audit-trail.test.ts. Here are the exact bounds.
const rejected = (address = '203.0.113.7', explanation: string | null = 'expired'): AuditEvent =>
  sampleEvent('none', { source: { address }, explanation, failure: 'token_invalid' });

describe('the limit of rejected sign-ins', () => {
  const start = (limits: SignInLimits) => new SignInLimit(limits, () => 'new id');

  test('lets so many of one address through, and so many over all, each minute', () => {
    const limit = start({ perAddress: 2, overAll: 3 });
    const taken = () => ['a', 'a', 'a', 'b', 'b', 'c'].map((address) => limit.takes(rejected(address)));
    assert.deepEqual(taken(), [true, true, false, true, false, false]);
    limit.nextMinute();
    assert.deepEqual(taken(), [true, true, false, true, false, false]);
  });

  test('sums up the rest in one event', () => {
    const limit = start({ perAddress: 0, overAll: 10 });
    assert.equal(limit.nextMinute(), null);
    limit.takes(rejected('a', 'once'));
    limit.takes(rejected('b', 'often'));
    const last = rejected('b', 'often');
    limit.takes(last);
    assert.deepEqual(limit.nextMinute(), {
      ...last,
      id: 'new id',
      requestId: 'new id',
      source: { address: 'several' },
      explanation: '3 more rejected sign-ins within a minute, from 2 addresses: 2 × often; 1 × once',
    });
    assert.equal(limit.nextMinute(), null);
    limit.takes(rejected('a', null));
    const alone = limit.nextMinute();
    assert.deepEqual(
      [alone?.source.address, alone?.explanation],
      ['a', '1 more rejected sign-ins within a minute, from 1 address: 1 × token_invalid'],
    );
  });

  test('names ten causes and counts the others', () => {
    const limit = start({ perAddress: 0, overAll: 10 });
    for (let cause = 0; cause < 12; cause += 1) limit.takes(rejected('a', `cause ${cause}`));
    limit.takes(rejected('a', 'cause 9'));
    limit.takes(rejected('a', 'cause 10'));
    const explanation = limit.nextMinute()?.explanation ?? '';
    assert.match(explanation, /^14 more .*: 2 × cause 9; 1 × cause 0; .*1 × cause 8; 3 × other causes$/);
  });

  test('remembers ten thousand addresses of a minute', () => {
    const limit = start({ perAddress: 0, overAll: 10 });
    for (let count = 0; count < 9999; count += 1) limit.takes(rejected(`${count}`));
    assert.match(limit.nextMinute()?.explanation ?? '', /, from 9999 addresses:/);
    for (let count = 0; count < 10_001; count += 1) limit.takes(rejected(`${count}`));
    assert.match(limit.nextMinute()?.explanation ?? '', /^10001 .*, from 10000 or more addresses:/);
  });
});

describe('the queue of rejected sign-ins', () => {
  /** A trail whose every append is ended by the test. */
  function start(options: { size: number; overAll?: number }) {
    const appended: { event: AuditEvent; end: () => void; fail: () => void }[] = [];
    const dropped: string[] = [];
    const append = (event: AuditEvent) =>
      new Promise<void>((resolve, reject) => {
        appended.push({ event, end: resolve, fail: () => reject(new Error('no')) });
      });
    const queue = createSignInQueue({ append } as AuditTrail, {
      size: options.size,
      limits: { perAddress: 1000, overAll: options.overAll ?? 1000 },
      minuteMs: 1000,
      newId: () => 'summary',
      onDropped: (reason) => dropped.push(reason),
    });
    return { queue, appended, dropped };
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  test('writes eight at once, keeps so many waiting, and drops what is beyond', async () => {
    const { queue, appended, dropped } = start({ size: 3 });
    const events = Array.from({ length: 12 }, () => rejected());
    for (const event of events) queue.offer(event);
    assert.deepEqual([appended.length, dropped], [8, ['full']]);
    appended[0]?.end();
    appended[1]?.fail();
    await turn();
    assert.deepEqual([appended.length, dropped], [10, ['full', 'not_written']]);
    assert.deepEqual(
      appended.map(({ event }) => event.id),
      events.slice(0, 10).map(({ id }) => id),
    );
    let drained = false;
    const draining = queue.drain().then(() => {
      drained = true;
    });
    for (const { end } of appended) end();
    await turn();
    assert.deepEqual([appended.length, drained], [11, false]);
    appended[10]?.end();
    await draining;
  });

  test('sums up what is beyond the limit when the minute ends, or when it is drained', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const { queue, appended } = start({ size: 10, overAll: 1 });
    const offer = (count: number) => {
      for (let offered = 0; offered < count; offered += 1) queue.offer(rejected());
    };
    offer(2);
    mock.timers.tick(999);
    offer(1);
    assert.equal(appended.length, 1);
    mock.timers.tick(1);
    assert.deepEqual([appended.length, appended[1]?.event.id], [2, 'summary']);
    assert.match(appended[1]?.event.explanation ?? '', /^2 more/);
    offer(3);
    assert.deepEqual(appended.length, 3);
    const draining = queue.drain();
    assert.match(appended[3]?.event.explanation ?? '', /^2 more/);
    for (const { end } of appended) end();
    await draining;
    // The minute that was ended does not end the next one.
    mock.timers.tick(500);
    offer(2);
    mock.timers.tick(999);
    assert.equal(appended.length, 5);
    mock.timers.tick(1);
    assert.equal(appended.length, 6);
    for (const { end } of appended) end();
    await queue.drain();
  });
});
