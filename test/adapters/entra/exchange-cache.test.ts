import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { type CacheResult, ExchangeCache } from '../../../src/adapters/entra/exchange-cache.ts';
import type { SignedInCaller } from '../../../src/core/caller.ts';
import { Secret } from '../../../src/core/secret.ts';

const minute = 60_000;
const hour = 60 * minute;

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
      const first = await cache.get(caller, exchange(now + row.graph));
      now = begun + row.until - 1;
      assert.equal(await cache.get(caller, exchange()), first);
      now = begun + row.until;
      assert.notEqual(await cache.get(caller, exchange()), first);
    }
    assert.deepEqual(results, ['miss', 'hit', 'miss', 'miss', 'hit', 'miss']);
  });

  test('does not keep what would be over within the minute', async () => {
    await cache.get(signedIn('a'), exchange(now + minute));
    await cache.get(signedIn('b', now + minute), exchange());
    assert.equal(cache.size, 0);
  });

  test('is bounded by count, the longest unused going first', async () => {
    for (const name of ['a', 'b', 'c']) await cache.get(signedIn(name), exchange());
    await cache.get(signedIn('a'), exchange());
    await cache.get(signedIn('d'), exchange());
    assert.equal(cache.size, 3);
    results.length = 0;
    for (const name of ['a', 'c', 'd', 'b']) await cache.get(signedIn(name), exchange());
    assert.deepEqual(results, ['hit', 'hit', 'hit', 'miss']);
  });

  test('keeps tenants apart, whatever the assertion', async () => {
    await cache.get(signedIn('a', now + hour, 'one'), exchange());
    await cache.get(signedIn('a', now + hour, 'other'), exchange());
    assert.equal(exchanges, 2);
  });

  test('exchanges once for all who ask at the same time, and all hear of a failure', async () => {
    const failing = async () => {
      exchanges += 1;
      throw new Error('no');
    };
    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, () => cache.get(signedIn('a'), failing)),
    );
    assert.ok(answers.every(({ status }) => status === 'rejected'));
    assert.equal(exchanges, 1);
    await cache.get(signedIn('a'), exchange());
    assert.equal(exchanges, 2);
  });
});
