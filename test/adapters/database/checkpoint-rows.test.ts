import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  findCheckpoint,
  lastRemoval,
  lastStored,
  storeCheckpoint,
} from '../../../src/adapters/database/checkpoint-rows.ts';
import {
  type SignedStatement,
  type Signer,
  statementDigest,
} from '../../../src/audit-verification/format/statement.ts';
import { type AuditScene, startAuditScene } from '../../support/audit.ts';
import { sampleStatement, storeStatement, storeText } from '../../support/stored-statements.ts';

describe('what is stored about a chain', () => {
  let scene: AuditScene;
  let chain: string;
  before(async () => {
    scene = await startAuditScene();
  });
  after(() => scene?.close());
  beforeEach(async () => {
    // Beside it, of each kind and of each number.
    const other = randomUUID();
    for (const number of [1, 2, 3, 9]) {
      await storeStatement(scene, { type: 'checkpoint', chain: other, number }, null);
      await storeStatement(scene, { type: 'removal', chain: other, number }, null);
    }
    chain = randomUUID();
  });

  let made = 0;
  /** Each different from the others. */
  const sample = (number: number, signer: Signer | null = null) => {
    made += 1;
    return sampleStatement(
      { type: 'checkpoint', chain, number, time: new Date(1000 * made).toISOString() },
      signer,
    );
  };
  const ids = async () => {
    const { rows } = await scene.superuser.query<{ id: string }>(
      'select id from audit_checkpoints where chain = $1 order by position',
      [chain],
    );
    return rows.map(({ id }) => id);
  };

  describe('its checkpoints', () => {
    const checkpoint = async (number: number, signer: Signer | null = null) => {
      const stored = sample(number, signer);
      await storeText(scene, stored.statement, stored);
      return stored;
    };
    type Wanted = Partial<Parameters<typeof findCheckpoint>[1]>;
    const find = (
      order: 'newest' | 'oldest',
      wanted: Wanted = {},
      accept: Parameters<typeof findCheckpoint>[2] = () => true,
    ) => findCheckpoint(scene.serviceDatabase, { chain, order, to: 9, ...wanted }, accept);
    const statementFound = async (...wanted: Parameters<typeof find>) =>
      (await find(...wanted))?.statement ?? null;

    test('are found with their id and the digest that a later one names', async () => {
      const { text, statement } = await checkpoint(2);
      const [id] = await ids();
      assert.deepEqual(await find('newest'), { id, statement, digest: statementDigest(text) });
    });

    test('are not where there are none', async () => {
      assert.deepEqual([await find('newest'), await find('oldest')], [null, null]);
    });

    test('are in the order of their numbers, and of the same number as they were stored', async () => {
      const stored: SignedStatement[] = [];
      for (const number of [3, 2, 3, 2]) stored.push(await checkpoint(number));
      assert.deepEqual(
        [await statementFound('newest'), await statementFound('oldest')],
        [stored[2]?.statement, stored[1]?.statement],
      );
    });

    test('are those between two numbers, inclusive', async () => {
      const stored: SignedStatement[] = [];
      for (const number of [1, 2, 3, 4]) stored.push(await checkpoint(number));
      const between = { from: 2, to: 3 };
      assert.deepEqual(
        [await statementFound('newest', between), await statementFound('oldest', between)],
        [stored[2]?.statement, stored[1]?.statement],
      );
      assert.equal(await find('newest', { from: 5 }), null);
      assert.equal(await find('oldest', { to: 0 }), null);
    });

    test('are those of one key, where that is asked for', async () => {
      const { signer } = await scene.key();
      const first = await checkpoint(1, signer);
      const second = await checkpoint(2);
      const ofKey = { keyId: signer.keyId };
      assert.deepEqual(
        [await statementFound('newest', ofKey), await statementFound('newest')],
        [first.statement, second.statement],
      );
    });

    test('are those that are accepted, by their text and signature', async () => {
      const { signer } = await scene.key();
      const first = await checkpoint(1, signer);
      await checkpoint(2);
      const asked: unknown[] = [];
      const found = await statementFound('newest', {}, (one) => {
        asked.push(one.signature);
        return one.text === first.text;
      });
      assert.deepEqual([found, asked], [first.statement, [null, first.signature]]);
    });

    for (const order of ['newest', 'oldest'] as const) {
      test(`are found behind many others, each looked at once: the ${order}`, async () => {
        const first = await checkpoint(5);
        const last = await checkpoint(5);
        const others = [
          { text: 'nothing', signature: null },
          sampleStatement({ type: 'removal', chain, number: 4 }, null),
          sampleStatement({ type: 'checkpoint', chain: 'elsewhere', number: 4 }, null),
          sample(7),
        ];
        // More than are read at once, of the same number, before the first and behind the last.
        for (const number of [4, 6]) {
          const refused = sample(number);
          for (const one of [refused, ...others]) {
            for (let count = 0; count < 11; count += 1)
              await storeText(scene, { ...refused.statement, number }, one);
          }
        }
        const wanted = order === 'newest' ? last : first;
        const asked: string[] = [];
        const found = await statementFound(order, {}, ({ text }) => {
          asked.push(text);
          return text === wanted.text;
        });
        assert.deepEqual([found, asked.length], [wanted.statement, 12]);
      });
    }
  });

  describe('a new checkpoint', () => {
    const store = (id: string, expectedNewest: string | null, checkpoint = sample(1)) =>
      storeCheckpoint(scene.serviceDatabase, id, checkpoint, expectedNewest);
    const newest = () => lastStored(scene.serviceDatabase, chain);

    test('is stored behind the one that is expected there, and only then', async () => {
      const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
      assert.equal(await newest(), null);
      assert.equal(await store(first, null), true);
      assert.equal(await newest(), first);
      assert.equal(await store(second, null), false);
      assert.deepEqual(await ids(), [first]);
      assert.equal(await store(second, first), true);
      assert.equal(await store(third, first), false);
      assert.deepEqual([await newest(), await ids()], [second, [first, second]]);
    });

    test('has its text and its signature', async () => {
      const { signer } = await scene.key();
      const checkpoint = sample(3, signer);
      await store(randomUUID(), null, checkpoint);
      const { rows } = await scene.superuser.query(
        'select statement as text, signature, number, key_id from audit_checkpoints where chain = $1',
        [chain],
      );
      const { text, signature } = checkpoint;
      assert.deepEqual(rows, [{ text, signature, number: '3', key_id: signer.keyId }]);
    });
  });

  describe('the last removal', () => {
    const remove = async (number: number, signer: Signer | null = null) =>
      storeStatement(scene, { type: 'removal', chain, number }, signer);
    const last = (accept: Parameters<typeof lastRemoval>[2] = () => true) =>
      lastRemoval(scene.serviceDatabase, chain, accept);

    test('is that of the greatest number', async () => {
      assert.equal(await last(), null);
      await remove(2);
      const { statement } = await remove(3);
      await remove(1);
      assert.deepEqual(await last(), statement);
    });

    test('is one that is accepted, by its text and signature', async () => {
      const { signer } = await scene.key();
      const { statement, signature } = await remove(1, signer);
      const { text } = await remove(2);
      const asked: unknown[] = [];
      const found = await last((one) => {
        asked.push(one);
        return one.signature !== null;
      });
      assert.deepEqual(found, statement);
      assert.deepEqual(asked[0], { text, signature: null });
      assert.deepEqual((asked[1] as { signature: Buffer }).signature, signature);
      assert.equal(await last(() => false), null);
    });

    test('is nothing that is none of this chain', async () => {
      const { statement } = await remove(1);
      const foreign = [
        sample(2),
        sampleStatement({ type: 'removal', chain: 'elsewhere', number: 3 }, null),
        { text: 'nothing', signature: null },
      ];
      for (const [index, one] of foreign.entries())
        await storeText(scene, { ...statement, number: 2 + index }, one);
      assert.deepEqual(await last(), statement);
    });
  });
});
