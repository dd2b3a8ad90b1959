import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SigningKeys, type SigningKeysOptions } from '../../../src/adapters/entra/signing-keys.ts';
import type { Deadline } from '../../../src/core/deadline.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import { authorityHost, clientId, metadataSource, startTenant, tenantId } from './tenant.ts';

// What outages look like over HTTP is tested in test/e2e/identity-outages.test.ts; here is what needs exact timing.
const minute = 60_000;
const refreshMs = 30 * minute;
const maxAgeMs = 24 * 60 * minute;
const ample: Deadline = { leftMs: () => minute };
const none: Deadline = { leftMs: () => 0 };

describe('signing keys', () => {
  let now: number;
  let entra: ReturnType<typeof startTenant>;
  let told: (string | null)[];
  let random: number;
  const started: SigningKeys[] = [];
  beforeEach(() => {
    now = 1_800_000_000_000;
    random = 0.5;
    told = [];
    entra = startTenant();
  });
  afterEach(() => {
    for (const keys of started.splice(0)) keys.close();
  });

  const make = (differing: Partial<SigningKeysOptions> = {}) => {
    const keys = new SigningKeys({
      ...metadataSource(entra.http),
      clock: () => now,
      random: () => random,
      onRefresh: (refresh) => {
        assert.equal(refresh.tenantId, tenantId);
        told.push('error' in refresh ? String(refresh.error) : null);
      },
      refreshMs,
      unknownKeyRefetchMs: minute,
      maxAgeMs,
      ...differing,
    });
    started.push(keys);
    return keys;
  };
  const unavailable = (finding: Promise<unknown>) =>
    assert.rejects(finding, (error) => {
      assert.ok(error instanceof CallFailed);
      assert.deepEqual(error.failure, { reason: 'signing_keys_unavailable', retryAfter: 5 });
      return true;
    });

  test('are loaded by the first who asks, and once', async () => {
    const keys = make();
    assert.deepEqual(
      [keys.current, keys.problem, keys.outage, keys.stale],
      [null, 'have never been loaded', false, false],
    );
    const [found] = await Promise.all([keys.find('first', ample), keys.find('first', ample), keys.start()]);
    assert.ok(found?.key);
    assert.deepEqual(found.issuers, [`${authorityHost}/${tenantId}/v2.0`, `${authorityHost}/${tenantId}`]);
    await keys.start();
    assert.deepEqual([entra.state.loads, told, keys.problem, keys.outage], [1, [null], null, false]);
    assert.equal(keys.current?.tokenEndpoint, `${authorityHost}/${tenantId}/oauth2/v2.0/token`);
  });

  test('are told as unavailable where Entra cannot be asked, or not by the deadline', async () => {
    entra.state.up = false;
    const keys = make();
    await unavailable(keys.find('first', ample));
    assert.deepEqual([keys.outage, keys.stale, keys.problem], [true, true, 'have never been loaded']);
    assert.match(told[0] ?? '', /\/v2\.0\/\.well-known\/openid-configuration answered 503/);

    const slow = make();
    const hold = Promise.withResolvers<void>();
    entra.state.held = hold.promise;
    entra.state.up = true;
    const patient = slow.find('first', ample);
    await unavailable(slow.find('first', none));
    hold.resolve();
    assert.ok(await patient);
  });

  test('an unknown one is asked for once a minute, and is none where Entra does not have it', async () => {
    const keys = make();
    await keys.start();
    assert.deepEqual(await Promise.all(['x', 'y', 'z'].map((kid) => keys.find(kid, ample))), [
      null,
      null,
      null,
    ]);
    assert.equal(entra.state.loads, 2);
    entra.state.kids = ['first', 'second'];
    now += minute - 1;
    assert.equal(await keys.find('second', ample), null);
    assert.equal(entra.state.loads, 2);
    now += 1;
    assert.ok(await keys.find('second', ample));
    assert.equal(entra.state.loads, 3);
  });

  test('an unknown one is no bad token while Entra is out of reach; a known one goes on', async () => {
    const keys = make();
    await keys.start();
    entra.state.up = false;
    await unavailable(keys.find('second', ample));
    await unavailable(keys.find('second', ample));
    assert.equal(entra.state.loads, 2, 'within the minute nobody asks again');
    assert.ok(await keys.find('first', ample));
    assert.deepEqual([keys.outage, keys.problem, keys.stale], [true, null, false]);
    now += minute;
    entra.state.up = true;
    assert.equal(await keys.find('second', ample), null);
    assert.equal(keys.outage, false);
  });

  test('whoever has no time does not wait for an unknown one', async () => {
    const keys = make();
    await keys.start();
    const hold = Promise.withResolvers<void>();
    entra.state.held = hold.promise;
    await unavailable(keys.find('second', none));
    entra.state.kids = ['second'];
    const joined = keys.find('second', ample);
    hold.resolve();
    assert.ok(await joined, 'the load under way is waited for');
    assert.equal(entra.state.loads, 2);
  });

  test('serve to their last millisecond, and not after it', async () => {
    const keys = make();
    await keys.start();
    now += 2 * refreshMs;
    assert.equal(keys.stale, false);
    now += 1;
    assert.equal(keys.stale, true);
    now += maxAgeMs - 2 * refreshMs - 1;
    entra.state.up = false;
    assert.ok(await keys.find('first', ample));
    assert.equal(keys.problem, null);
    now += 1;
    assert.equal(keys.problem, 'are too old, and cannot be loaded again');
    await unavailable(keys.find('first', ample));
    assert.ok(keys.current, 'what was last loaded, however old');
  });

  test('a document that Entra had and lacks now takes nothing away, while they serve', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const keys = make();
    await keys.start();
    entra.state.absent = {
      '/.well-known/openid-configuration': 404,
      [`/.well-known/openid-configuration?appid=${clientId}`]: 404,
    };
    assert.equal(await keys.find('second', ample).catch(() => 'unavailable'), 'unavailable');
    assert.equal(told.at(-1), 'Error: Entra lacks a metadata document that it had');
    assert.equal(keys.current?.issuers.length, 2);
    now += maxAgeMs + 1;
    mock.timers.tick(10_000);
    await settled();
    assert.deepEqual([keys.problem, keys.current?.issuers.length], [null, 1]);
  });

  const waits: [string, { random: number; up: boolean; loaded: boolean; refreshMs?: number }, number][] = [
    ['at the interval', { random: 0.5, up: true, loaded: true }, refreshMs],
    ['up to a tenth earlier', { random: 0, up: true, loaded: true }, refreshMs * 0.9],
    ['or later', { random: 1, up: true, loaded: true }, refreshMs * 1.1],
    ['soon after a failure', { random: 0.5, up: false, loaded: true }, 10_000],
    ['sooner without any', { random: 0.5, up: false, loaded: false }, 4000],
    ['never later than at the interval', { random: 0.5, up: false, loaded: true, refreshMs: 1000 }, 1000],
  ];
  for (const [when, given, waitMs] of waits) {
    test(`are loaded again ${when}`, async ({ mock }) => {
      mock.timers.enable({ apis: ['setTimeout'] });
      const keys = make(given.refreshMs === undefined ? {} : { refreshMs: given.refreshMs });
      entra.state.up = given.up || given.loaded;
      random = given.random;
      await keys.start();
      if (!given.up && given.loaded) {
        entra.state.up = false;
        mock.timers.tick(given.refreshMs ?? refreshMs);
        await settled();
      }
      const before = entra.state.loads;
      mock.timers.tick(waitMs - 1);
      await settled();
      assert.equal(entra.state.loads, before);
      mock.timers.tick(1);
      await settled();
      assert.equal(entra.state.loads, before + 1);
    });
  }

  test('a known one does not wait for the load that is under way', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const keys = make();
    await keys.start();
    const hold = Promise.withResolvers<void>();
    entra.state.held = hold.promise;
    mock.timers.tick(refreshMs);
    assert.equal(entra.state.loads, 2);
    assert.ok(await keys.find('first', { leftMs: () => 60_000 }));
    hold.resolve();
  });

  test('are loaded again once in an interval, after a strange one was asked for too', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const keys = make();
    await keys.start();
    mock.timers.tick(1000);
    assert.equal(await keys.find('strange', { leftMs: () => 60_000 }), null);
    assert.equal(entra.state.loads, 2);
    mock.timers.tick(refreshMs - 1);
    await settled();
    assert.equal(entra.state.loads, 2, 'counted from the last load');
    mock.timers.tick(1);
    await settled();
    assert.equal(entra.state.loads, 3);
  });

  test('are not loaded again once closed, not even by a load that was under way', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const keys = make();
    await keys.start();
    keys.close();
    const other = make();
    const hold = Promise.withResolvers<void>();
    entra.state.held = hold.promise;
    const starting = other.start();
    other.close();
    hold.resolve();
    await starting;
    const before = entra.state.loads;
    mock.timers.tick(10 * refreshMs);
    await settled();
    assert.equal(entra.state.loads, before);
  });
});

/** What a load that nobody waits for consists of: promises only. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}
