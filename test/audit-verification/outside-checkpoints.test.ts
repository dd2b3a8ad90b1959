import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sealed, signerFrom } from '../../src/audit-verification/format/statement.ts';
import { readOutsideCheckpoints } from '../../src/audit-verification/outside-checkpoints.ts';

const keyPem = () =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const signer = signerFrom(keyPem());
const verifiers = new Map([[signer.keyId, signer.verifier]]);
const chain = '11111111-1111-4111-8111-111111111111';
const checkpoint = (number: number, by: typeof signer | null = signer) => {
  const time = '2026-02-01T00:00:00.000Z';
  const { text, signature } = sealed(
    { type: 'checkpoint', chain, number, link: 'ab'.repeat(32), previous: 'cd'.repeat(32), time },
    by,
  );
  return {
    level: 'info',
    time: '2026-02-01T00:00:00.001Z',
    service: 'chromeos-connector-bff',
    stream: 'audit-checkpoint',
    statement: text,
    signature: signature?.toString('base64') ?? null,
    msg: 'checkpoint',
  };
};
const printed = [1, 2, 3].map((number) => checkpoint(number));
const lines = printed.map((line) => `${JSON.stringify(line)}\n`);
const inSystemTextJson = (text: string) => text.replaceAll('"', '\\u0022').replaceAll('+', '\\u002B');

const kept: Record<string, string | Buffer> = {
  'lines of JSON': lines.join(''),
  'a prefix before the brace': lines.map((line) => `Feb  1 00:00:00 pod-1 app[12]: ${line}`).join(''),
  'json-file of Docker': lines
    .map((log) => `${JSON.stringify({ log, stream: 'stdout', time: '2026-02-01T00:00:00Z' })}\n`)
    .join(''),
  'the format of CRI': lines.map((line) => `2026-02-01T00:00:00.1Z stdout F ${line}`).join(''),
  'an array': JSON.stringify(printed),
  'an array, pretty-printed': JSON.stringify(printed, null, 4),
  'pretty-printed with CRLF': printed
    .map((line) => JSON.stringify(line, null, 2))
    .join('\r\n')
    .replaceAll('\n', '\r\n'),
  'members in another order': printed
    .map((line) => JSON.stringify(Object.fromEntries(Object.entries(line).toReversed())))
    .join('\n'),
  'statements taken apart': JSON.stringify(
    printed.map((line) => ({ ...line, statement: JSON.parse(line.statement) })),
    null,
    2,
  ),
  'a string in another object, three times over': lines
    .map((line) => JSON.stringify({ message: JSON.stringify({ log: JSON.stringify({ line }) }) }))
    .join('\n'),
  'slashes and quotes escaped as others do': lines
    .map(
      (line) =>
        `{"message":"${inSystemTextJson(line.trim().replaceAll('\\', '\\\\').replaceAll('/', '\\/'))}"}`,
    )
    .join('\n'),
  'UTF-16 with a mark': Buffer.from(`\uFEFF${lines.join('')}`, 'utf16le'),
  'UTF-16 without one': Buffer.from(lines.join(''), 'utf16le'),
  'UTF-16, big end first': Buffer.from(`\uFEFF${lines.join('')}`, 'utf16le').swap16(),
  gzip: gzipSync(lines.join('')),
  'gzip in two members': Buffer.concat(lines.map((line) => gzipSync(line))),
  'gzip of UTF-16': gzipSync(Buffer.from(`\uFEFF${lines.join('')}`, 'utf16le')),
  'much else between them': lines.map((line) => `${line}${'x'.repeat(700_000)}\n`).join(''),
};

async function* inPieces(content: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(content as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('outside checkpoints', () => {
  for (const [name, content] of Object.entries(kept)) {
    test(`are found in ${name}`, async () => {
      const { checkpoints, unproven } = await readOutsideCheckpoints([inPieces(content, 997)], verifiers);
      const numbers = checkpoints.get(chain)?.map(({ number }) => number);
      assert.deepEqual([numbers, unproven], [[1, 2, 3], 0]);
    });
  }

  test('count once, however often they are kept', async () => {
    const files = [lines.join(''), JSON.stringify(printed)].map((content) => inPieces(content, 1e6));
    const { checkpoints } = await readOutsideCheckpoints(files, verifiers);
    assert.equal(checkpoints.get(chain)?.length, 3);
  });

  test('count for nothing where no given key signed them', async () => {
    const [line] = lines;
    const forged = [
      JSON.stringify(checkpoint(4, signerFrom(keyPem()))),
      JSON.stringify(checkpoint(5, null)),
      line?.replace('\\"number\\":1', '\\"number\\":9'),
      // In the words of a caller, whose reason is logged.
      JSON.stringify({
        stream: 'audit',
        event: { reason: lines[1]?.replace('\\"number\\":2', '\\"number\\":8') },
      }),
    ].join('\n');
    const { checkpoints, unproven } = await readOutsideCheckpoints([inPieces(forged, 1e6)], verifiers);
    assert.deepEqual([checkpoints.size, unproven], [0, 4]);
  });

  test('that nobody signed are taken where there is no key', async () => {
    const { checkpoints } = await readOutsideCheckpoints(
      [inPieces(JSON.stringify(checkpoint(5, null)), 1e6)],
      new Map(),
    );
    assert.equal(checkpoints.get(chain)?.[0]?.number, 5);
  });
});
