import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { createDatabase } from '../../../src/adapters/database/database.ts';
import { writeSwitch } from '../../../src/adapters/database/disconnect-switch.ts';
import { KnownHistory } from '../../../src/adapters/database/known-history.ts';
import { createPool, type Pool } from '../../../src/adapters/database/pool.ts';
import { createPostgresOperations } from '../../../src/adapters/database/postgres-operations.ts';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';
import type { OperationStatus } from '../../../src/core/operation/life.ts';
import type { Operation, StoredOperation } from '../../../src/core/operation/operation.ts';
import { awaitingApproval, type KeptOutcome } from '../../../src/core/operation/outcome.ts';
import type { NewOperation, Operations, PreparedMove } from '../../../src/core/ports.ts';
import { Secret } from '../../../src/core/secret.ts';
import { sampleEvent } from '../../support/audit.ts';
import { connected } from '../../support/core.ts';
import { createMemoryOperations } from '../../support/memory-operations.ts';
import { migratedDatabase, type TestDatabase } from '../../support/postgres.ts';
import { until } from '../../support/processes.ts';

type Port = {
  readonly operations: Operations;
  readonly tenantId: string;
  readonly switchTo: (enabled: boolean) => Promise<void>;
  /** The ids of the events that are on record in the tenant, oldest first. */
  readonly recorded: () => Promise<string[]>;
};

const minuteMs = 60_000;
const admin = 'admin';
const answered: KeptOutcome = {
  status: 'accepted',
  value: 'inprogress',
  concludedFrom: 'answer',
  explanation: null,
  graphRequestId: 'graph-1',
  reported: true,
  requestId: 'call-1',
};

/** What an operation is, without what differs from run to run: ids and times, except whether there is one. */
function shape(operation: object | string | null): unknown {
  const differing = /^(id|tenantId|requestId|supersede.*|.*At|at|sinceSentMs|sinceMovedMs|tookMs)$/;
  return JSON.parse(
    JSON.stringify(operation, (name, value) =>
      differing.test(name) && value !== null ? 'something' : value,
    ),
  );
}

/** Everything the core asks of the port, in one long life; gives what it said. */
async function lifeOf({ operations, tenantId, switchTo, recorded }: Port): Promise<unknown[]> {
  const said: unknown[] = [];
  const note = async (what: string, answer: Promise<object | string | boolean | null | undefined>) => {
    const value = await answer;
    said.push([what, typeof value === 'object' ? shape(value) : value]);
    return value;
  };
  const events: string[] = [];
  const eventOf = (operationId: string): AuditEvent => sampleEvent(tenantId, { operationId });
  const caller = { oid: admin, tenantId };

  const opening = async (but: Partial<NewOperation> = {}, operation: object = {}): Promise<NewOperation> => {
    const { newest } = await operations.loadPreconditions(caller, null);
    const id = randomUUID();
    return {
      operation: {
        id,
        tenantId,
        status: 'sent',
        requester: { oid: admin, name: 'Admin', clientId: 'portal' },
        reason: 'moving',
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
      expectedNewestId: newest?.id ?? null,
      supersededStatus: null,
      event: eventOf(id),
      ...but,
    };
  };
  // Where it is given a millisecond, that may be over by now.
  const untimed = (said: StoredOperation | string) =>
    typeof said === 'string' ? said : { ...said, overdue: null };
  const open = async (what: string, asked: NewOperation): Promise<string> => {
    const opened = await note(`open ${what}`, operations.open(asked).then(untimed));
    if (typeof opened === 'object' && !events.includes(asked.event.id)) events.push(asked.event.id);
    return asked.operation.id;
  };
  const sendingFor = (neededMs: number, mayBeFiled = false) => ({ neededMs, mayBeFiled });
  const moving = (
    id: string,
    status: OperationStatus,
    to: OperationStatus,
    but: Partial<PreparedMove> = {},
  ): PreparedMove => ({
    operation: { id, status },
    to,
    change: {},
    leaseMs: 0,
    inTime: false,
    ends: false,
    event: eventOf(id),
    ...but,
  });
  const move = async (what: string, asked: PreparedMove) => {
    const moved = await note(`move ${what}`, operations.move(asked).then(untimed));
    if (typeof moved === 'object' && !events.includes(asked.event.id)) events.push(asked.event.id);
  };
  const find = (id: string) => note('find', operations.find(tenantId, id));
  const overdue = (id: string) =>
    until('its time is up', async () => (await operations.find(tenantId, id))?.overdue === true);

  await note('nothing yet', operations.loadPreconditions(caller, 'key'));
  await note('nothing open', operations.findOpen(tenantId));

  const first = await opening({ key: { key: 'key', fingerprint: 'the same' } });
  const firstId = await open('the first', first);
  await open('it again', first);
  await open('another, whose look was before it', await opening({ expectedNewestId: null }));
  await open('another beside it', await opening());
  await note('its key', operations.findByKey(caller, 'key'));
  await note('its key with what is newest', operations.loadPreconditions(caller, 'key'));
  await note('its key, by another', operations.findByKey({ oid: 'second', tenantId }, 'key'));
  await note('its key, elsewhere', operations.findByKey({ oid: admin, tenantId: randomUUID() }, 'key'));
  await note('open', operations.findOpen(tenantId));
  await note('found from elsewhere', operations.find(randomUUID(), firstId));

  await note('permission', operations.permitSending(firstId, sendingFor(0)));
  await note(
    'permission, for longer than the lease',
    operations.permitSending(firstId, sendingFor(minuteMs)),
  );
  await note('permission for none', operations.permitSending(randomUUID(), sendingFor(0)));
  await switchTo(false);
  await note('permission, switched off', operations.permitSending(firstId, sendingFor(0)));
  await note('why', operations.disabledBecause(tenantId));
  await open('switched off', await opening({}, { supersedes: firstId }));
  await switchTo(true);
  await note('why not', operations.disabledBecause(tenantId));

  const lost = moving(firstId, 'sent', 'unknown', {
    change: { value: null, explanation: 'lost', graphRequestId: 'graph-1', answer: answered },
  });
  await move('to unknown', lost);
  await move('the same again', lost);
  await move('from where it is no more', moving(firstId, 'sent', 'failed'));
  await assert.rejects(operations.move(moving(firstId, 'unknown', 'approved')), 'no such move');
  const another = eventOf(randomUUID());
  await assert.rejects(
    operations.move(moving(firstId, 'unknown', 'failed', { event: another })),
    'not its event',
  );
  await assert.rejects(opening({ event: another }).then(operations.open), 'not its event');
  await note('permission, moved', operations.permitSending(firstId, sendingFor(0)));
  await note('claim', operations.claimRead(firstId, minuteMs));
  await note('claim again', operations.claimRead(firstId, minuteMs));

  const superseding = { supersedes: firstId };
  const key = { key: 'second key', fingerprint: 'another' };
  await open('superseding what was accepted', await opening({ supersededStatus: 'accepted' }, superseding));
  await open(
    'under the key of another',
    await opening({ supersededStatus: 'unknown', key: first.key }, superseding),
  );
  await find(firstId);
  const secondId = await open(
    'superseding',
    await opening({ supersededStatus: 'unknown', key }, superseding),
  );
  await find(firstId);
  await move('what was superseded', moving(firstId, 'unknown', 'failed', { ends: true }));
  await move(
    'to failed, with the key free',
    moving(secondId, 'sent', 'failed', { ends: true, change: { answer: null } }),
  );
  await note('the free key', operations.findByKey(caller, 'second key'));
  await open('under a key that is kept', await opening({ key: first.key }));

  const asking = {
    leaseMs: 0,
    approvalMs: minuteMs,
    key,
    answer: { ...awaitingApproval, requestId: 'call-3' },
  };
  const waiting = { status: 'awaiting_approval' };
  const thirdId = await open('a request for an approval', await opening(asking, waiting));
  const approval = { approver: { oid: 'second', name: null }, reason: 'it is time' };
  await move(
    'to approved',
    moving(thirdId, 'awaiting_approval', 'approved', { inTime: true, change: { approval } }),
  );
  const attempt = () =>
    moving(thirdId, 'approved', 'sent', {
      inTime: true,
      leaseMs: minuteMs,
      change: { requestId: randomUUID(), connection: { ...connected, owner: null } },
    });
  await switchTo(false);
  await move('to sent, switched off', attempt());
  await switchTo(true);
  await move('to sent', attempt());
  await note('permission', operations.permitSending(thirdId, sendingFor(0)));
  await move(
    'to accepted',
    moving(thirdId, 'sent', 'accepted', { change: { value: 'inprogress', concludedFrom: 'answer' } }),
  );
  await move(
    'to completed',
    moving(thirdId, 'accepted', 'completed', {
      ends: true,
      change: { value: null, concludedFrom: 'reading', explanation: 'gone' },
    }),
  );
  await note('its first answer', operations.findByKey(caller, 'second key'));

  const lateId = await open('one with little time', await opening({ leaseMs: 0, approvalMs: 1 }, waiting));
  await overdue(lateId);
  await move('too late', moving(lateId, 'awaiting_approval', 'approved', { inTime: true }));
  await note(
    'overdue',
    operations.overdue().then((found) => found.filter(({ id }) => id === lateId)),
  );
  await move(
    'to expired',
    moving(lateId, 'awaiting_approval', 'expired', { ends: true, change: { answer: null } }),
  );

  const unsent = await opening({ leaseMs: 1, key: { key: 'third key', fingerprint: '' } });
  const unsentId = await open('one with a short lease', unsent);
  await overdue(unsentId);
  await note('permission, too late', operations.permitSending(unsentId, sendingFor(0)));
  const ended = {
    to: 'failed' as const,
    change: { explanation: 'nothing was sent', answer: null },
    ends: true,
    event: eventOf(unsentId),
  };
  const { id, requestId } = unsent.operation;
  const operation: Pick<Operation, 'id' | 'tenantId' | 'status' | 'requestId'> = {
    id,
    tenantId,
    requestId,
    status: 'sent',
  };
  await operations.endUnsent({ ...ended, operation: { ...operation, requestId: randomUUID() } });
  await operations.endUnsent({ ...ended, operation: { ...operation, status: 'awaiting_approval' } });
  await operations.endUnsent({ ...ended, operation: { ...operation, id: randomUUID() } });
  await find(unsentId);
  await operations.endUnsent({ ...ended, operation });
  await operations.endUnsent({ ...ended, operation });
  events.push(ended.event.id);
  await find(unsentId);
  await note('the key of what was not sent', operations.findByKey(caller, 'third key'));

  const filing = await opening({ key: { key: 'fourth key', fingerprint: '' } });
  const filedId = await open('one that Intune files', filing);
  await note(
    'permission, which may file it, too long',
    operations.permitSending(filedId, sendingFor(minuteMs, true)),
  );
  await find(filedId);
  await note('permission, which may file it', operations.permitSending(filedId, sendingFor(0, true)));
  await find(filedId);
  await move(
    'to awaiting_intune_approval',
    moving(filedId, 'sent', 'awaiting_intune_approval', {
      change: {
        concludedFrom: 'intune_approval',
        explanation: 'filed',
        graphRequestId: 'graph-2',
        value: 'inprogress',
        intuneApproval: { code: 'the code', expiresInMs: minuteMs },
        answer: answered,
      },
    }),
  );
  await move('to approved_in_intune', moving(filedId, 'awaiting_intune_approval', 'approved_in_intune'));
  const executing = randomUUID();
  await move(
    'to sent again, with nothing concluded',
    moving(filedId, 'approved_in_intune', 'sent', {
      inTime: true,
      leaseMs: minuteMs,
      change: { requestId: executing },
    }),
  );
  const back = eventOf(filedId);
  await operations.endUnsent({
    operation: { id: filedId, tenantId, requestId: executing, status: 'sent' },
    to: 'approved_in_intune',
    change: { explanation: 'not sent' },
    ends: false,
    event: back,
  });
  events.push(back.id);
  await find(filedId);
  await note('its key is kept', operations.findByKey(caller, 'fourth key'));
  await move(
    'to filed for a moment',
    moving(filedId, 'approved_in_intune', 'sent', { inTime: true, leaseMs: minuteMs }),
  );
  await move(
    'filed for a moment',
    moving(filedId, 'sent', 'awaiting_intune_approval', {
      change: { intuneApproval: { code: 'another', expiresInMs: 1 } },
    }),
  );
  await overdue(filedId);
  await note(
    'overdue in Intune',
    operations.overdue().then((found) => found.filter(({ id }) => id === filedId)),
  );
  await move('to unknown', moving(filedId, 'awaiting_intune_approval', 'unknown'));
  await move(
    'to withdrawn',
    moving(filedId, 'unknown', 'withdrawn', { ends: true, change: { answer: null } }),
  );

  const page = await operations.list({ tenantId, status: null, limit: 2, cursor: null });
  const rest = await operations.list({ tenantId, status: null, limit: 10, cursor: page.nextCursor });
  const failed = await operations.list({ tenantId, status: 'failed', limit: 10, cursor: null });
  for (const { operations: listed } of [page, rest, failed]) said.push(listed.map(({ status }) => status));
  said.push([page.nextCursor !== null, rest.nextCursor]);
  assert.deepEqual(await recorded(), events);
  return said;
}

describe('the port of operations: PostgreSQL, and what tests of the core put in its place', () => {
  let database: TestDatabase;
  let pools: Pool[];
  before(async () => {
    database = await migratedDatabase();
    pools = [database.url, database.adminUrl].map((url) =>
      createPool({
        url: new Secret(url),
        size: 2,
        connectTimeoutMs: 10_000,
        patienceMs: 30_000,
        onError: () => {},
      }),
    );
  });
  after(async () => {
    await Promise.all((pools ?? []).map((pool) => pool.end()));
    await database?.drop();
  });

  test('say the same of everything the core asks', async () => {
    const [service, owner] = pools.map((pool) => createDatabase(pool, 30_000));
    assert.ok(service !== undefined && owner !== undefined);
    const tenantId = randomUUID();
    const history = new KnownHistory(() => {});
    const inPostgres = await lifeOf({
      operations: createPostgresOperations({ database: service, history, idempotencyMs: minuteMs }),
      tenantId,
      switchTo: (enabled) =>
        writeSwitch(owner, {
          id: randomUUID(),
          tenantId,
          enabled,
          reason: 'frozen',
          by: 'operator',
          at: new Date(),
        }),
      recorded: async () => {
        const rows = await owner.query<{ id: string }>(
          "select id from audit_events where chain = $1 and event <> 'switched' order by number",
          [tenantId],
        );
        return rows.map(({ id }) => id);
      },
    });

    const trail: AuditEvent[] = [];
    const memory = createMemoryOperations({ clock: Date.now, record: (event) => trail.push(event) });
    const inMemory = await lifeOf({
      operations: memory.operations,
      tenantId,
      switchTo: async (enabled) => {
        if (enabled) memory.switchOn(tenantId);
        else memory.switchOff(tenantId, 'frozen');
      },
      recorded: async () => trail.map(({ id }) => id),
    });
    assert.deepEqual(inMemory, inPostgres);
  });
});
