import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { readStatus } from '../../../src/adapters/database/chain-status.ts';
import type { Signer } from '../../../src/audit-verification/format/statement.ts';
import type { ChainStatus } from '../../../src/core/audit/audit-export.ts';
import { type AuditScene, sampleEvent, startAuditScene } from '../../support/audit.ts';
import { storeStatement } from '../../support/stored-statements.ts';

const begun = Date.parse('2026-01-31T10:00:00.000Z');
const lateMs = 3_600_000;

describe('how well a chain is covered', () => {
  let scene: AuditScene;
  let known: Signer;
  let stranger: Signer;
  let chain: string;
  before(async () => {
    scene = await startAuditScene();
    known = (await scene.key()).signer;
    stranger = (await scene.key()).signer;
    // A chain beside it, longer and signed.
    chain = randomUUID();
    await append(9, 500);
    await checkpoint(1);
    await checkpoint(9);
  });
  after(() => scene?.close());
  beforeEach(() => {
    chain = randomUUID();
  });

  const time = (seconds: number) => new Date(begun + 1000 * seconds).toISOString();
  /** A second after each other. */
  const append = (count: number, from = 0) =>
    scene.append(
      ...Array.from({ length: count }, (_, second) => sampleEvent(chain, { time: time(from + second) })),
    );
  const checkpoint = (number: number, seconds = 60, signer: Signer | null = known) =>
    storeStatement(scene, { type: 'checkpoint', chain, number, time: time(seconds) }, signer);
  const removeTo = (number: number) =>
    scene.attack(`delete from audit_events where chain = '${chain}' and number <= ${number}`);
  const status = (contradicted: string | null = null) =>
    readStatus(scene.serviceDatabase, chain, {
      verifiers: new Map([[known.keyId, known.verifier]]),
      lateMs,
      contradicts: (asked) => asked === contradicted,
    });
  const expected = (differing: Partial<ChainStatus>): ChainStatus => ({
    chain,
    length: 4,
    removedTo: null,
    lastCheckpoint: null,
    firstSigned: null,
    status: 'none',
    ...differing,
  });
  const last = (number: number, seconds = 60) => ({
    number,
    time: time(seconds),
    keyId: known.keyId,
    signed: true,
  });
  const first = (number: number, seconds = 60, afterSeconds = seconds) => ({
    number,
    time: time(seconds),
    keyId: known.keyId,
    afterSeconds,
  });

  test('is `none` without a checkpoint, and without an event', async () => {
    assert.deepEqual(await status(), expected({ length: 0 }));
    await append(4);
    assert.deepEqual(await status(), expected({}));
  });

  test('is `signed` where the last checkpoint covers all of it, and `behind` where there is more', async () => {
    await append(4);
    await checkpoint(2, 30);
    await checkpoint(3, 40);
    assert.deepEqual(
      await status(),
      expected({ lastCheckpoint: last(3, 40), firstSigned: first(2, 30), status: 'behind' }),
    );
    await checkpoint(4, 50);
    assert.deepEqual(
      await status(),
      expected({ lastCheckpoint: last(4, 50), firstSigned: first(2, 30), status: 'signed' }),
    );
  });

  test('is `late` where the first signature came later after the first event than it may', async () => {
    await append(4);
    await checkpoint(4, lateMs / 1000 + 1);
    const late = { lastCheckpoint: last(4, 3601), firstSigned: first(4, 3601) };
    assert.deepEqual(await status(), expected({ ...late, status: 'late' }));

    chain = randomUUID();
    await append(4);
    await checkpoint(4, lateMs / 1000);
    const inTime = { lastCheckpoint: last(4, 3600), firstSigned: first(4, 3600) };
    assert.deepEqual(await status(), expected({ ...inTime, status: 'signed' }));
  });

  for (const [name, signer] of [
    ['a key that is not known', () => stranger],
    ['no key', () => null],
  ] as const) {
    test(`is \`unsigned\` with checkpoints of ${name} alone, which otherwise do not count`, async () => {
      await append(4);
      await checkpoint(1, 10, signer());
      await checkpoint(4, 20, signer());
      const others = { number: 4, time: time(20), keyId: signer()?.keyId ?? null, signed: false };
      assert.deepEqual(await status(), expected({ lastCheckpoint: others, status: 'unsigned' }));
      await checkpoint(2, 30);
      assert.deepEqual(
        await status(),
        expected({ lastCheckpoint: last(2, 30), firstSigned: first(2, 30), status: 'behind' }),
      );
    });
  }

  test('is `contradicted` where this process knows of that, whatever else is true', async () => {
    await append(4);
    await checkpoint(4);
    const signed = { lastCheckpoint: last(4), firstSigned: first(4) };
    assert.deepEqual(await status(chain), expected({ ...signed, status: 'contradicted' }));
    assert.equal((await status(randomUUID())).status, 'signed');
  });

  test('counts from the first event that retention has left', async () => {
    await append(4);
    await checkpoint(2, 30);
    await removeTo(2);
    // The one that retention went up to stays.
    const removed = { removedTo: 2, lastCheckpoint: last(2, 30) };
    assert.deepEqual(await status(), expected({ ...removed, status: 'behind' }));
    await checkpoint(3, 40);
    await checkpoint(4, 50);
    const firstSigned = first(3, 40, 38);
    assert.deepEqual(
      await status(),
      expected({ ...removed, lastCheckpoint: last(4, 50), firstSigned, status: 'signed' }),
    );
  });

  test('does not depend on what nobody could have stored', async () => {
    await append(4);
    await checkpoint(4, -60);
    await checkpoint(5);
    const firstSigned = first(4, -60, 0);
    assert.deepEqual(
      await status(),
      expected({ lastCheckpoint: last(4, -60), firstSigned, status: 'signed' }),
      'a checkpoint from before the first event, and one of an event that is not there',
    );
    for (const [name, attack] of [
      ['an event at no time', `update audit_events set record = '{"time":"soon"}' where chain = '${chain}'`],
      ['an event without a time', `update audit_events set record = '{}' where chain = '${chain}'`],
      ['no event', `delete from audit_events where chain = '${chain}'`],
    ] as const) {
      await scene.attack(attack);
      const found = await status();
      assert.deepEqual([found.firstSigned, found.status], [firstSigned, 'signed'], name);
    }
  });
});
