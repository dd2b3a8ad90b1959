import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { decodeContent } from '../../../src/adapters/outbound/content-coding.ts';
import { RequestFailed } from '../../../src/adapters/outbound/http-client.ts';
import { type Peer, startClient, startPeer } from './peer.ts';

const text = '{"value":"inprogress"}';
const plain = Buffer.from(text);
const bound = 1000;

// What a peer may call it, and how it makes it.
const codings: [string, (bytes: Buffer<ArrayBuffer>) => Buffer<ArrayBuffer>][] = [
  ['gzip', zlib.gzipSync],
  ['x-gzip', zlib.gzipSync],
  ['GZip', zlib.gzipSync],
  ['deflate', zlib.deflateSync],
  ['deflate', zlib.deflateRawSync],
  ['br', zlib.brotliCompressSync],
  ['zstd', zlib.zstdCompressSync],
  ['identity', (bytes) => bytes],
];

describe('an answer that is compressed', () => {
  for (const [name, encode] of codings) {
    test(`${name} is read`, () => {
      assert.equal(String(decodeContent(encode(plain), name, bound)), text);
    });

    test(`${name} may not come to more than the bound`, () => {
      const most = Buffer.alloc(bound, 'a');
      assert.equal(decodeContent(encode(most), name, bound).length, bound);
      if (name === 'identity') return;
      assert.throws(() => decodeContent(encode(Buffer.alloc(bound + 1, 'a')), name, bound));
    });
  }

  test('codings that were stacked are taken off in turn', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(fc.constantFrom(...codings), { maxLength: 4 }),
        (bytes, stack) => {
          const coded = stack.reduce((sofar, [, encode]) => encode(sofar), Buffer.from(bytes));
          const header = stack.map(([name]) => name).join(', ');
          assert.deepEqual(decodeContent(coded, header, 10_000), Buffer.from(bytes));
        },
      ),
    );
  });

  test('without a coding, or without content, there is nothing to decode', () => {
    assert.equal(decodeContent(plain, undefined, bound), plain);
    assert.equal(decodeContent(plain, ' , ', bound), plain);
    assert.equal(decodeContent(Buffer.alloc(0), 'gzip', bound).length, 0);
  });

  const unreadable: [string, string, Buffer][] = [
    ['a coding that is unknown', 'compress', plain],
    ['content that is not coded as it says', 'gzip', plain],
    ['content that is not coded at all', 'deflate', Buffer.from([0xff, 0xff])],
    ['content that breaks off', 'br', zlib.brotliCompressSync(plain).subarray(0, 5)],
    ['more codings than anyone applies', Array(5).fill('identity').join(), plain],
  ];
  for (const [name, header, bytes] of unreadable) {
    test(`${name} can't be read`, () => {
      assert.throws(() => decodeContent(bytes, header, bound), Error);
    });
  }

  test('whatever it is, it comes to bytes within the bound or to an error', () => {
    const header = fc.array(fc.constantFrom('gzip', 'deflate', 'br', 'zstd', 'nonsense'), { maxLength: 6 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), header, (bytes, names) => {
        try {
          assert.ok(decodeContent(Buffer.from(bytes), names.join(), bound).length <= bound);
        } catch (error) {
          assert.ok(error instanceof Error);
        }
      }),
    );
  });
});

describe('a peer that compresses', () => {
  let peer: Peer;
  let answer: { headers: Record<string, string>; body: Buffer };
  const accepted: unknown[] = [];
  const client = startClient({ maxAnswerBytes: 10_000 });
  before(async () => {
    peer = await startPeer((request, response) => {
      accepted.push(request.headers['accept-encoding']);
      response.writeHead(200, answer.headers).end(answer.body);
    });
  });
  after(async () => {
    await client.close();
    await peer?.close();
  });

  test('was asked not to, and is read all the same', async () => {
    answer = { headers: { 'content-encoding': 'gzip' }, body: zlib.gzipSync(plain) };
    for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
      assert.equal((await client.send({ url: peer.url, headers })).text, text);
    }
    assert.deepEqual(accepted, ['identity', 'identity']);
  });

  test('an answer that is too large when decompressed counts as none', async () => {
    answer = { headers: { 'content-encoding': 'gzip' }, body: zlib.gzipSync(Buffer.alloc(10_001)) };
    await assert.rejects(
      client.act({ url: peer.url }),
      (error) => error instanceof RequestFailed && error.sent && error.code === 'ERR_BUFFER_TOO_LARGE',
    );
  });

  test('an answer in a coding that is unknown counts as none', async () => {
    answer = { headers: { 'content-encoding': 'compress' }, body: plain };
    await assert.rejects(
      client.act({ url: peer.url }),
      (error) => error instanceof RequestFailed && error.sent && error.code === 'UNKNOWN_CONTENT_CODING',
    );
  });
});
