import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Checkpointer, type CheckpointerOptions } from '../../../src/adapters/database/checkpoints.ts';
import {
  type Statement,
  sealed,
  signedStatement,
  statementDigest,
} from '../../../src/audit-verification/format/statement.ts';
import { type AuditScene, homeTenant, type Key, sampleEvent, startAuditScene } from '../../support/audit.ts';
import { edit, home, rehead, relink, tables } from '../../support/audit-attacks.ts';

const hour = 3_600_000;

describe('what a process signs', () => {
  let scene: AuditScene;
  let key: Key;
  before(async () => {
    scene = await startAuditScene();
    key = await scene.key();
  });
  after(() => scene?.close());
  beforeEach(() => scene.attack(...tables.map((table) => `truncate ${table}`)));

  const checkpointer = (differing: Partial<CheckpointerOptions> = {}) =>
    new Checkpointer({
      database: scene.serviceDatabase,
      signer: key.signer,
      verifiers: new Map([[key.signer.keyId, key.signer.verifier]]),
      clock: Date.now,
      lateMs: hour,
      onCheckpoint: () => {},
      ...differing,
    });
  const young = () => sampleEvent(homeTenant, { time: new Date().toISOString() });
  const append = (count: number) => scene.append(...Array.from({ length: count }, young));
  const checkpoints = async () => {
    const { rows } = await scene.superuser.query<{ statement: string }>(
      'select statement from audit_checkpoints order by position',
    );
    return rows.map(({ statement }) => ({ ...(JSON.parse(statement) as Statement), text: statement }));
  };
  const numbers = async () => (await checkpoints()).map(({ number }) => number);

  test('names the checkpoint before it, one after the other', async () => {
    const one = checkpointer();
    for (const count of [2, 3, 1]) {
      await append(count);
      assert.deepEqual(await one.makeAll(), []);
    }
    assert.deepEqual(await one.makeAll(), []);
    const [first, second, third] = await checkpoints();
    assert.deepEqual([first?.number, second?.number, third?.number], [2, 5, 6]);
    assert.deepEqual(
      [first?.previous, second?.previous, third?.previous],
      [null, statementDigest(first?.text ?? ''), statementDigest(second?.text ?? '')],
    );
  });

  test('never forks, however many processes do it at once', async () => {
    const processes = Array.from({ length: 4 }, () => checkpointer());
    for (let round = 0; round < 5; round += 1) {
      await append(1);
      const found = await Promise.all(processes.map((one) => one.makeAll()));
      assert.deepEqual(found.flat(), []);
    }
    const made = await checkpoints();
    assert.deepEqual(
      made.map(({ number }) => number),
      [1, 2, 3, 4, 5],
    );
    for (const [index, { previous }] of made.entries()) {
      const before = made[index - 1];
      assert.equal(previous, before === undefined ? null : statementDigest(before.text));
    }
  });

  const rewritten = [edit(3), relink(3), rehead];
  for (const [name, attack, reason, message] of [
    ['an event edited and everything linked again', rewritten, 'changed', 'the link of event 6 was changed'],
    [
      'the same, and all checkpoints deleted',
      [...rewritten, 'delete from audit_checkpoints'],
      'checkpoint_gone',
      'the signed checkpoint of event 6 is gone',
    ],
    [
      'the newest checkpoint deleted',
      ['delete from audit_checkpoints where number = 6'],
      'checkpoint_gone',
      'the signed checkpoint of event 6 is gone',
    ],
    [
      'a tail cut off',
      [`delete from audit_events where ${home} and number > 4`, rehead],
      'changed',
      'the chain has 4 events; it had 6',
    ],
    [
      'a link changed',
      [`update audit_events set link = sha256(link) where ${home} and number = 6`],
      'changed',
      'the link of event 6 was changed',
    ],
    [
      'a chain that is gone',
      tables.map((table) => `truncate ${table}`),
      'changed',
      'the chain has 0 events; it had 6',
    ],
    [
      'a head changed',
      [`update audit_chains set head = sha256(head) where ${home}`],
      'changed',
      'the head of event 6 contradicts the chain',
    ],
    [
      'an event put in behind the head',
      [
        `insert into audit_events select chain, 7, gen_random_uuid(), occurred_at, event, actor_oid, operation_id, record,
           digest, sha256(link) from audit_events where ${home} and number = 6`,
        rehead,
      ],
      'changed',
      'the link at event 7 is broken',
    ],
  ] as const) {
    test(`is not ${name}, while it runs`, async () => {
      const running = checkpointer();
      await append(4);
      await running.makeAll();
      await append(2);
      await running.makeAll();
      await scene.attack(...attack);
      const before = await numbers();
      const found = await running.makeAll();
      assert.deepEqual(found, [{ chain: homeTenant, reason, message }]);
      await append(1);
      assert.equal((await running.makeAll()).length, 1);
      assert.deepEqual(await numbers(), before);
    });
  }

  test('is not a chain that was rewritten between two processes', async () => {
    await append(6);
    await checkpointer().makeAll();
    await scene.attack(...rewritten);
    await append(1);
    const found = await checkpointer().makeAll();
    assert.deepEqual([found[0]?.reason, await numbers()], ['changed', [6]]);
  });

  test('is not an old chain whose checkpoints are gone, until it is adopted', async () => {
    await scene.append(...Array.from({ length: 6 }, () => sampleEvent(homeTenant)));
    const found = await checkpointer().makeAll();
    assert.deepEqual([found[0]?.reason, await numbers()], ['never_signed', []]);

    const seen = await scene.adopt(key);
    assert.match(seen.out, new RegExp(`${homeTenant}: would be signed for the first time`));
    assert.deepEqual([seen.code, await numbers()], [0, []]);
    const done = await scene.adopt(key, '--yes');
    assert.match(done.out, new RegExp(`${homeTenant}: signed up to event 6`));
    assert.deepEqual([done.code, await numbers()], [0, [6]]);
    await append(1);
    assert.deepEqual([await checkpointer().makeAll(), await numbers()], [[], [6, 7]]);
  });

  test('is what follows after a new key, where it knows the earlier one', async () => {
    const next = await scene.key();
    const old = sampleEvent(homeTenant);
    await scene.append(old);
    await checkpointer({ mode: 'adopt' }).makeAll();
    await append(1);
    const alone = { signer: next.signer, verifiers: new Map([[next.signer.keyId, next.signer.verifier]]) };
    assert.equal((await checkpointer(alone).makeAll())[0]?.reason, 'never_signed');
    const verifiers = new Map([next, key].map(({ signer }) => [signer.keyId, signer.verifier]));
    assert.deepEqual(await checkpointer({ ...alone, verifiers }).makeAll(), []);
    const [first, second] = await checkpoints();
    assert.deepEqual(
      [second?.keyId, second?.previous],
      [next.signer.keyId, statementDigest(first?.text ?? '')],
    );
  });

  test('does not depend on rows that say nonsense', async () => {
    await append(3);
    const running = checkpointer();
    await running.makeAll();
    const stranger = await scene.key();
    const link = '00'.repeat(32);
    const foreign = sealed(
      {
        type: 'checkpoint',
        chain: homeTenant,
        number: 4,
        link,
        previous: null,
        time: new Date().toISOString(),
      },
      stranger.signer,
    );
    const inOurName = foreign.text.replace(stranger.signer.keyId, key.signer.keyId);
    const numbered = (number: string) => foreign.text.replace('"number":4', `"number":${number}`);
    const nonsense: [string, Buffer | null][] = [
      [numbered('9223372036854775807'), foreign.signature],
      [numbered('-1'), null],
      [
        `{"chain":"${homeTenant}","number":4,"time":"2026-01-01","type":"checkpoint"}`,
        Buffer.from('00', 'hex'),
      ],
      [foreign.text, foreign.signature],
      [inOurName, foreign.signature],
      [inOurName.replace('"number":4', '"number":3'), foreign.signature],
    ];
    // More than are read at once.
    for (let round = 0; round < 10; round += 1) {
      for (const row of nonsense) {
        const { rows } = await scene.service.query(
          `select add_checkpoint(gen_random_uuid(), $1, $2,
             (select id from audit_checkpoints order by position desc limit 1)) as added`,
          row,
        );
        assert.equal(rows[0].added, true);
      }
    }
    await append(1);
    assert.deepEqual(await running.makeAll(), []);
    await append(1);
    assert.deepEqual(await checkpointer().makeAll(), []);
    const { rows } = await scene.superuser.query<{ statement: string; signature: Buffer | null }>(
      'select statement, signature from audit_checkpoints order by position',
    );
    const sound = rows.filter(({ statement: text, signature }) =>
      signedStatement({ text, signature }, new Map([[key.signer.keyId, key.signer.verifier]])),
    );
    assert.deepEqual(
      sound.map(({ statement }) => JSON.parse(statement).number),
      [3, 4, 5],
    );
    assert.equal(JSON.parse(sound[1]?.statement ?? '').previous, statementDigest(sound[0]?.statement ?? ''));
  });

  test('goes on after retention', async () => {
    const running = checkpointer();
    await append(3);
    await running.makeAll();
    await append(2);
    await running.makeAll();
    const { code, out } = await scene.retention(
      key,
      '--before',
      new Date().toISOString(),
      '--by',
      'x',
      '--yes',
    );
    assert.equal(code, 0, out);
    assert.match(out, /events 1 to 5 .* were removed/);
    assert.deepEqual(await running.makeAll(), []);
    await append(1);
    assert.deepEqual(await running.makeAll(), []);
    assert.deepEqual(await checkpointer().makeAll(), []);
    assert.deepEqual(await numbers(), [5, 6, 7]);
  });

  describe('without a key', () => {
    const unsigned = () => checkpointer({ signer: null, verifiers: new Map() });

    test('is compared with what it followed itself', async () => {
      const running = unsigned();
      await append(4);
      await running.makeAll();
      await scene.attack(edit(3), relink(3), rehead);
      await append(1);
      assert.equal((await running.makeAll())[0]?.reason, 'changed');
      assert.deepEqual(await numbers(), [4]);
    });

    test('is any chain that a new process finds, and what nobody signed proves nothing', async () => {
      await scene.append(...Array.from({ length: 4 }, () => sampleEvent(homeTenant)));
      const running = unsigned();
      assert.deepEqual(await running.makeAll(), []);
      assert.deepEqual(await running.makeAll(), []);
      assert.deepEqual(await numbers(), [4], 'which has grown since');
      await scene.attack(edit(3), relink(3), rehead);
      await append(1);
      const next = unsigned();
      assert.deepEqual(await next.makeAll(), []);
      await scene.attack('delete from audit_checkpoints where number = 5');
      assert.deepEqual(await next.makeAll(), [], 'it is made again');
      const made = await checkpoints();
      assert.deepEqual(
        made.map(({ number, previous, keyId }) => [number, previous, keyId]),
        [
          [4, null, null],
          [5, null, null],
        ],
      );
    });

    test('is a chain that somebody signed, too', async () => {
      await append(2);
      await checkpointer().makeAll();
      assert.deepEqual(await unsigned().makeAll(), []);
      assert.deepEqual(
        (await checkpoints()).map(({ number, keyId }) => [number, keyId]),
        [
          [2, key.signer.keyId],
          [2, null],
        ],
      );
    });
  });
});
