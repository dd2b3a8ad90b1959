import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type CacheResult, ExchangeCache } from '../../../src/adapters/entra/exchange-cache.ts';
import type { SignedInCaller } from '../../../src/core/caller.ts';
import type { Deadline } from '../../../src/core/deadline.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import { Secret } from '../../../src/core/secret.ts';

const minute = 60_000;
const hour = 60 * minute;
const ample: Deadline = { leftMs: () => minute };

describe('the cache of exchanged tokens', () => {
  let now: number;
  let results: CacheResult[];
  let cache: ExchangeCache;
  let exchanges: number;

  beforeEach(() => {
    now = 1_800_000_000_000;
    results = [];
    exchanges = 0;
    cache = new ExchangeCache({
      size: 3,
      clock: () => now,
      onResult: (result) => results.push(result),
    });
  });

  const signedIn = (assertion: string, expiresAt = now + hour, tenantId = 'tenant') =>
    ({
      caller: { tenantId },
      assertion: new Secret(assertion),
      fingerprint: assertion,
      expiresAt,
    }) as SignedInCaller;
  const exchange =
    (expiresAt = now + hour) =>
    async () => {
      exchanges += 1;
      return { token: new Secret(`graph ${exchanges}`), expiresAt };
    };

  test('never serves past the earlier of both expiries, less a minute', async () => {
    const rows = [
      { graph: 10 * minute, assertion: hour, until: 9 * minute },
      { graph: hour, assertion: 10 * minute, until: 9 * minute },
    ];
    for (const [index, row] of rows.entries()) {
      const caller = signedIn(`assertion ${index}`, now + row.assertion);
      const begun = now;
      const first = await cache.get(caller, ample, exchange(now + row.graph));
      now = begun + row.until - 1;
      assert.equal(await cache.get(caller, ample, exchange()), first);
      now = begun + row.until;
      assert.notEqual(await cache.get(caller, ample, exchange()), first);
    }
    assert.deepEqual(results, ['miss', 'hit', 'miss', 'miss', 'hit', 'miss']);
  });

  test('does not keep what would be over within the minute', async () => {
    await cache.get(signedIn('a'), ample, exchange(now + minute));
    await cache.get(signedIn('b', now + minute), ample, exchange());
    assert.equal(cache.size, 0);
  });

  test('is bounded by count, the longest unused going first', async () => {
    for (const name of ['a', 'b', 'c']) await cache.get(signedIn(name), ample, exchange());
    await cache.get(signedIn('a'), ample, exchange());
    await cache.get(signedIn('d'), ample, exchange());
    assert.equal(cache.size, 3);
    results.length = 0;
    for (const name of ['a', 'c', 'd', 'b']) await cache.get(signedIn(name), ample, exchange());
    assert.deepEqual(results, ['hit', 'hit', 'hit', 'miss']);
  });

  test('keeps tenants apart, whatever the assertion', async () => {
    await cache.get(signedIn('a', now + hour, 'one'), ample, exchange());
    await cache.get(signedIn('a', now + hour, 'other'), ample, exchange());
    assert.equal(exchanges, 2);
  });

  test('exchanges once for all who ask at the same time, and all hear of a failure', async () => {
    const failing = async () => {
      exchanges += 1;
      throw new Error('no');
    };
    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, () => cache.get(signedIn('a'), ample, failing)),
    );
    assert.ok(answers.every(({ status }) => status === 'rejected'));
    assert.equal(exchanges, 1);
    await cache.get(signedIn('a'), ample, exchange());
    assert.equal(exchanges, 2);
  });

  test('lets go of who has no time left, and ends the exchange for nobody else', async () => {
    const entra = Promise.withResolvers<{ token: Secret; expiresAt: number }>();
    const slow = () => {
      exchanges += 1;
      return entra.promise;
    };
    const over: Deadline = { leftMs: () => 0 };
    const isLate = (error: CallFailed) => {
      const cause = 'the time for the call was over before the exchange was';
      assert.deepEqual(error.failure, { reason: 'identity_unavailable', retryAfterMs: null, cause });
      return true;
    };
    const patient = cache.get(signedIn('a'), ample, slow);
    await assert.rejects(cache.get(signedIn('a'), over, slow), isLate);
    // The one who began it may be the one who leaves.
    await assert.rejects(cache.get(signedIn('b'), over, slow), isLate);
    const second = cache.get(signedIn('b'), ample, slow);
    const token = new Secret('graph');
    entra.resolve({ token, expiresAt: now + hour });
    assert.equal(await patient, token);
    assert.equal(await second, token);
    assert.equal(await cache.get(signedIn('a'), over, exchange()), token);
    assert.equal(exchanges, 2);
    assert.deepEqual(results, ['miss', 'shared', 'miss', 'shared', 'hit']);
  });

  test('a failure that nobody waits for any more is nobody’s', async () => {
    const entra = Promise.withResolvers<never>();
    await assert.rejects(
      cache.get(signedIn('a'), { leftMs: () => 0 }, () => entra.promise),
      CallFailed,
    );
    entra.reject(new Error('no'));
    // An unhandled rejection would fail this test's process.
    await setImmediate();
    await cache.get(signedIn('a'), ample, exchange());
    assert.deepEqual(results, ['miss', 'miss']);
  });
});
