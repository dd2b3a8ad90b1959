import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import { eventsJson } from '../../../src/adapters/database/audit-rows.ts';
import { createDatabase, type Database } from '../../../src/adapters/database/database.ts';
import { writeSwitch } from '../../../src/adapters/database/disconnect-switch.ts';
import { KnownHistory } from '../../../src/adapters/database/known-history.ts';
import { createPool, type Pool } from '../../../src/adapters/database/pool.ts';
import { createPostgresOperations } from '../../../src/adapters/database/postgres-operations.ts';
import { recordAuditEvents } from '../../../src/adapters/database/statements/record-audit-events.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import type { OperationStatus } from '../../../src/core/operation/life.ts';
import type { NewOperation, Operations, PreparedMove } from '../../../src/core/ports.ts';
import { Secret } from '../../../src/core/secret.ts';
import { type AuditScene, sampleEvent, startAuditScene } from '../../support/audit.ts';
import { connected } from '../../support/core.ts';
import { until } from '../../support/processes.ts';

const minuteMs = 60_000;

// What each answers is in operations-port.test.ts; here is what two transactions at once, an expired moment, and
// somebody who calls past the service meet.
describe('functions of the database', () => {
  let scene: AuditScene;
  let pool: Pool;
  let database: Database;
  let operations: Operations;
  let impatient: Operations;
  let owner: pg.Client;
  let tenantId: string;
  before(async () => {
    scene = await startAuditScene();
    owner = new pg.Client({ connectionString: scene.database.adminUrl });
    await owner.connect();
    pool = createPool({
      url: new Secret(scene.database.url),
      size: 4,
      connectTimeoutMs: 30_000,
      patienceMs: 30_000,
      onError: () => {},
    });
    database = createDatabase(pool, 30_000);
    const history = new KnownHistory(() => {});
    operations = createPostgresOperations({ database, history, idempotencyMs: minuteMs });
    impatient = createPostgresOperations({
      database: { ...database, lockMs: 50 },
      history,
      idempotencyMs: minuteMs,
    });
  });
  after(async () => {
    await owner?.end();
    await pool?.end();
    await scene?.close();
  });
  beforeEach(() => {
    tenantId = randomUUID();
  });

  const opening = (
    but: Partial<NewOperation> = {},
    operation: Partial<NewOperation['operation']> = {},
  ): NewOperation => {
    const id = operation.id ?? randomUUID();
    const tenant = operation.tenantId ?? tenantId;
    return {
      operation: {
        id,
        tenantId: tenant,
        status: 'sent',
        requester: { oid: 'admin', name: 'Admin', clientId: 'portal' },
        reason: null,
        ticket: null,
        connection: connected,
        requestId: randomUUID(),
        supersedes: null,
        ...operation,
      },
      key: null,
      answer: null,
      leaseMs: minuteMs,
      approvalMs: null,
      expectedNewestId: null,
      supersededStatus: null,
      event: sampleEvent(tenant, { operationId: id }),
      ...but,
    };
  };
  const move = (id: string, from: OperationStatus, to: OperationStatus, but: Partial<PreparedMove> = {}) => ({
    operation: { id, status: from },
    to,
    change: {},
    leaseMs: 0,
    inTime: false,
    ends: false,
    event: sampleEvent(tenantId, { operationId: id }),
    ...but,
  });
  const open = async (...given: Parameters<typeof opening>) => {
    const opened = await operations.open(opening(...given));
    assert.ok(typeof opened === 'object', String(opened));
    return opened;
  };
  const statusOf = async (id: string) => (await operations.find(tenantId, id))?.status;
  const column = async (id: string, name: string) =>
    (await owner.query(`select ${name} as value from operations where id = $1`, [id])).rows[0]?.value;
  const refusedWith = (code: string) => (error: unknown) => {
    const cause = error instanceof CallFailed ? error.cause : error;
    assert.equal((cause as { code?: string }).code, code, String(error));
    return true;
  };

  /** Somebody else's transaction, which is committed when the test says so. */
  async function beside(...statements: [string, unknown[]?][]) {
    const client = new pg.Client({ connectionString: scene.database.adminUrl });
    await client.connect();
    await client.query('begin');
    for (const [text, values] of statements) await client.query(text, values);
    return {
      client,
      end: async (how: 'commit' | 'rollback' = 'commit') => {
        await client.query(how);
        await client.end();
      },
    };
  }
  const waiting = (count = 1) =>
    until('it waits for a lock', async () => {
      const { rows } = await scene.superuser.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows.length === count;
    });
  const lockTenant = () =>
    beside(['select pg_advisory_xact_lock(hashtextextended($1, 0))', [tenantId]] as [string, unknown[]]);
  const lockRow = (id: string) =>
    beside(['select from operations where id = $1 for update', [id]] as [string, unknown[]]);

  describe('that wait for a lock', () => {
    test('wait no longer than they are told', async () => {
      const { id, requestId } = await open();
      const tenant = await lockTenant();
      const next = opening({ expectedNewestId: id }, { supersedes: id });
      await assert.rejects(impatient.open(next), refusedWith('55P03'));
      const ending = {
        operation: { id, tenantId, requestId, status: 'sent' as const },
        to: 'failed' as const,
        change: { explanation: 'x', answer: null },
        ends: true,
        event: sampleEvent(tenantId, { operationId: id }),
      };
      await assert.rejects(impatient.endUnsent(ending), refusedWith('55P03'));
      await tenant.end();
      const row = await lockRow(id);
      await assert.rejects(impatient.move(move(id, 'sent', 'failed')), refusedWith('55P03'));
      await row.end();
      assert.equal(await statusOf(id), 'sent');
    });

    test('end what another transaction is about to open, once it is there', async () => {
      const asked = opening();
      const { id, requestId } = asked.operation;
      const row = {
        id,
        tenant_id: tenantId,
        status: 'sent',
        requester_oid: 'admin',
        requester_client_id: 'portal',
        connection_id: 'c',
        connection: {},
        request_id: requestId,
      };
      const opener = await beside([
        'select * from open_operation($1, null, null, 60000, null, 60000, $2, null, 5000)',
        [JSON.stringify(row), eventsJson([asked.event])],
      ]);
      const ending = operations.endUnsent({
        operation: { id, tenantId, requestId, status: 'sent' },
        to: 'failed',
        change: { explanation: 'nothing was sent', answer: null },
        ends: true,
        event: sampleEvent(tenantId, { operationId: id }),
      });
      await waiting();
      await opener.end();
      await ending;
      assert.equal(await statusOf(id), 'failed');
    });

    test('compare what is there afterwards with what was seen', async () => {
      const { id } = await open();
      const mover = await beside([
        "select * from move_operation($1, 'sent', 'unknown', 0, false, false, '{}', gen_random_uuid(), $2, null, 5000)",
        [id, eventsJson([sampleEvent(tenantId, { operationId: id })])],
      ]);
      const late = operations.move(move(id, 'sent', 'failed'));
      await waiting();
      await mover.end();
      assert.deepEqual([await late, await statusOf(id)], ['moved_already', 'unknown']);
    });

    test('judge by the time at which they were let in', async () => {
      const { id } = await open({ leaseMs: 0, approvalMs: minuteMs }, { status: 'awaiting_approval' });
      const holder = await lockRow(id);
      const late = operations.move(move(id, 'awaiting_approval', 'approved', { inTime: true }));
      await waiting();
      await holder.client.query('update operations set expires_at = clock_timestamp() where id = $1', [id]);
      await holder.end();
      assert.equal(await late, 'too_late');

      const second = randomUUID();
      const tenant = await beside(['select pg_advisory_xact_lock(hashtextextended($1, 0))', [second]]);
      const opened = operations.open(opening({}, { tenantId: second }));
      await waiting();
      const { rows } = await tenant.client.query(
        "select date_trunc('milliseconds', clock_timestamp()) as now",
      );
      await tenant.end();
      const one = await opened;
      assert.ok(typeof one === 'object' && Date.parse(one.requestedAt) >= rows[0].now.getTime());
    });

    test('permit sending by the time it is now, not when the transaction began', async () => {
      const { id } = await open({ approvalMs: minuteMs });
      const said = async (client: pg.Client) =>
        (await client.query("select permit_sending($1, 'sent', 0, false, 1000) as said", [id])).rows[0].said;
      const asker = await beside(['select 1']);
      assert.equal(await said(asker.client), 'granted');
      await owner.query('update operations set expires_at = clock_timestamp() where id = $1', [id]);
      assert.equal(await said(asker.client), 'too_late');
      await owner.query('update operations set lease_until = clock_timestamp() where id = $1', [id]);
      assert.equal(await said(asker.client), 'moved_already');
      await asker.end();
    });
  });

  test('put down with the permission that Intune may file a request, or give none', async () => {
    const permit = async (id: string, mayBeFiled: boolean, lockMs = 5000) =>
      (
        await scene.service.query("select permit_sending($1, 'sent', 0, $2, $3) as said", [
          id,
          mayBeFiled,
          lockMs,
        ])
      ).rows[0].said;
    const { id } = await open();
    assert.deepEqual([await permit(id, false), await column(id, 'may_be_filed')], ['granted', false]);
    assert.deepEqual([await permit(id, true), await column(id, 'may_be_filed')], ['granted', true]);
    assert.equal(await permit(randomUUID(), true), 'moved_already');

    const other = await open({}, { tenantId: randomUUID() });
    const mover = await lockRow(other.id);
    await assert.rejects(permit(other.id, true, 50), refusedWith('55P03'));
    const late = permit(other.id, true);
    await waiting();
    await mover.client.query("update operations set status = 'unknown' where id = $1", [other.id]);
    await mover.end();
    assert.deepEqual([await late, await column(other.id, 'may_be_filed')], ['moved_already', false]);
    assert.deepEqual(
      [await permit(other.id, true), await column(other.id, 'may_be_filed')],
      ['moved_already', false],
    );
  });

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
        const client = await scene.service.connect();
        const event = eventsJson([sampleEvent(tenantId)]).replaceAll("'", "''");
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

    test('nothing without its event', async () => {
      const { id } = await open();
      const strange = sampleEvent(tenantId);
      await assert.rejects(
        operations.move(move(id, 'sent', 'failed', { event: strange })),
        refusedWith('23514'),
      );
      await assert.rejects(
        scene.service.query("select switch_disconnect('{}', '[]', 1000)"),
        refusedWith('23514'),
      );
      await assert.rejects(
        scene.service.query(
          `select add_checkpoint(gen_random_uuid(), '{"type":"removal","chain":"c"}', null, null)`,
        ),
        refusedWith('23514'),
      );
    });

    test('a checkpoint once, and only behind the one it names', async () => {
      const add = async (id: string, expected: string | null, chain = tenantId) => {
        const statement = JSON.stringify({ type: 'checkpoint', chain, number: 1, time: '2026-01-01' });
        const { rows } = await scene.service.query('select add_checkpoint($1, $2, null, $3) as added', [
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
      const { rows } = await owner.query(
        'select id, number::int, made_at, key_id from audit_checkpoints where chain = $1 order by position',
        [tenantId],
      );
      assert.deepEqual(rows, [
        { id: first, number: 1, made_at: new Date('2026-01-01T00:00:00Z'), key_id: null },
        { id: second, number: 1, made_at: new Date('2026-01-01T00:00:00Z'), key_id: null },
      ]);
      const holder = await beside([
        "select pg_advisory_xact_lock(hashtextextended('audit checkpoints ' || $1, 0))",
        [tenantId],
      ]);
      const third = add(randomUUID(), second);
      await waiting();
      await holder.end();
      assert.equal(await third, true, 'one at a time in a chain');
    });

    test('a change of the switch once', async () => {
      const change = {
        id: randomUUID(),
        tenantId,
        enabled: false,
        reason: 'frozen',
        by: 'operator',
        at: new Date('2026-01-01T00:00:00Z'),
      };
      await writeSwitch(database, change);
      await writeSwitch(database, change);
      const { rows } = await owner.query('select id, enabled from disconnect_switches where tenant_id = $1', [
        tenantId,
      ]);
      assert.deepEqual(rows, [{ id: change.id, enabled: false }]);
      const events = await owner.query('select id from audit_events where chain = $1', [tenantId]);
      assert.deepEqual(events.rows, [{ id: change.id }]);
    });
  });

  test('an operation is not superseded from another tenant', async () => {
    const { id } = await open();
    const elsewhere = randomUUID();
    const superseding = opening({ supersededStatus: 'sent' }, { tenantId: elsewhere, supersedes: id });
    assert.equal(await operations.open(superseding), 'slot_taken');
    assert.equal((await operations.find(tenantId, id))?.supersededBy, null);
  });

  test('an idempotency key is free again when its time is over, and no other one is', async () => {
    const key = { key: 'k', fingerprint: 'f' };
    const close = async (id: string, from: OperationStatus = 'sent') =>
      operations.move(move(id, from, 'failed', { ends: true }));
    const rows: [string, Partial<NewOperation>, Partial<NewOperation['operation']>][] = [
      ['own', { key }, {}],
      ['another key', { key: { key: 'other', fingerprint: 'f' } }, {}],
      ['another person’s', { key }, { requester: { oid: 'second', name: null, clientId: 'portal' } }],
    ];
    const ids: string[] = [];
    for (const [, but, operation] of rows) {
      const { id } = await open({ expectedNewestId: ids.at(-1) ?? null, ...but }, operation);
      await close(id);
      ids.push(id);
    }
    const elsewhere = randomUUID();
    const other = await open({ key }, { tenantId: elsewhere });
    const again = () => opening({ key, expectedNewestId: ids.at(-1) ?? null });
    assert.equal(await operations.open(again()), 'slot_taken');
    await owner.query('update operations set idempotency_expires_at = now() where tenant_id = any($1)', [
      [tenantId, elsewhere],
    ]);
    const withoutKey = opening({ expectedNewestId: ids.at(-1) ?? null });
    assert.equal(typeof (await operations.open(withoutKey)), 'object');
    await close(withoutKey.operation.id);
    ids.push(withoutKey.operation.id);
    const keys = () => Promise.all([...ids.slice(0, 3), other.id].map((id) => column(id, 'idempotency_key')));
    assert.deepEqual(await keys(), ['k', 'other', 'k', 'k'], 'whoever brings no key frees none');
    assert.equal(typeof (await operations.open(again())), 'object');
    assert.deepEqual(await keys(), [null, 'other', 'k', 'k']);
  });

  test('a switch for all tenants counts for each, and one for a tenant beside it', async () => {
    const turn = (enabled: boolean, of: string | null) =>
      writeSwitch(database, {
        id: randomUUID(),
        tenantId: of,
        enabled,
        reason: `${of}`,
        by: 'o',
        at: new Date(),
      });
    const off = async () => (await operations.open(opening())) === 'disabled';
    try {
      await turn(true, tenantId);
      await turn(false, null);
      assert.equal(await off(), true);
      await turn(true, null);
      await turn(false, randomUUID());
      await turn(false, tenantId);
      assert.equal(await off(), true);
      await turn(true, tenantId);
      assert.equal(await off(), false);
    } finally {
      await turn(true, null);
    }
  });

  test('what sends nothing goes on while disconnecting is switched off', async () => {
    const { id } = await open();
    const off = { id: randomUUID(), tenantId, enabled: false, reason: 'x', by: 'o', at: new Date() };
    await writeSwitch(database, off);
    assert.equal(typeof (await operations.move(move(id, 'sent', 'unknown'))), 'object');
  });

  test('a move changes what it says, and leaves the rest; what is sent anew begins with nothing concluded', async () => {
    const { id } = await open({}, { status: 'awaiting_approval' });
    const concluded = {
      graphRequestId: 'graph-1',
      value: 'inprogress',
      concludedFrom: 'answer',
      explanation: 'because',
    } as const;
    const nothing = { value: null, concludedFrom: null, explanation: null, graphRequestId: null };
    const kept = { requestId: randomUUID(), connection: { ...connected, owner: null } };
    const approval = { approver: { oid: 'second', name: null }, reason: 'yes' };
    const go = async (...asked: Parameters<typeof move>) => {
      const moved = await operations.move(move(...asked));
      assert.ok(typeof moved === 'object', String(moved));
      const { graphRequestId, value, concludedFrom, explanation, requestId, connection } = moved;
      const said = { graphRequestId, value, concludedFrom, explanation };
      assert.deepEqual({ requestId, connection }, kept);
      assert.deepEqual(moved.approval, { ...approval, at: moved.approval?.at });
      return { moved, said };
    };
    const change = { ...kept, ...concluded, approval };
    assert.deepEqual((await go(id, 'awaiting_approval', 'approved', { change })).said, concluded);
    const sent = await go(id, 'approved', 'sent', { change: nothing, leaseMs: minuteMs });
    assert.deepEqual([sent.said, sent.moved.tookMs], [nothing, null]);
    assert.deepEqual((await go(id, 'sent', 'unknown', { change: concluded })).said, concluded);
    const { said, moved } = await go(id, 'unknown', 'failed', { change: nothing, ends: true });
    assert.deepEqual([said, moved.sentAt], [concluded, sent.moved.sentAt]);
    assert.equal(moved.tookMs, Date.parse(moved.movedAt) - Date.parse(moved.sentAt ?? ''));
  });

  test('notifications are handed to a receiver by one at a time', async () => {
    const holder = await beside([
      "select pg_advisory_xact_lock(hashtextextended('notifications for ' || 'somebody', 0))",
    ]);
    const claim = (receiver: string) =>
      scene.service.query('select * from claim_notifications($1, null, null, 10, 1000)', [receiver]);
    await claim('another');
    await claim('somebody');
    const { rows } = await owner.query("select receiver from notification_receivers where receiver <> 'x'");
    assert.deepEqual(rows, [{ receiver: 'another' }]);
    await holder.end();
  });

  test('a read is claimed by one in the interval, for its own operation', async () => {
    const [{ id }, other] = [await open(), await open({}, { tenantId: randomUUID() })];
    assert.equal(await operations.claimRead(randomUUID(), minuteMs), false);
    assert.equal(await operations.claimRead(id, minuteMs), true);
    assert.equal(await operations.claimRead(id, minuteMs), false);
    assert.equal(await operations.claimRead(other.id, minuteMs), true);
    await owner.query("update operations set read_at = now() - interval '59 s' where id = $1", [id]);
    assert.equal(await operations.claimRead(id, minuteMs), false);
    await owner.query("update operations set read_at = now() - interval '60 s' where id = $1", [id]);
    assert.equal(await operations.claimRead(id, minuteMs), true);
  });

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
        const { id } = await open();
        await assert.rejects(
          owner.query(`update operations set ${change} where id = $1`, [id]),
          refusedWith('23514'),
        );
        await owner.query("update operations set ticket = 'x', status = status where id = $1", [id]);
      });
    }

    test('let an operation begin only where one begins', async () => {
      for (const status of ['accepted', 'failed', 'start', 'approved']) {
        await assert.rejects(
          operations.open(opening({}, { status: status as 'sent' })),
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
        await assert.rejects(owner.query(statement), refusedWith('42501'));
      });
    }

    test('let retention delete for the tables’ owner alone, who says so', async () => {
      await scene.append(sampleEvent(tenantId));
      const remove = `delete from audit_events where chain = '${tenantId}'`;
      for (const [client, setting, allowed] of [
        [owner, 'on', true],
        [owner, 'off', false],
        [owner, '', false],
        [scene.superuser, 'on', false],
      ] as const) {
        await client.query('begin');
        await client.query("select set_config('chromeos_bff.retention', $1, true)", [setting]);
        if (allowed) assert.equal((await client.query(remove)).rowCount, 1);
        else await assert.rejects(client.query(remove), refusedWith('42501'));
        await client.query('rollback');
      }
    });

    test('let a chain keep its length or grow, and its head go for a longer one alone', async () => {
      await scene.append(sampleEvent(tenantId), sampleEvent(tenantId));
      const update = (change: string) =>
        owner.query(`update audit_chains set ${change} where chain = $1`, [tenantId]);
      await owner.query('begin');
      await update('length = length');
      await update('length = length + 1');
      await owner.query('rollback');
      for (const change of ['length = length - 1', "chain = 'x'", "chain = 'x', length = length + 1"]) {
        await assert.rejects(update(change), refusedWith('42501'));
      }
      const remove = () =>
        owner.query('delete from audit_chains where chain = $1 and length = 2', [tenantId]);
      const add = (length: number, chain = tenantId) =>
        owner.query("insert into audit_chains values ($1, $2, '\\x00')", [chain, length]);
      for (const longer of [() => add(1), () => add(3, 'another'), async () => {}]) {
        await owner.query('begin');
        await longer();
        await assert.rejects(remove(), refusedWith('42501'));
        await owner.query('rollback');
      }
      await owner.query('begin');
      await add(3);
      assert.equal((await remove()).rowCount, 1);
      await owner.query('rollback');
    });
  });

  test('say what is open in the tenant, and nothing of another', async () => {
    const { id } = await open();
    await open({}, { tenantId: randomUUID() });
    const recorded = async () => {
      const { rows } = await scene.service.query(recordAuditEvents.text, [
        eventsJson([sampleEvent(tenantId)]),
        1000,
      ]);
      return rows.map(({ tenant, length, open_id }) => [tenant, Number(length), open_id]);
    };
    assert.deepEqual(await recorded(), [[tenantId, 2, id]]);
    await operations.move(move(id, 'sent', 'failed'));
    assert.deepEqual(await recorded(), [[tenantId, 4, null]]);
  });

  test('are for the service’s role alone', async () => {
    const { rows } = await owner.query(
      `select p.proname from pg_proc p, lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) granted
       where p.pronamespace = 'public'::regnamespace and granted.grantee = 0 and p.prorettype <> 'trigger'::regtype
         and p.proname <> 'audit_genesis'`,
    );
    assert.deepEqual(rows, []);
  });
});
