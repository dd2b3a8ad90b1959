import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { exportChain } from '../../../src/adapters/database/audit-export.ts';
import { digestOf } from '../../../src/audit-verification/format/audit-chain.ts';
import { canonicalJson } from '../../../src/audit-verification/format/canonical-json.ts';
import type { SignedStatement, Signer, Statement } from '../../../src/audit-verification/format/statement.ts';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';
import type { AuditSelection, ExportEntry, SealedText } from '../../../src/core/audit/audit-export.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import { type AuditScene, type Key, sampleEvent, startAuditScene, unfiltered } from '../../support/audit.ts';
import { storeStatement } from '../../support/stored-statements.ts';

type Stored = { time?: string; signer?: Signer | null };

describe('an exported chain', () => {
  let scene: AuditScene;
  let key: Key;
  before(async () => {
    scene = await startAuditScene();
    key = await scene.key();
    // Chains beside those that are exported, with checkpoints and removals of their own.
    await fill('another', 3);
    await checkpoint('another', 2);
    await remove('another', 1);
    await scene.attack(`delete from audit_events where chain = 'another' and number = 1`);
  });
  after(() => scene?.close());

  const fill = async (chain: string, count: number, differing: Partial<AuditEvent> = {}) => {
    const events = Array.from({ length: count }, () => sampleEvent(chain, differing));
    await scene.append(...events);
    return events;
  };
  const head = async (chain: string) => {
    const { rows } = await scene.superuser.query(
      "select length::int as number, encode(head, 'hex') as link from audit_chains where chain = $1",
      [chain],
    );
    return rows[0];
  };
  const textOf = ({ text, signature }: SignedStatement): SealedText => ({
    statement: text,
    signature: signature?.toString('base64') ?? null,
  });
  const store = async (
    type: Statement['type'],
    chain: string,
    number: number,
    { time = '2026-02-01T00:00:00.000Z', signer = key.signer as Signer | null } = {},
  ) => textOf(await storeStatement(scene, { type, chain, number, time }, signer));
  /** As the last one of its chain. */
  const checkpoint = (chain: string, number: number, differing: Stored = {}) =>
    store('checkpoint', chain, number, differing);
  const remove = (chain: string, to: number, differing: Stored = {}) =>
    store('removal', chain, to, differing);
  const selection = (tenantId: string, differing: Partial<AuditSelection> = {}): AuditSelection => ({
    tenantId,
    ...unfiltered,
    ...differing,
  });
  const allOf = (entries: AsyncIterable<ExportEntry>): Promise<ExportEntry[]> =>
    Readable.from(entries).toArray();
  const exported = (chain: string, differing: Partial<AuditSelection> = {}) =>
    allOf(exportChain(scene.serviceDatabase, selection(chain, differing)));
  const entryOf = (event: AuditEvent, number: number): ExportEntry => {
    const text = canonicalJson(event);
    return { type: 'event', number, digest: digestOf(text).toString('hex'), text };
  };
  const wholeHeader = (chain: string) => ({ type: 'header', chain, from: 1, filter: null, removal: null });
  const headerOf = ([header]: ExportEntry[]) => {
    assert.ok(header?.type === 'header');
    return header;
  };
  const eventsMissing = (error: unknown) => {
    assert.ok(error instanceof CallFailed);
    assert.deepEqual(error.failure, {
      reason: 'audit_unavailable',
      cause: 'events are missing: retention removed them meanwhile, or the trail was altered',
      recorded: 'no',
    });
    return true;
  };

  test('that has nothing begins and ends with the link of its name', async () => {
    const chain = randomUUID();
    assert.deepEqual(await exported(chain), [
      wholeHeader(chain),
      {
        type: 'end',
        number: 0,
        link: digestOf(`chromeos-connector-bff audit chain ${chain}`).toString('hex'),
      },
    ]);
  });

  test('has each event in its stored text, and its checkpoints behind the event they are about', async () => {
    const chain = randomUUID();
    const [first, second, third] = (await fill(chain, 3)) as [AuditEvent, AuditEvent, AuditEvent];
    // As two processes store them that do not know of each other.
    const ofThird = await checkpoint(chain, 3);
    const ofFirst = await checkpoint(chain, 1, { signer: null });
    const again = await checkpoint(chain, 1, { time: '2026-01-31T23:00:00.000Z' });
    assert.deepEqual(await exported(chain), [
      wholeHeader(chain),
      entryOf(first, 1),
      { type: 'checkpoint', ...ofFirst },
      { type: 'checkpoint', ...again },
      entryOf(second, 2),
      entryOf(third, 3),
      { type: 'checkpoint', ...ofThird },
      { type: 'end', ...(await head(chain)) },
    ]);
  });

  test('is whole where it needs several pages, and has nothing that came after it was begun', async () => {
    const chain = randomUUID();
    const events = await fill(chain, 1002);
    const sealedTexts = new Map<number, SealedText>();
    for (const number of [1000, 1001, 1002]) sealedTexts.set(number, await checkpoint(chain, number));
    const end = await head(chain);
    const entries = exportChain(scene.serviceDatabase, selection(chain));
    assert.deepEqual((await entries.next()).value, wholeHeader(chain));
    await fill(chain, 1);
    await checkpoint(chain, 1003);
    assert.deepEqual(await allOf(entries), [
      ...events.flatMap((event, index) => {
        const stated = sealedTexts.get(index + 1);
        return [entryOf(event, index + 1), ...(stated ? [{ type: 'checkpoint', ...stated }] : [])];
      }),
      { type: 'end', ...end },
    ]);
  });

  describe('that is filtered', () => {
    const chain = randomUUID();
    const operationId = randomUUID();
    const actor = { ...sampleEvent(chain).actor, oid: 'ad31f0c0-0000-4000-8000-000000000002' };
    const time = '2026-01-31T10:20:31.456Z';
    let events: AuditEvent[];
    before(async () => {
      events = [
        sampleEvent(chain),
        sampleEvent(chain, { operationId }),
        sampleEvent(chain, { actor, time }),
        sampleEvent(chain, { event: 'read', operationId: null, time: '2026-01-31T10:20:32.456Z' }),
        sampleEvent(chain, { event: 'refused', operationId: null, actor }),
      ];
      await scene.append(...events);
    });

    const filters: [given: Partial<AuditSelection>, filter: Record<string, string>, shown: number[]][] = [
      [{ from: new Date(time) }, { from: time }, [3, 4]],
      [{ to: new Date(time) }, { to: time }, [1, 2, 5]],
      [{ actor: actor.oid }, { actor: actor.oid }, [3, 5]],
      [{ event: 'refused' }, { event: 'refused' }, [5]],
      [{ operationId }, { operationId }, [2]],
      [{ reads: false }, { reads: 'false' }, [1, 2, 3, 5]],
      [
        { actor: actor.oid, from: new Date(time), reads: false },
        { from: time, actor: actor.oid, reads: 'false' },
        [3],
      ],
      [{ actor: 'nobody' }, { actor: 'nobody' }, []],
    ];
    for (const [given, filter, shown] of filters) {
      test(`by ${Object.keys(filter).join(', ')} names what it omits by its digest`, async () => {
        assert.deepEqual(await exported(chain, given), [
          { ...wholeHeader(chain), filter },
          ...events.map((event, index) => {
            const entry = entryOf(event, index + 1);
            if (entry.type !== 'event' || shown.includes(entry.number)) return entry;
            return { type: 'omitted', number: entry.number, digest: entry.digest };
          }),
          { type: 'end', ...(await head(chain)) },
        ]);
      });
    }
  });

  describe('of which retention removed the beginning', () => {
    let chain: string;
    let kept: AuditEvent[];
    const begin = async () => {
      chain = randomUUID();
      const events = await fill(chain, 4);
      kept = events.slice(2);
      await scene.attack(`delete from audit_events where chain = '${chain}' and number <= 2`);
    };

    test('begins behind it, with what retention said of it', async () => {
      await begin();
      await remove(chain, 1);
      const removal = await remove(chain, 2);
      await remove(chain, 3);
      assert.deepEqual(await exported(chain), [
        { ...wholeHeader(chain), from: 3, removal },
        ...kept.map((event, index) => entryOf(event, index + 3)),
        { type: 'end', ...(await head(chain)) },
      ]);
    });

    test('has the newest statement, and a signed one before others', async () => {
      await begin();
      const unsigned = await remove(chain, 2, { signer: null, time: '2026-02-05T00:00:00.000Z' });
      assert.deepEqual(headerOf(await exported(chain)).removal, unsigned);
      await remove(chain, 2, { time: '2026-02-01T00:00:00.000Z' });
      const newest = await remove(chain, 2, { time: '2026-02-03T00:00:00.000Z' });
      await remove(chain, 2, { time: '2026-02-02T00:00:00.000Z' });
      assert.deepEqual(headerOf(await exported(chain)).removal, newest);
    });

    test('is whole without any event, where all are removed', async () => {
      await begin();
      await scene.attack(`delete from audit_events where chain = '${chain}'`);
      const removal = await remove(chain, 4);
      assert.deepEqual(await exported(chain), [
        { ...wholeHeader(chain), from: 5, removal },
        { type: 'end', ...(await head(chain)) },
      ]);
    });

    test('fails where the statement of it is missing', async () => {
      await begin();
      await assert.rejects(exported(chain), eventsMissing);
    });
  });

  for (const number of [1, 3, 4]) {
    test(`fails where event ${number} of 4 is missing, and gives what comes before`, async () => {
      const chain = randomUUID();
      const events = await fill(chain, 4);
      await scene.attack(`delete from audit_events where chain = '${chain}' and number = ${number}`);
      const entries: ExportEntry[] = [];
      const reading = async () => {
        for await (const entry of exportChain(scene.serviceDatabase, selection(chain))) entries.push(entry);
      };
      await assert.rejects(reading(), eventsMissing);
      assert.deepEqual(
        entries.slice(1),
        events.slice(0, number - 1).map((event, index) => entryOf(event, index + 1)),
      );
    });
  }
});
