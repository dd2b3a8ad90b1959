import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { AuditEvent } from '../../../examples/portal/src/api/types.ts';
import { bucketsOf, outcomes } from '../../../examples/portal/src/audit/buckets.ts';
import { linesOf, type ProofFailed, proveChain } from '../../../examples/portal/src/audit/proof.ts';
import { digestOf, genesisOf, nextLink } from '../../../src/audit-verification/format/audit-chain.ts';
import { type ExportEntry, ndjsonLineOf } from '../../../src/audit-verification/format/export-entry.ts';

/** An export as the service writes it: three events, of which the second is left out. */
function exported(): string[] {
  let link = genesisOf('tenant');
  const entries: ExportEntry[] = [{ type: 'header', chain: 'tenant', from: 1, filter: null, removal: null }];
  for (const number of [1, 2, 3]) {
    const text = `{"id":"event-${number}","reason":"Олена → \\"moving\\""}`;
    const digest = digestOf(text);
    link = nextLink(link, digest);
    entries.push(
      number === 2
        ? { type: 'omitted', number, digest: digest.toString('hex') }
        : { type: 'event', number, digest: digest.toString('hex'), text },
    );
    if (number === 2) {
      const statement = JSON.stringify({ chain: 'tenant', link: link.toString('hex'), number });
      entries.push({ type: 'checkpoint', statement, signature: 'c2lnbmVk' });
    }
  }
  entries.push({ type: 'end', number: 3, link: link.toString('hex') });
  return entries.map(ndjsonLineOf);
}

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

const kindOf = (lines: readonly string[]) =>
  proveChain(each(lines)).then(
    () => 'proven',
    (error: ProofFailed) => `${error.kind} ${error.number}`,
  );

describe('the proof in the browser', () => {
  test('comes to what the service says, and finds each event’s place', async () => {
    const { chain, length, events, checkpoints } = await proveChain(each(exported()));
    assert.deepEqual([chain, length, [...events.keys()]], ['tenant', 3, ['event-1', 'event-3']]);
    assert.deepEqual(checkpoints, [2]);
    const first = events.get('event-1');
    assert.equal(first?.previousLink, genesisOf('tenant').toString('hex'));
    assert.equal(
      first?.digest,
      createHash('sha256').update('{"id":"event-1","reason":"Олена → \\"moving\\""}').digest('hex'),
    );
    assert.equal(
      first?.link,
      nextLink(genesisOf('tenant'), Buffer.from(first?.digest ?? '', 'hex')).toString('hex'),
    );
  });

  const swap = (lines: string[], at: number, change: (line: string) => string) =>
    lines.map((line, index) => (index === at ? change(line) : line));
  const attacks: Record<string, [(lines: string[]) => string[], string]> = {
    'an event was altered': [
      (lines) => swap(lines, 1, (line) => line.replace('moving', 'Moving')),
      'altered 1',
    ],
    'an event is missing': [(lines) => lines.filter((_, index) => index !== 1), 'number 2'],
    'two events stand in the wrong order': [
      (lines) => lines.toSpliced(1, 2, lines[2] ?? '', lines[1] ?? ''),
      'number 2',
    ],
    'a digest was altered': [
      (lines) => swap(lines, 2, (line) => line.replace(/"digest":"../, '"digest":"00')),
      'checkpoint 2',
    ],
    'a checkpoint says otherwise': [
      (lines) => swap(lines, 3, (line) => line.replace(/(link\\":\\").../, '$1000')),
      'checkpoint 2',
    ],
    'the end was altered': [
      (lines) => swap(lines, 5, (line) => line.replace(/"link":".../, '"link":"000')),
      'end 3',
    ],
    'it broke off': [(lines) => lines.slice(0, -1), 'incomplete 3'],
    'nothing came': [() => [], 'incomplete 0'],
    'something follows the end': [(lines) => [...lines, lines[1] ?? ''], 'malformed 3'],
    'half a line came': [(lines) => swap(lines, 4, (line) => line.slice(0, 40)), 'malformed 2'],
    'it was formatted again': [
      (lines) => swap(lines, 1, (line) => line.replaceAll(':', ': ')),
      'malformed 1',
    ],
  };
  for (const [name, [attack, found]] of Object.entries(attacks)) {
    test(`finds that ${name}`, async () => assert.equal(await kindOf(attack(exported())), found));
  }

  test('reads lines whatever pieces they come in', async () => {
    const bytes = new TextEncoder().encode(`${exported().join('\n')}\n`);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, index) =>
      bytes.slice(index * 7, index * 7 + 7),
    );
    assert.equal((await proveChain(linesOf(ReadableStream.from(pieces)))).length, 3);
  });
});

describe('the chart', () => {
  const event = (time: number, result: AuditEvent['result']) => ({
    time: new Date(time).toISOString(),
    result,
  });
  const start = Date.UTC(2026, 0, 31, 12);

  test('has no column where nothing was', () => assert.deepEqual(bucketsOf([]).buckets, []));

  test('tells outcomes apart and keeps empty columns', () => {
    const { length, buckets } = bucketsOf([
      event(start + 20_000, 'unknown'),
      event(start + 500, 'succeeded'),
      event(start + 900, 'refused'),
      event(start, 'pending'),
    ]);
    assert.equal(length, 1000);
    assert.equal(buckets.length, 21);
    assert.deepEqual(buckets[0], { from: start, counts: { done: 1, open: 1, refused: 1, unknown: 0 } });
    assert.deepEqual(buckets[1]?.counts, { done: 0, open: 0, refused: 0, unknown: 0 });
    assert.equal(buckets[20]?.counts.unknown, 1);
  });

  for (const span of [0, 1, 90_000, 86_400_000, 400 * 86_400_000, 60 * 365 * 86_400_000]) {
    test(`counts each event once in at most 24 columns over ${span} ms`, () => {
      const events = Array.from({ length: 50 }, (_, index) =>
        event(start + (span * index) / 49, 'completed'),
      );
      const { buckets } = bucketsOf(events);
      assert.ok(buckets.length <= 24, String(buckets.length));
      const all = buckets.flatMap(({ counts }) => outcomes.map((outcome) => counts[outcome]));
      assert.equal(
        all.reduce((sum, one) => sum + one, 0),
        50,
      );
    });
  }
});
