import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { gzipped } from '../../../src/http/answer/compressed.ts';

describe('a stream that is compressed', () => {
  test('hands each chunk on before it has the next one', async () => {
    const second = Promise.withResolvers<void>();
    async function* chunks() {
      yield 'first\n';
      await second.promise;
      yield 'second\n';
    }
    const received: Buffer[] = [];
    const read = () => gunzipSync(Buffer.concat(received), { finishFlush: 2 }).toString();
    for await (const piece of gzipped(chunks())) {
      received.push(piece);
      if (read() === 'first\n') second.resolve();
    }
    assert.equal(read(), 'first\nsecond\n');
  });

  test('fails as its source fails, and gives nothing before its first chunk', async () => {
    async function* chunks(rows: readonly string[]) {
      if (rows.length === 0) throw new Error('no database');
      yield* rows;
    }
    await assert.rejects(gzipped(chunks([])).next(), /no database/);
  });

  test('lets go of its source when nobody reads on', async () => {
    const released = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) yield 'again\n'.repeat(10_000);
      } finally {
        released.resolve();
      }
    }
    for await (const piece of gzipped(endless())) {
      assert.ok(piece.length > 0);
      break;
    }
    await released.promise;
  });

  test('asks its source for no more than it is asked for', async () => {
    let asked = 0;
    async function* source() {
      for (; asked < 1000; asked += 1) yield Array.from({ length: 2000 }, () => Math.random()).join('\n');
    }
    const reading = gzipped(source());
    await reading.next();
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(asked < 20, `${asked} chunks were read ahead`);
    await reading.return(undefined);
  });
});
