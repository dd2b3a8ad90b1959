import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { genesisOf, nextLink } from '../../src/audit-verification/format/audit-chain.ts';
import { readOutsideCheckpoints } from '../../src/audit-verification/outside-checkpoints.ts';
import { bytesOf, exportScene, inPieces, type Line, linesIn } from '../support/audit-exports.ts';

describe('an exported file that somebody worked on', () => {
  const it = exportScene();

  test('names what was done to a file, and where', async () => {
    const text = (await it.exported()).toString('utf8');
    const lines = text.split('\n');
    const at = lines.findIndex((line) => line.includes('"event":"attempt"'));
    const swapped = lines.with(at, String(lines[at + 1])).with(at + 1, String(lines[at]));
    const { number } = JSON.parse(String(lines[at]));
    const endless = lines.toSpliced(-2, 1);
    const { digest } = JSON.parse(String(lines[at]));
    for (const [what, altered, kind, says] of [
      ['edited', text.replace('Zoë', 'Zoe'), 'altered_event', new RegExp(`Event ${number} was altered`)],
      [
        'left out',
        lines.toSpliced(at, 1).join('\n'),
        'wrong_number',
        new RegExp(`Event ${number} is missing`),
      ],
      ['said twice', lines.toSpliced(at, 0, String(lines[at])).join('\n'), 'wrong_number', /is there twice/],
      ['reordered', swapped.join('\n'), 'wrong_number', /is missing/],
      ['cut short', endless.join('\n'), 'cut', /breaks off/],
      [
        'an event hidden behind another digest',
        text.replace(`"digest":"${digest}"`, `"digest":"${'0'.repeat(64)}"`),
        'altered_event',
        /altered/,
      ],
      [
        'formatted',
        text.replace('"type":"end",', '"type": "end",'),
        'malformed',
        /not as the service writes it/,
      ],
      ['prolonged', `${text}{}\n`, 'malformed', /nothing after the end/],
      ['without its header', lines.slice(1).join('\n'), 'malformed', /header is missing/],
      [
        'given to another tenant',
        text.replaceAll(it.tenantId, it.simulator.otherTenantId),
        'altered_event',
        /./,
      ],
      ['nothing', '', 'malformed', /empty/],
    ] as const) {
      const found = await it.findingOf(Buffer.from(altered));
      assert.deepEqual([what, found.kind], [what, kind], found.message);
      assert.match(found.message, says);
    }
  });

  test('the checkpoints as the service prints them find a file that was cut and ended again', async () => {
    const printed = bytesOf(it.earlierLog);
    const { checkpoints: outside } = await readOutsideCheckpoints([inPieces(printed)], it.verifiers);
    assert.ok(outside.size >= 1);
    const report = await it.verify(await it.exported(), outside);
    assert.ok(report.outsideCheckpoints >= 1);

    const lines = linesIn(await it.exported());
    const kept = lines.slice(0, 3);
    const { chain } = report;
    let link = genesisOf(chain);
    for (const { digest } of kept.slice(1)) link = nextLink(link, Buffer.from(String(digest), 'hex'));
    const cut = [...kept, { type: 'end', number: 2, link: link.toString('hex') }];
    const bytes = bytesOf(cut);
    assert.equal((await it.verify(bytes)).provenTo, 0);
    await assert.rejects(it.verify(bytes, outside), { kind: 'cut' });
  });

  test('an event left out of an export that was not filtered is found', async () => {
    const lines = linesIn(await it.exported());
    const at = lines.findIndex(({ type, number }) => type === 'event' && number === 2);
    const { number, digest } = lines[at] as Line;
    const found = await it.findingOf(bytesOf(lines.with(at, { type: 'omitted', number, digest } as Line)));
    assert.deepEqual([found.kind, found.number], ['omitted_event', 2]);
  });

  test('a checkpoint contradicts whoever makes a file again from an edited event on', async () => {
    const lines = linesIn(await it.exported('?event=attempt'));
    const first = lines.findIndex(({ type }) => type === 'omitted');
    const forged = lines.with(first, { ...(lines[first] as Line), digest: 'a'.repeat(64) });
    const found = await it.findingOf(bytesOf(forged));
    assert.equal(found.kind, 'contradicted');
  });

  test('bytes that only read the same are found', async () => {
    const bytes = await it.exported();
    const at = bytes.indexOf('\uFFFD');
    assert.ok(at > 0);
    // What is no UTF-8 is often read as that very character.
    const altered = Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff]), bytes.subarray(at + 3)]);
    assert.equal(altered.toString('utf8'), bytes.toString('utf8'));
    assert.equal((await it.findingOf(altered)).kind, 'malformed');
  });

  test('any other byte anywhere is found', async () => {
    const bytes = await it.exported();
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const altered = Buffer.from(bytes);
        altered[at] = (Number(altered[at]) + by) % 256;
        await it.findingOf(altered);
      }),
      { numRuns: 1000 },
    );
  });
});
