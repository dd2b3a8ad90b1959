import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import {
  applyRetention,
  type Removal,
  type RetentionOptions,
} from '../../../src/adapters/database/retention.ts';
import {
  type Signer,
  type Statement,
  sealed,
  statementDigest,
} from '../../../src/audit-verification/format/statement.ts';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';
import {
  type AuditScene,
  homeTenant,
  type Key,
  otherTenant,
  sampleEvent,
  startAuditScene,
} from '../../support/audit.ts';
import { edit, home, tables } from '../../support/audit-attacks.ts';
import { until } from '../../support/processes.ts';
import { sampleStatement, storeStatement, storeText } from '../../support/stored-statements.ts';

const limit = new Date('2024-01-01T00:00:00.000Z');
const now = new Date('2024-06-01T00:00:00.000Z');

describe('retention of a chain', () => {
  let scene: AuditScene;
  let key: Key;
  let owner: pg.Client;
  before(async () => {
    scene = await startAuditScene();
    key = await scene.key();
    owner = new pg.Client({ connectionString: scene.database.adminUrl });
    await owner.connect();
    // As a role may have it.
    await owner.query("set search_path = ''");
  });
  after(async () => {
    await owner?.end();
    await scene?.close();
  });
  beforeEach(() => scene.attack(...tables.map((table) => `truncate ${table}`)));

  const append = (chain: string, ...times: string[]) =>
    scene.append(...times.map((time) => sampleEvent(chain, { time: `${time}T00:00:00.000Z` })));
  const linkOf = async (chain: string, number: number): Promise<string> => {
    const { rows } = await scene.superuser.query(
      "select encode(link, 'hex') as link from audit_events where chain = $1 and number = $2",
      [chain, number],
    );
    return rows[0].link;
  };
  const checkpoint = async (chain: string, number: number, signer: Signer | null = key.signer) =>
    storeStatement(scene, { type: 'checkpoint', chain, number, link: await linkOf(chain, number) }, signer);
  const apply = async (differing: Partial<RetentionOptions> = {}, done: Removal[] = []) => {
    const options = {
      before: limit,
      chain: homeTenant,
      verifiers: new Map([[key.signer.keyId, key.signer.verifier]]),
      removal: { signer: key.signer, by: 'Olga Operator', now },
      ...differing,
    };
    await applyRetention(owner, options, (removal) => done.push(removal));
    return done;
  };
  const column = async (sql: string) => {
    const { rows } = await scene.superuser.query({ text: sql, rowMode: 'array' });
    return rows.map(([value]) => value);
  };
  const numbers = (chain = homeTenant) =>
    column(`select number::int from audit_events where chain = '${chain}' order by number`);
  const checkpointed = (chain = homeTenant) =>
    column(`select number::int from audit_checkpoints where chain = '${chain}' order by number`);
  const removals = () => column('select statement from audit_removals order by number');

  /** Two signed in 2022, two in 2023 with another that is not, and one that must stay. */
  const fill = async (chain: string) => {
    await append(chain, '2022-06-01', '2022-06-02', '2023-06-02', '2023-06-01', '2023-07-01', '2025-01-01');
    await checkpoint(chain, 2);
    await checkpoint(chain, 4);
    await checkpoint(chain, 6);
  };
  const newest = new Date('2023-06-02T00:00:00.000Z');

  test('removes up to the last signed checkpoint that has only older events, and says so', async () => {
    await fill(otherTenant);
    await fill(homeTenant);
    const link = await linkOf(homeTenant, 4);
    const [last] = await column(`select statement from audit_checkpoints where ${home} and number = 4`);
    assert.deepEqual(await apply(), [{ chain: homeTenant, from: 1, to: 4, newest }]);
    assert.deepEqual(
      [await numbers(), await checkpointed()],
      [
        [5, 6, 7],
        [4, 6],
      ],
    );
    assert.deepEqual(
      [await numbers(otherTenant), await checkpointed(otherTenant)],
      [
        [1, 2, 3, 4, 5, 6],
        [2, 4, 6],
      ],
    );

    const previous = statementDigest(last);
    const time = now.toISOString();
    const stated = sealed(
      { type: 'removal', chain: homeTenant, number: 4, link, previous, time },
      key.signer,
    );
    const { rows } = await scene.superuser.query(
      'select chain, number, statement as text, key_id, signature, made_at from audit_removals',
    );
    const { text, signature } = stated;
    const { keyId } = key.signer;
    assert.deepEqual(rows, [
      { chain: homeTenant, number: '4', text, key_id: keyId, signature, made_at: now },
    ]);

    const [record] = (await column(`select record from audit_events where ${home} and number = 7`)) as [
      AuditEvent,
    ];
    const { event, action, explanation, actor, tenantId } = record;
    assert.deepEqual(
      { event, action, explanation, actor, tenantId, time: record.time },
      {
        event: 'removed',
        action: 'remove_audit_events',
        explanation: 'events 1 to 4 of before 2024-01-01T00:00:00.000Z were removed',
        actor: {
          clientId: 'audit-retention',
          kind: 'operator',
          name: 'Olga Operator',
          oid: 'operator',
          tenantId: homeTenant,
        },
        tenantId: homeTenant,
        time,
      },
    );
    assert.deepEqual(await apply(), [], 'there is nothing more');
  });

  test('only reports what it would remove, where nobody removes it', async () => {
    await fill(homeTenant);
    assert.deepEqual(await apply({ removal: null }), [{ chain: homeTenant, from: 1, to: 4, newest }]);
    assert.deepEqual([await numbers(), await removals()], [[1, 2, 3, 4, 5, 6], []]);
  });

  test('goes on from where it ended, again and again', async () => {
    for (const [year, from, to] of [
      [2020, 1, 2],
      [2021, 3, 5],
      [2022, 6, 8],
    ] as const) {
      await append(homeTenant, `${year}-07-01`, `${year}-07-02`);
      await checkpoint(homeTenant, to);
      const removal = { signer: key.signer, by: 'Olga', now: new Date(`${year + 1}-01-01`) };
      const [done] = await apply({ before: new Date(`${year + 1}-01-01`), removal });
      const newest = new Date(`${year}-07-02T00:00:00.000Z`);
      assert.deepEqual(done, { chain: homeTenant, from, to, newest });
    }
    assert.deepEqual([await numbers(), (await removals()).length], [[9], 3]);
  });

  test('keeps what is of that very time, and removes a chain of which everything is older', async () => {
    await append(homeTenant, '2023-01-01', '2024-01-01', '2023-01-02');
    for (const number of [1, 2, 3]) await checkpoint(homeTenant, number);
    const [done] = await apply({ removal: null });
    assert.equal(done?.to, 1);
    const [whole] = await apply({ removal: null, before: now });
    assert.equal(whole?.to, 3);
  });

  test('removes nothing without a checkpoint that a known key signed', async () => {
    const stranger = await scene.key();
    assert.deepEqual(await apply(), []);
    await append(homeTenant, '2022-01-01');
    assert.deepEqual(await apply(), []);
    await checkpoint(homeTenant, 1, null);
    await checkpoint(homeTenant, 1, stranger.signer);
    assert.deepEqual(await apply(), []);
    const { signer } = stranger;
    const [done] = await apply({ verifiers: new Map([[signer.keyId, signer.verifier]]) });
    assert.equal(done?.to, 1);
  });

  test('takes all chains, one after the other, each completely or not at all', async () => {
    const chains = ['c', 'a', 'b', 'd'];
    for (const chain of chains) await fill(chain);
    await scene.attack("insert into audit_chains values ('0', 0, audit_genesis('0'))");
    await scene.attack("update audit_events set record = '{}' where chain = 'c' and number = 1");
    const done: Removal[] = [];
    await assert.rejects(apply({ chain: null }, done), /^Error: c was altered at event 4 or before/);
    assert.deepEqual(
      done.map(({ chain }) => chain),
      ['a', 'b'],
    );
    const lengths = await Promise.all(chains.map(async (chain) => (await numbers(chain)).length));
    assert.deepEqual(lengths, [6, 3, 3, 6]);
    const [{ state }] = (await owner.query('select pg_current_xact_id_if_assigned() as state')).rows;
    assert.equal(state, null);
    assert.deepEqual((await apply({ chain: 'd' })).length, 1);
  });

  test('takes a part that needs several pages', async () => {
    await append(homeTenant, ...Array.from({ length: 1001 }, () => '2022-01-01'));
    await checkpoint(homeTenant, 1001);
    const [done] = await apply();
    assert.equal(done?.to, 1001);
    assert.deepEqual(await numbers(), [1002]);
  });

  describe('removes nothing that was altered:', () => {
    const deleted = (where: string) => `delete from audit_events where ${home} and number ${where}`;
    for (const [name, attack, number] of [
      ['an event edited', edit(2), 4],
      ['an event gone', deleted('= 2'), 2],
      ['the last event gone', deleted('= 4'), 4],
      ['the first events gone', deleted('<= 2'), 1],
    ] as const) {
      test(name, async () => {
        await fill(homeTenant);
        await scene.attack(attack);
        const left = await numbers();
        await assert.rejects(apply(), {
          message: `${homeTenant} was altered at event ${number} or before: nothing was removed; run audit-verify`,
        });
        assert.deepEqual([await numbers(), await removals()], [left, []]);
      });
    }

    test('another link in the checkpoint', async () => {
      await append(homeTenant, '2022-01-01');
      await storeStatement(scene, { type: 'checkpoint', chain: homeTenant, number: 1 }, key.signer);
      await assert.rejects(apply(), /was altered at event 1 or before/);
    });
  });

  describe('does not rely on what was said of an earlier removal', () => {
    const about = (chain: string, type: Statement['type'], signer: Signer | null) =>
      sampleStatement({ type, chain, number: 2 }, signer);
    const said: [name: string, () => Promise<ReturnType<typeof about>>][] = [
      ['without a signature', async () => about(homeTenant, 'removal', null)],
      ['under an unknown key', async () => about(homeTenant, 'removal', (await scene.key()).signer)],
      ['of another chain', async () => about(otherTenant, 'removal', key.signer)],
      ['by a checkpoint', async () => about(homeTenant, 'checkpoint', key.signer)],
    ];
    for (const [name, statement] of said) {
      test(name, async () => {
        await fill(homeTenant);
        await scene.attack(`delete from audit_events where ${home} and number <= 2`);
        const { statement: stated, ...found } = await statement();
        await storeText(scene, { ...stated, type: 'removal', chain: homeTenant }, found);
        await assert.rejects(apply(), {
          message: `what was said of an earlier removal from ${homeTenant} does not verify with the given keys: nothing was removed; run audit-verify, and give earlier keys with --public-key`,
        });
        assert.deepEqual(await numbers(), [3, 4, 5, 6]);
      });
    }

    test('nor of another chain', async () => {
      await fill(homeTenant);
      await storeStatement(scene, { type: 'removal', chain: otherTenant, number: 9 }, null);
      assert.equal((await apply()).length, 1);
    });
  });

  test('waits for another run of it', async () => {
    await fill(homeTenant);
    const lock = "hashtextextended('audit retention', 0)";
    await scene.superuser.query(`select pg_advisory_lock(${lock})`);
    const applied = apply();
    try {
      await until('it waits', async () => {
        const waiting = await column("select from pg_locks where not granted and locktype = 'advisory'");
        return waiting.length > 0;
      });
    } finally {
      await scene.superuser.query(`select pg_advisory_unlock(${lock})`);
    }
    assert.equal((await applied).length, 1);
  });
});
