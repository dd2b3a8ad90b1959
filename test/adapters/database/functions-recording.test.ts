import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { eventsJson } from '../../../src/adapters/database/audit-rows.ts';
import { writeSwitch } from '../../../src/adapters/database/disconnect-switch.ts';
import { sampleEvent } from '../../support/audit.ts';
import { functionScene, refusedWith } from './function-scene.ts';

// How a commit outlives a crash is in test/database/durability.check.ts.
describe('functions of the database that record', () => {
  const it = functionScene();

  describe('that record', () => {
    const recording: [string, (event: string) => string][] = [
      ['events', (event) => `select from record_audit_events('${event}', 1000)`],
      ['a loss', () => "select report_lost_history('lossy', 7, '\\x00')"],
      [
        'a checkpoint',
        () =>
          `select add_checkpoint(gen_random_uuid(), '{"type":"checkpoint","chain":"c","number":1,"time":"2026-01-01"}', null, null)`,
      ],
    ];
    for (const [what, statement] of recording) {
      test(`make ${what} durable, whatever the session says`, async () => {
        const client = await it.scene.service.connect();
        const event = eventsJson([sampleEvent(it.tenantId)]).replaceAll("'", "''");
        try {
          for (const [before, then] of [
            ['off', 'on'],
            ['local', 'on'],
            ['remote_write', 'on'],
            ['on', 'on'],
            ['remote_apply', 'remote_apply'],
          ]) {
            await client.query(`begin; set local synchronous_commit = ${before}`);
            await client.query(statement(event));
            const { rows } = await client.query('show synchronous_commit');
            await client.query('rollback');
            assert.equal(rows[0].synchronous_commit, then, before);
          }
        } finally {
          client.release();
        }
      });
    }

    test('let go of locks for a caller who vanishes, where nothing else does', async () => {
      for (const [limit, lockMs, then] of [
        ['0', 60_000, '1min'],
        ['0', 50, '1s'],
        ['7s', 60_000, '7s'],
      ] as const) {
        await it.owner.query(`begin; set local idle_in_transaction_session_timeout = '${limit}'`);
        await it.owner.query('select prepare_recording($1)', [lockMs]);
        const { rows } = await it.owner.query('show idle_in_transaction_session_timeout');
        const { rows: locks } = await it.owner.query("select current_setting('lock_timeout') as limit");
        await it.owner.query('rollback');
        assert.equal(rows[0].idle_in_transaction_session_timeout, then);
        assert.equal(locks[0].limit, lockMs === 50 ? '50ms' : '1min');
      }
    });

    test('nothing without its event', async () => {
      const { id } = await it.open();
      const strange = sampleEvent(it.tenantId);
      await assert.rejects(
        it.operations.move(it.move(id, 'sent', 'failed', { event: strange })),
        refusedWith('23514'),
      );
      await assert.rejects(
        it.scene.service.query("select switch_disconnect('{}', '[]', 1000)"),
        refusedWith('23514'),
      );
      await assert.rejects(
        it.scene.service.query(
          `select add_checkpoint(gen_random_uuid(), '{"type":"removal","chain":"c"}', null, null)`,
        ),
        refusedWith('23514'),
      );
    });

    test('a checkpoint once, and only behind the one it names', async () => {
      const add = async (id: string, expected: string | null, chain = it.tenantId) => {
        const statement = JSON.stringify({ type: 'checkpoint', chain, number: 1, time: '2026-01-01' });
        const { rows } = await it.scene.service.query('select add_checkpoint($1, $2, null, $3) as added', [
          id,
          statement,
          expected,
        ]);
        return rows[0].added;
      };
      const [first, second] = [randomUUID(), randomUUID()];
      assert.equal(await add(first, null), true);
      assert.equal(await add(first, null), true, 'a repetition');
      assert.equal(await add(second, null), false);
      assert.equal(await add(randomUUID(), null, 'another chain'), true);
      assert.equal(await add(second, first), true);
      assert.equal(await add(randomUUID(), first), false);
      const { rows } = await it.owner.query(
        'select id, number::int, made_at, key_id from audit_checkpoints where chain = $1 order by position',
        [it.tenantId],
      );
      assert.deepEqual(rows, [
        { id: first, number: 1, made_at: new Date('2026-01-01T00:00:00Z'), key_id: null },
        { id: second, number: 1, made_at: new Date('2026-01-01T00:00:00Z'), key_id: null },
      ]);
      const holder = await it.beside([
        "select pg_advisory_xact_lock(hashtextextended('audit checkpoints ' || $1, 0))",
        [it.tenantId],
      ]);
      const third = add(randomUUID(), second);
      await it.waiting();
      await holder.end();
      assert.equal(await third, true, 'one at a time in a chain');
    });

    test('a change of the switch once', async () => {
      const change = {
        id: randomUUID(),
        tenantId: it.tenantId,
        enabled: false,
        reason: 'frozen',
        by: 'operator',
        at: new Date('2026-01-01T00:00:00Z'),
      };
      await writeSwitch(it.database, change);
      await writeSwitch(it.database, change);
      const { rows } = await it.owner.query(
        'select id, enabled from disconnect_switches where tenant_id = $1',
        [it.tenantId],
      );
      assert.deepEqual(rows, [{ id: change.id, enabled: false }]);
      const events = await it.owner.query('select id from audit_events where chain = $1', [it.tenantId]);
      assert.deepEqual(events.rows, [{ id: change.id }]);
    });
  });
});
