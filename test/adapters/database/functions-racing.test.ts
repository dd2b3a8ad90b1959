import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { eventsJson } from '../../../src/adapters/database/audit-rows.ts';
import { sampleEvent } from '../../support/audit.ts';
import { functionScene } from './function-scene.ts';

// Each waits for what another transaction has begun, and goes by what is there afterwards.
const events = (tenantId: string, operationId: string | null = null) =>
  eventsJson([sampleEvent(tenantId, { operationId })]);

describe('functions of the database, beside one that is not committed yet,', () => {
  const it = functionScene();

  test('end what the other is about to send', async () => {
    const { id } = await it.open({ leaseMs: 0, approvalMs: 60_000 }, { status: 'awaiting_approval' });
    await it.operations.move(it.move(id, 'awaiting_approval', 'approved'));
    const requestId = randomUUID();
    const sender = await it.beside([
      "select * from move_operation($1, 'approved', 'sent', 60000, false, false, $2, gen_random_uuid(), $3, null, 5000)",
      [id, JSON.stringify({ requestId }), events(it.tenantId, id)],
    ]);
    const ending = it.operations.endUnsent(it.unsent(id, requestId));
    await it.waiting();
    await sender.end();
    await ending;
    assert.equal(await it.statusOf(id), 'failed');
  });

  test('number a second event behind the first of its chain', async () => {
    const record = 'select length from record_audit_events($1, 5000)';
    const first = await it.beside([record, [events(it.tenantId)]]);
    const second = it.database.query<{ length: string }>(record, [events(it.tenantId)]);
    await it.waiting();
    await first.end();
    assert.deepEqual(await second, [{ length: '2' }]);
  });

  const report = "select report_lost_history($1, 7, '\\x07') as lost";
  const acknowledge = "select acknowledge_lost_history($1, 'Olga', 'restored', $2) as number";
  const losses = async () =>
    (
      await it.owner.query(
        'select acknowledged_at, acknowledged_at > found_at as later from audit_losses where chain = $1',
        [it.tenantId],
      )
    ).rows.map(({ acknowledged_at, later }) => (acknowledged_at === null ? 'open' : later));

  test('do not report a loss again that an operator acknowledges', async () => {
    await it.database.query(report, [it.tenantId]);
    const operator = await it.beside([acknowledge, [it.tenantId, events(it.tenantId)]]);
    const reported = it.database.query<{ lost: boolean }>(report, [it.tenantId]);
    await it.waiting();
    await operator.end();
    assert.deepEqual(await reported, [{ lost: false }]);
    assert.deepEqual(await losses(), [true]);
  });

  test('acknowledge a loss that is about to be reported, at a time after it', async () => {
    const reporter = await it.beside([report, [it.tenantId]]);
    const operator = await it.beside();
    const acknowledged = operator.client.query(acknowledge, [it.tenantId, events(it.tenantId)]);
    await it.waiting();
    await reporter.end();
    assert.deepEqual((await acknowledged).rows, [{ number: 1 }]);
    await operator.end();
    assert.deepEqual(await losses(), [true]);
  });
});

describe('a move in the database', () => {
  const it = functionScene();
  const leaseOf = (id: string) =>
    it.owner
      .query(
        'select extract(epoch from lease_until - moved_at)::int as seconds from operations where id = $1',
        [id],
      )
      .then(({ rows }) => rows[0].seconds);

  test('gives a lease to what it sends, and leaves the lease of what was sent', async () => {
    const { id } = await it.open({ leaseMs: 0, approvalMs: 60_000 }, { status: 'awaiting_approval' });
    assert.equal(await leaseOf(id), null);
    await it.operations.move(it.move(id, 'awaiting_approval', 'approved'));
    assert.equal(await leaseOf(id), null);
    await it.operations.move(it.move(id, 'approved', 'sent', { leaseMs: 90_000 }));
    assert.equal(await leaseOf(id), 90);
    const leased = await it.column(id, 'lease_until');
    await it.operations.move(it.move(id, 'sent', 'unknown'));
    assert.deepEqual(await it.column(id, 'lease_until'), leased);
  });

  test('puts down that Intune may have filed a request, where it says so', async () => {
    const { id } = await it.open();
    const intuneApproval = { code: 'code-1', expiresInMs: 60_000 };
    await it.operations.move(it.move(id, 'sent', 'awaiting_intune_approval', { change: { intuneApproval } }));
    assert.equal(await it.column(id, 'may_be_filed'), true);
  });

  test('is right to the moment: an interval that is just over is over, and so is a key', async () => {
    const key = { key: 'key-1', fingerprint: 'x' };
    const { id } = await it.open({ key });
    await it.operations.move(it.move(id, 'sent', 'failed', { ends: true }));
    // In one transaction it is the same moment.
    const { client, end } = await it.beside(
      ["update operations set read_at = now() - interval '5 seconds' where id = $1", [id]],
      ['update operations set idempotency_expires_at = now() where id = $1', [id]],
    );
    assert.deepEqual((await client.query('select claim_read($1, 5000) as claimed', [id])).rows, [
      { claimed: true },
    ]);
    const next = randomUUID();
    const row = it.sentRow({
      id: next,
      request_id: randomUUID(),
      idempotency_key: key.key,
      idempotency_fingerprint: 'y',
    });
    const { rows } = await client.query(
      'select result from open_operation($1, $2, null, 60000, null, 60000, $3, null, 5000)',
      [row, id, events(it.tenantId, next)],
    );
    assert.deepEqual(rows, [{ result: 'opened' }]);
    await end();
  });
});
