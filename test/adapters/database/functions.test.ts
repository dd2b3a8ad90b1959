import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type pg from 'pg';
import { eventsJson } from '../../../src/adapters/database/audit-rows.ts';
import { writeSwitch } from '../../../src/adapters/database/disconnect-switch.ts';
import { recordAuditEvents } from '../../../src/adapters/database/statements/record-audit-events.ts';
import type { OperationStatus } from '../../../src/core/operation/life.ts';
import type { NewOperation } from '../../../src/core/ports.ts';
import { sampleEvent } from '../../support/audit.ts';
import { connected } from '../../support/core.ts';
import { functionScene, minuteMs, refusedWith } from './function-scene.ts';

// What each answers is in operations-port.test.ts; here is what two transactions at once and an expired moment meet.
describe('functions of the database', () => {
  const it = functionScene();

  describe('that wait for a lock', () => {
    test('wait no longer than they are told', async () => {
      const { id, requestId } = await it.open();
      const tenant = await it.lockTenant();
      const next = it.opening({ expectedNewestId: id }, { supersedes: id });
      await assert.rejects(it.impatient.open(next), refusedWith('55P03'));
      await assert.rejects(it.impatient.endUnsent(it.unsent(id, requestId)), refusedWith('55P03'));
      await tenant.end();
      const row = await it.lockRow(id);
      await assert.rejects(it.impatient.move(it.move(id, 'sent', 'failed')), refusedWith('55P03'));
      await row.end();
      assert.equal(await it.statusOf(id), 'sent');
    });

    test('end what another transaction is about to open, once it is there', async () => {
      const asked = it.opening();
      const { id, requestId } = asked.operation;
      const opener = await it.beside([
        'select * from open_operation($1, null, null, 60000, null, 60000, $2, null, 5000)',
        [it.sentRow({ id, request_id: requestId }), eventsJson([asked.event])],
      ]);
      const ending = it.operations.endUnsent(it.unsent(id, requestId));
      await it.waiting();
      await opener.end();
      await ending;
      assert.equal(await it.statusOf(id), 'failed');
    });

    test('compare what is there afterwards with what was seen', async () => {
      const { id } = await it.open();
      const mover = await it.beside([
        "select * from move_operation($1, 'sent', 'unknown', 0, false, false, '{}', gen_random_uuid(), $2, null, 5000)",
        [id, eventsJson([sampleEvent(it.tenantId, { operationId: id })])],
      ]);
      const late = it.operations.move(it.move(id, 'sent', 'failed'));
      await it.waiting();
      await mover.end();
      assert.deepEqual([await late, await it.statusOf(id)], ['moved_already', 'unknown']);
    });

    test('judge by the time at which they were let in', async () => {
      const { id } = await it.open({ leaseMs: 0, approvalMs: minuteMs }, { status: 'awaiting_approval' });
      const holder = await it.lockRow(id);
      const late = it.operations.move(it.move(id, 'awaiting_approval', 'approved', { inTime: true }));
      await it.waiting();
      await holder.client.query('update operations set expires_at = clock_timestamp() where id = $1', [id]);
      await holder.end();
      assert.equal(await late, 'too_late');

      const second = randomUUID();
      const tenant = await it.beside(['select pg_advisory_xact_lock(hashtextextended($1, 0))', [second]]);
      const opened = it.operations.open(it.opening({}, { tenantId: second }));
      await it.waiting();
      const { rows } = await tenant.client.query(
        "select date_trunc('milliseconds', clock_timestamp()) as now",
      );
      await tenant.end();
      const one = await opened;
      assert.ok(typeof one === 'object' && Date.parse(one.requestedAt) >= rows[0].now.getTime());
    });

    test('permit sending by the time it is now, not when the transaction began', async () => {
      const { id } = await it.open({ approvalMs: minuteMs });
      const said = async (client: pg.Client) =>
        (await client.query("select permit_sending($1, 'sent', 0, false, 1000) as said", [id])).rows[0].said;
      const asker = await it.beside(['select 1']);
      assert.equal(await said(asker.client), 'granted');
      await it.owner.query('update operations set expires_at = clock_timestamp() where id = $1', [id]);
      assert.equal(await said(asker.client), 'too_late');
      await it.owner.query('update operations set lease_until = clock_timestamp() where id = $1', [id]);
      assert.equal(await said(asker.client), 'moved_already');
      await asker.end();
    });
  });

  test('put down with the permission that Intune may file a request, or give none', async () => {
    const permit = async (id: string, mayBeFiled: boolean, lockMs = 5000) =>
      (
        await it.scene.service.query("select permit_sending($1, 'sent', 0, $2, $3) as said", [
          id,
          mayBeFiled,
          lockMs,
        ])
      ).rows[0].said;
    const { id } = await it.open();
    assert.deepEqual([await permit(id, false), await it.column(id, 'may_be_filed')], ['granted', false]);
    assert.deepEqual([await permit(id, true), await it.column(id, 'may_be_filed')], ['granted', true]);
    assert.equal(await permit(randomUUID(), true), 'moved_already');

    const other = await it.open({}, { tenantId: randomUUID() });
    const mover = await it.lockRow(other.id);
    await assert.rejects(permit(other.id, true, 50), refusedWith('55P03'));
    const late = permit(other.id, true);
    await it.waiting();
    await mover.client.query("update operations set status = 'unknown' where id = $1", [other.id]);
    await mover.end();
    assert.deepEqual([await late, await it.column(other.id, 'may_be_filed')], ['moved_already', false]);
    assert.deepEqual(
      [await permit(other.id, true), await it.column(other.id, 'may_be_filed')],
      ['moved_already', false],
    );
  });

  test('nothing is opened by whoever did not see what was newest, though the slot is free', async () => {
    const { id } = await it.open();
    await it.operations.move(it.move(id, 'sent', 'failed', { ends: true }));
    assert.equal(await it.operations.open(it.opening()), 'slot_taken');
    assert.equal(typeof (await it.operations.open(it.opening({ expectedNewestId: id }))), 'object');
  });

  test('a repetition is recorded again: its commit waits as the first should have', async () => {
    const first = it.opening();
    await it.operations.open(first);
    const moving = it.move(first.operation.id, 'sent', 'unknown');
    await it.operations.move(moving);
    const recording = await it.beside([
      'select from audit_chains where chain = $1 for update',
      [it.tenantId],
    ]);
    await assert.rejects(it.impatient.open(first), refusedWith('55P03'));
    await assert.rejects(it.impatient.move(moving), refusedWith('55P03'));
    await recording.end();
    assert.equal(typeof (await it.operations.open(first)), 'object');
    assert.equal(typeof (await it.operations.move(moving)), 'object');
  });

  test('an operation is not superseded from another tenant', async () => {
    const { id } = await it.open();
    const elsewhere = randomUUID();
    const superseding = it.opening({ supersededStatus: 'sent' }, { tenantId: elsewhere, supersedes: id });
    assert.equal(await it.operations.open(superseding), 'slot_taken');
    assert.equal((await it.operations.find(it.tenantId, id))?.supersededBy, null);
  });

  test('an idempotency key is free again when its time is over, and no other one is', async () => {
    const key = { key: 'k', fingerprint: 'f' };
    const close = async (id: string, from: OperationStatus = 'sent') =>
      it.operations.move(it.move(id, from, 'failed', { ends: true }));
    const rows: [string, Partial<NewOperation>, Partial<NewOperation['operation']>][] = [
      ['own', { key }, {}],
      ['another key', { key: { key: 'other', fingerprint: 'f' } }, {}],
      ['another person’s', { key }, { requester: { oid: 'second', name: null, clientId: 'portal' } }],
    ];
    const ids: string[] = [];
    for (const [, but, operation] of rows) {
      const { id } = await it.open({ expectedNewestId: ids.at(-1) ?? null, ...but }, operation);
      await close(id);
      ids.push(id);
    }
    const elsewhere = randomUUID();
    const other = await it.open({ key }, { tenantId: elsewhere });
    const again = () => it.opening({ key, expectedNewestId: ids.at(-1) ?? null });
    assert.equal(await it.operations.open(again()), 'slot_taken');
    await it.owner.query('update operations set idempotency_expires_at = now() where tenant_id = any($1)', [
      [it.tenantId, elsewhere],
    ]);
    const withoutKey = it.opening({ expectedNewestId: ids.at(-1) ?? null });
    assert.equal(typeof (await it.operations.open(withoutKey)), 'object');
    await close(withoutKey.operation.id);
    ids.push(withoutKey.operation.id);
    const keys = () =>
      Promise.all([...ids.slice(0, 3), other.id].map((id) => it.column(id, 'idempotency_key')));
    assert.deepEqual(await keys(), ['k', 'other', 'k', 'k'], 'whoever brings no key frees none');
    assert.equal(typeof (await it.operations.open(again())), 'object');
    assert.deepEqual(await keys(), [null, 'other', 'k', 'k']);
  });

  test('a switch for all tenants counts for each, and one for a tenant beside it', async () => {
    const turn = (enabled: boolean, of: string | null) =>
      writeSwitch(it.database, {
        id: randomUUID(),
        tenantId: of,
        enabled,
        reason: `${of}`,
        by: 'o',
        at: new Date(),
      });
    const off = async () => (await it.operations.open(it.opening())) === 'disabled';
    try {
      await turn(true, it.tenantId);
      await turn(false, null);
      assert.equal(await off(), true);
      await turn(true, null);
      await turn(false, randomUUID());
      await turn(false, it.tenantId);
      assert.equal(await off(), true);
      await turn(true, it.tenantId);
      assert.equal(await off(), false);
    } finally {
      await turn(true, null);
    }
  });

  test('what sends nothing goes on while disconnecting is switched off', async () => {
    const { id } = await it.open();
    const off = {
      id: randomUUID(),
      tenantId: it.tenantId,
      enabled: false,
      reason: 'x',
      by: 'o',
      at: new Date(),
    };
    await writeSwitch(it.database, off);
    assert.equal(typeof (await it.operations.move(it.move(id, 'sent', 'unknown'))), 'object');
  });

  test('a move changes what it says, and leaves the rest; what is sent anew begins with nothing concluded', async () => {
    const { id } = await it.open({}, { status: 'awaiting_approval' });
    const concluded = {
      graphRequestId: 'graph-1',
      value: 'inprogress',
      concludedFrom: 'answer',
      explanation: 'because',
    } as const;
    const nothing = { value: null, concludedFrom: null, explanation: null, graphRequestId: null };
    const kept = { requestId: randomUUID(), connection: { ...connected, owner: null } };
    const approval = { approver: { oid: 'second', name: null }, reason: 'yes' };
    const go = async (...asked: Parameters<typeof it.move>) => {
      const moved = await it.operations.move(it.move(...asked));
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
    const holder = await it.beside([
      "select pg_advisory_xact_lock(hashtextextended('notifications for ' || 'somebody', 0))",
    ]);
    const claim = (receiver: string) =>
      it.scene.service.query('select * from claim_notifications($1, null, null, 10, 1000)', [receiver]);
    await claim('another');
    await claim('somebody');
    const { rows } = await it.owner.query(
      "select receiver from notification_receivers where receiver <> 'x'",
    );
    assert.deepEqual(rows, [{ receiver: 'another' }]);
    await holder.end();
  });

  test('a read is claimed by one in the interval, for its own operation', async () => {
    const [{ id }, other] = [await it.open(), await it.open({}, { tenantId: randomUUID() })];
    assert.equal(await it.operations.claimRead(randomUUID(), minuteMs), false);
    assert.equal(await it.operations.claimRead(id, minuteMs), true);
    assert.equal(await it.operations.claimRead(id, minuteMs), false);
    assert.equal(await it.operations.claimRead(other.id, minuteMs), true);
    await it.owner.query("update operations set read_at = now() - interval '59 s' where id = $1", [id]);
    assert.equal(await it.operations.claimRead(id, minuteMs), false);
    await it.owner.query("update operations set read_at = now() - interval '60 s' where id = $1", [id]);
    assert.equal(await it.operations.claimRead(id, minuteMs), true);
  });

  test('say what is open in the tenant, and nothing of another', async () => {
    const { id } = await it.open();
    await it.open({}, { tenantId: randomUUID() });
    const recorded = async () => {
      const { rows } = await it.scene.service.query(recordAuditEvents.text, [
        eventsJson([sampleEvent(it.tenantId)]),
        1000,
      ]);
      return rows.map(({ tenant, length, open_id }) => [tenant, Number(length), open_id]);
    };
    assert.deepEqual(await recorded(), [[it.tenantId, 2, id]]);
    await it.operations.move(it.move(id, 'sent', 'failed'));
    assert.deepEqual(await recorded(), [[it.tenantId, 4, null]]);
  });
});
