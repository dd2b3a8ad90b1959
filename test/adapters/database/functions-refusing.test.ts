import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sampleEvent } from '../../support/audit.ts';
import { functionScene, refusedWith } from './function-scene.ts';

// What somebody meets who calls past the service, the tables’ owner among them.
describe('functions of the database that refuse', () => {
  const it = functionScene();

  describe('that refuse changes', () => {
    const changes = [
      "id = '00000000-0000-4000-8000-000000000000'",
      "tenant_id = 'x'",
      "requester_oid = 'x'",
      "status = 'completed'",
      "status = 'approved'",
    ];
    for (const change of changes) {
      test(`refuse the owner too: ${change}`, async () => {
        const { id } = await it.open();
        await assert.rejects(
          it.owner.query(`update operations set ${change} where id = $1`, [id]),
          refusedWith('23514'),
        );
        await it.owner.query("update operations set ticket = 'x', status = status where id = $1", [id]);
      });
    }

    test('let an operation begin only where one begins', async () => {
      for (const status of ['accepted', 'failed', 'start', 'approved']) {
        await assert.rejects(
          it.operations.open(it.opening({}, { status: status as 'sent' })),
          refusedWith('23514'),
        );
      }
    });

    const kept = ['operations', 'disconnect_switches', 'audit_losses', 'audit_chains'];
    for (const statement of [
      ...kept.map((table) => `truncate ${table}`),
      'delete from operations',
      'delete from disconnect_switches',
      'delete from audit_losses',
      'update disconnect_switches set reason = reason',
    ]) {
      test(`refuse the owner: ${statement}`, async () => {
        await assert.rejects(it.owner.query(statement), refusedWith('42501'));
      });
    }

    test('let retention delete for the tables’ owner alone, who says so', async () => {
      await it.scene.append(sampleEvent(it.tenantId));
      const remove = `delete from audit_events where chain = '${it.tenantId}'`;
      for (const [client, setting, allowed] of [
        [it.owner, 'on', true],
        [it.owner, 'off', false],
        [it.owner, '', false],
        [it.scene.superuser, 'on', false],
      ] as const) {
        await client.query('begin');
        await client.query("select set_config('chromeos_bff.retention', $1, true)", [setting]);
        if (allowed) assert.equal((await client.query(remove)).rowCount, 1);
        else await assert.rejects(client.query(remove), refusedWith('42501'));
        await client.query('rollback');
      }
    });

    test('let a chain keep its length or grow, and its head go for a longer one alone', async () => {
      await it.scene.append(sampleEvent(it.tenantId), sampleEvent(it.tenantId));
      const update = (change: string) =>
        it.owner.query(`update audit_chains set ${change} where chain = $1`, [it.tenantId]);
      await it.owner.query('begin');
      await update('length = length');
      await update('length = length + 1');
      await it.owner.query('rollback');
      for (const change of ['length = length - 1', "chain = 'x'", "chain = 'x', length = length + 1"]) {
        await assert.rejects(update(change), refusedWith('42501'));
      }
      const remove = () =>
        it.owner.query('delete from audit_chains where chain = $1 and length = 2', [it.tenantId]);
      const add = (length: number, chain = it.tenantId) =>
        it.owner.query("insert into audit_chains values ($1, $2, '\\x00')", [chain, length]);
      for (const longer of [() => add(1), () => add(3, 'another'), async () => {}]) {
        await it.owner.query('begin');
        await longer();
        await assert.rejects(remove(), refusedWith('42501'));
        await it.owner.query('rollback');
      }
      await it.owner.query('begin');
      await add(3);
      assert.equal((await remove()).rowCount, 1);
      await it.owner.query('rollback');
    });
  });

  test('are for the service’s role alone', async () => {
    const { rows } = await it.owner.query(
      `select p.proname from pg_proc p, lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) granted
       where p.pronamespace = 'public'::regnamespace and granted.grantee = 0 and p.prorettype <> 'trigger'::regtype
         and p.proname <> 'audit_genesis'`,
    );
    assert.deepEqual(rows, []);
  });
});
