import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  Checkpointer,
  type CheckpointerOptions,
  contradictionReasons,
} from '../../../src/adapters/database/checkpoints.ts';
import type { Database } from '../../../src/adapters/database/database.ts';
import {
  type SignedStatement,
  type Statement,
  statementDigest,
} from '../../../src/audit-verification/format/statement.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import { type AuditScene, homeTenant, type Key, sampleEvent, startAuditScene } from '../../support/audit.ts';
import { edit, home, rehead, relink, tables } from '../../support/audit-attacks.ts';
import { storeStatement } from '../../support/stored-statements.ts';

const hour = 3_600_000;

/** Does something before each statement that holds `text`. */
const interrupted = (database: Database, text: string, act: () => Promise<unknown>): Database => ({
  ...database,
  async query(statement, values) {
    if (String(statement).includes(text)) await act();
    return database.query(statement, values);
  },
  run: (work) =>
    database.run((connection) =>
      work({
        async query(statement, values) {
          if (String(statement).includes(text)) await act();
          return connection.query(statement, values);
        },
      }),
    ),
});

describe('processes that sign the same chains', () => {
  let scene: AuditScene;
  let key: Key;
  let next: Key;
  before(async () => {
    scene = await startAuditScene();
    key = await scene.key();
    next = await scene.key();
  });
  after(() => scene?.close());
  beforeEach(() => scene.attack(...tables.map((table) => `truncate ${table}`)));

  const checkpointer = (differing: Partial<CheckpointerOptions> = {}) =>
    new Checkpointer({
      database: scene.serviceDatabase,
      signer: key.signer,
      verifiers: new Map([key, next].map(({ signer }) => [signer.keyId, signer.verifier])),
      clock: Date.now,
      lateMs: hour,
      onCheckpoint: () => {},
      ...differing,
    });
  const young = () => sampleEvent(homeTenant, { time: new Date().toISOString() });
  const append = (count: number) => scene.append(...Array.from({ length: count }, young));
  const appendOld = (count: number) =>
    scene.append(...Array.from({ length: count }, () => sampleEvent(homeTenant)));
  const checkpoints = async () => {
    const { rows } = await scene.superuser.query<{ statement: string }>(
      'select statement from audit_checkpoints order by position',
    );
    return rows.map(({ statement }) => ({ ...(JSON.parse(statement) as Statement), text: statement }));
  };
  const numbers = async () => (await checkpoints()).map(({ number }) => number);
  const rewritten = [edit(3), relink(3), rehead];
  const neverSigned = {
    chain: homeTenant,
    reason: 'never_signed',
    message:
      'no signed checkpoint vouches for it: they were deleted, signed with a key that is not known here, or it was never signed (audit-adopt signs it)',
  };

  test('name the one before by their own key, or at first by the other', async () => {
    const [one, other] = [checkpointer(), checkpointer({ signer: next.signer })];
    for (const process of [one, other, one, other, other]) {
      await append(1);
      assert.deepEqual(await process.makeAll(), []);
    }
    const made = await checkpoints();
    const digest = (index: number) => statementDigest(made[index]?.text ?? '');
    assert.deepEqual(
      made.map(({ previous }) => previous),
      [null, digest(0), digest(0), digest(1), digest(3)],
    );
  });

  test('remember what they found signed by another', async () => {
    const one = checkpointer();
    await append(3);
    await checkpointer().makeAll();
    assert.deepEqual(await one.makeAll(), []);
    await scene.attack('delete from audit_checkpoints');
    const message = 'the signed checkpoint of event 3 is gone';
    assert.deepEqual(await one.makeAll(), [{ chain: homeTenant, reason: 'checkpoint_gone', message }]);
  });

  test('do not follow past a checkpoint of another that contradicts', async () => {
    const one = checkpointer();
    await append(2);
    await one.makeAll();
    await append(2);
    await checkpointer().makeAll();
    await scene.attack(...rewritten);
    const message = 'a signed checkpoint of event 4 contradicts the chain';
    assert.deepEqual(await one.makeAll(), [{ chain: homeTenant, reason: 'changed', message }]);
  });

  test('tell of no checkpoint that is not stored, where another was faster', async () => {
    const told: SignedStatement[] = [];
    const onCheckpoint = (made: SignedStatement) => told.push(made);
    await append(2);
    let others = 0;
    const database = interrupted(scene.serviceDatabase, 'add_checkpoint', async () => {
      others += 1;
      if (others === 1) assert.deepEqual(await checkpointer().makeAll(), []);
    });
    const slow = checkpointer({ database, onCheckpoint });
    assert.deepEqual(await slow.makeAll(), []);
    assert.deepEqual([await numbers(), told.length, others], [[2], 0, 1]);
    await append(1);
    assert.deepEqual(await slow.makeAll(), []);
    assert.deepEqual(
      told.map(({ text }) => text),
      (await checkpoints()).slice(1).map(({ text }) => text),
    );
  });

  test('leave it until the next time, where others were faster three times', async () => {
    await append(2);
    let others = 0;
    const database = interrupted(scene.serviceDatabase, 'add_checkpoint', async () => {
      others += 1;
      await storeStatement(scene, { type: 'checkpoint', chain: homeTenant, number: 1 }, null);
    });
    assert.deepEqual(await checkpointer({ database }).makeAll(), []);
    assert.deepEqual([others, await numbers()], [3, [1, 1, 1]]);
  });

  test('are not misled by retention between what they read', async () => {
    const running = checkpointer();
    await append(3);
    await running.makeAll();
    const [{ link } = assert.fail()] = await checkpoints();
    await append(1);
    let done = false;
    // The link at which it goes on is asked for last of all.
    const database = interrupted(scene.serviceDatabase, 'and number = $2', async () => {
      if (done) return;
      done = true;
      await storeStatement(scene, { type: 'removal', chain: homeTenant, number: 3, link }, key.signer);
      await scene.attack(`delete from audit_events where ${home} and number <= 3`);
    });
    assert.deepEqual(await checkpointer({ database }).makeAll(), []);
    assert.deepEqual([done, await numbers()], [true, [3, 4]]);
  });

  test('fail where the database does', async () => {
    await append(1);
    const broken = new CallFailed({ reason: 'audit_unavailable', cause: 'down', recorded: 'no' });
    const database = interrupted(scene.serviceDatabase, 'audit_removals', () => Promise.reject(broken));
    await assert.rejects(checkpointer({ database }).makeAll(), broken);
  });

  describe('that are new', () => {
    test('sign nothing old for the first time, unless they adopt it', async () => {
      await appendOld(3);
      await append(1);
      assert.deepEqual(await checkpointer().makeAll(), [neverSigned]);
      assert.deepEqual(await checkpointer({ mode: 'report' }).makeAll(), [neverSigned]);
      assert.deepEqual(await numbers(), []);
      assert.deepEqual(await checkpointer({ mode: 'adopt' }).makeAll(), []);
      assert.deepEqual(await numbers(), [4]);
      await append(1);
      assert.deepEqual(await checkpointer({ mode: 'report' }).makeAll(), []);
      assert.deepEqual(await numbers(), [4]);
    });

    test('count a chain by its first event', async () => {
      await append(1);
      await appendOld(1);
      assert.deepEqual(await checkpointer().makeAll(), []);
      assert.deepEqual(await numbers(), [2]);
    });

    test('go on from where retention ended, without a checkpoint', async () => {
      await appendOld(4);
      await checkpointer({ mode: 'adopt' }).makeAll();
      const [{ link } = assert.fail()] = await checkpoints();
      await appendOld(2);
      await storeStatement(scene, { type: 'removal', chain: homeTenant, number: 4, link }, key.signer);
      await scene.attack(
        `delete from audit_events where ${home} and number <= 4`,
        'delete from audit_checkpoints',
      );
      assert.deepEqual(await checkpointer().makeAll(), []);
      assert.deepEqual(await numbers(), [6]);
    });

    test('make nothing of a chain that has no event yet', async () => {
      await scene.attack(
        `insert into audit_chains values ('${homeTenant}', 0, audit_genesis('${homeTenant}'))`,
      );
      assert.deepEqual(await checkpointer().makeAll(), []);
      assert.deepEqual(await numbers(), []);
    });
  });

  test('find every reason that is told', async () => {
    await appendOld(3);
    const found = new Set((await checkpointer().makeAll()).map(({ reason }) => reason));
    const running = checkpointer({ mode: 'adopt' });
    await running.makeAll();
    await scene.attack('create table kept as table audit_checkpoints', 'delete from audit_checkpoints');
    for (const { reason } of await running.makeAll()) found.add(reason);
    await scene.attack('insert into audit_checkpoints select * from kept', ...rewritten);
    for (const { reason } of await running.makeAll()) found.add(reason);
    assert.deepEqual([...found].sort(), [...contradictionReasons].sort());
  });
});
