import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Database } from '../../../src/adapters/database/database.ts';
import { KnownHistory, type Loss } from '../../../src/adapters/database/known-history.ts';
import { type AuditScene, sampleEvent, startAuditScene } from '../../support/audit.ts';
import { appendKnown, cutChainAfter } from '../../support/lost-events.ts';

describe('a loss of what a process had seen acknowledged', () => {
  let scene: AuditScene;
  let database: Database;
  let history: KnownHistory;
  let losses: Loss[];
  let chain: string;
  before(async () => {
    scene = await startAuditScene();
    database = scene.serviceDatabase;
  });
  after(() => scene?.close());
  beforeEach(() => {
    chain = randomUUID();
    losses = [];
    history = new KnownHistory((loss) => losses.push(loss));
  });

  const append = (count: number) => appendKnown(database, history, chain, count);
  const cutAfter = (number: number) => cutChainAfter(scene, chain, number);

  test('is noticed when it grew less than it must have, or otherwise', async () => {
    const { suspect } = await append(3);
    assert.deepEqual(suspect, []);
    const { number, link } = JSON.parse(history.knownOf(chain) ?? '');
    assert.deepEqual(history.learn([{ chain, number, link, openId: null }], []), []);
    await cutAfter(1);
    assert.deepEqual((await append(1)).suspect, [chain]);
    assert.deepEqual((await append(1)).suspect, [chain], 'as long as before, with another head');
    assert.equal(await history.report(database, chain), true);
    assert.deepEqual((await append(1)).suspect, [], 'longer: the statement that reports it compares');
  });

  test('is told again where it was lost again after it had come back', async () => {
    await append(3);
    const known = JSON.parse(history.knownOf(chain) ?? '');
    const kept = `kept_${chain.replaceAll('-', '')}`;
    await scene.superuser.query(
      `create table ${kept} as select * from audit_events where chain = '${chain}'`,
    );
    await cutAfter(1);
    assert.equal(await history.report(database, chain), true);
    await scene.attack(
      `insert into audit_events select * from ${kept} where number > 1`,
      `update audit_chains set length = number, head = link from ${kept} k
       where audit_chains.chain = k.chain and number = 3`,
    );
    assert.equal(await history.report(database, chain), false);
    assert.equal(history.knownOf(chain), null);
    history.expect({ chain, ...known });
    await cutAfter(1);
    assert.equal(await history.report(database, chain), true);
    assert.deepEqual(
      losses.map(({ number, gone }) => [number, gone.length]),
      [
        [3, 2],
        [3, 2],
      ],
    );
  });

  test('tells no event that is there, be it the only one that is remembered', async () => {
    await append(1);
    history.expect({ chain, number: 2, link: 'ff' });
    await history.report(database, chain);
    assert.deepEqual(losses, [{ chain, number: 2, link: 'ff', gone: [] }]);
  });

  test('tells no events but those that are gone, of that chain, of the last 10,000', async () => {
    const { events } = await append(3);
    const lost = chain;
    chain = randomUUID();
    await append(1);
    await scene.attack(`delete from audit_events where chain = '${chain}'`);
    chain = lost;
    await cutAfter(1);
    // Of these nothing is stored.
    const others = Array.from({ length: 10_000 - 2 }, () => sampleEvent('elsewhere'));
    assert.deepEqual(history.learn([], others), []);
    await history.report(database, chain);
    assert.deepEqual(
      losses.map(({ gone }) => gone.map(({ id }) => id)),
      [[events[2]?.id]],
    );
  });

  test('is not looked for where nothing is known', async () => {
    const query = () => assert.fail('the database was asked');
    await history.check({ ...database, query });
  });

  test('is measured by an outside checkpoint too, unless more is known', () => {
    const head = (number: number) => ({ chain, number, link: `${number}` });
    assert.equal(history.knownOf(chain), null);
    for (const [given, known] of [
      [3, 3],
      [2, 3],
      [4, 4],
    ] as const) {
      history.expect(head(given));
      assert.deepEqual(JSON.parse(history.knownOf(chain) ?? ''), { number: known, link: `${known}` });
    }
    history.expect({ ...head(4), link: 'other' });
    assert.equal(JSON.parse(history.knownOf(chain) ?? '').link, '4');
  });
});
