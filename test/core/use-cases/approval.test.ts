import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CallFailed, Failure } from '../../../src/core/failure.ts';
import type { StoredOperation } from '../../../src/core/operation/operation.ts';
import { decide } from '../../../src/core/use-cases/decide.ts';
import { disconnect } from '../../../src/core/use-cases/disconnect.ts';
import { execute } from '../../../src/core/use-cases/execute.ts';
import type { AsSeen } from '../../../src/core/use-cases/waiting-operation.ts';
import { withdraw } from '../../../src/core/use-cases/withdraw.ts';
import {
  type CoreScene,
  callerGone,
  connected,
  coreScene,
  etagOf,
  fails,
  failureFrom,
  recordDown,
  tenantId,
  timing,
  trace,
} from '../../support/core.ts';
import { holdSlot } from '../../support/holders.ts';

const request = {
  reason: 'moving',
  ticket: 'T-1',
  supersedes: null,
  idempotency: { key: 'key', fingerprint: 'the same' },
  ifMatch: null,
};

async function asked(core: CoreScene): Promise<StoredOperation> {
  core.demand({ approvalRequired: true });
  await disconnect(core.dependencies, core.call(), async () => request);
  core.demand({});
  return core.newest();
}

type But = { id?: string; name?: string; asSeen?: AsSeen };

const seen: AsSeen = ({ status }) => status === 'awaiting_approval';

function deciding(core: CoreScene, verb: 'approve' | 'reject', but: But = {}) {
  const { asSeen = () => true } = but;
  const read = async () => ({
    operationId: but.id ?? (await core.newest()).id,
    reason: 'it is time',
    asSeen,
  });
  return decide(core.dependencies, core.call(but.name ?? 'second'), verb, read);
}

function executing(core: CoreScene, but: { id?: string; name?: string; ifMatch?: string[] } = {}) {
  const read = async () => ({
    operationId: but.id ?? (await core.newest()).id,
    ifMatch: but.ifMatch ?? null,
  });
  return execute(core.dependencies, core.call(but.name), read);
}

async function approved(core: CoreScene): Promise<StoredOperation> {
  await asked(core);
  await deciding(core, 'approve');
  core.asked.length = 0;
  return core.newest();
}

const notAllowed = ({ id }: StoredOperation, status: StoredOperation['status']): Failure => ({
  reason: 'operation_not_allowed',
  operationId: id,
  status,
});

const hasChanged = ({ id }: StoredOperation, status: StoredOperation['status']): Failure => ({
  reason: 'operation_changed',
  operationId: id,
  status,
});

describe('a withdrawal', () => {
  const withdrawing = (core: CoreScene, id: string, asSeen: AsSeen) =>
    withdraw(core.dependencies, core.call(), async () => ({ operationId: id, reason: 'a typo', asSeen }));

  test('is on record with its reason, and frees slot and idempotency key', async () => {
    const core = coreScene();
    const { id } = await asked(core);
    const withdrawn = await withdrawing(core, id, null);
    assert.deepEqual([withdrawn.id, withdrawn.status, withdrawn.explanation], [id, 'withdrawn', 'a typo']);
    const event = core.trail.at(-1);
    assert.deepEqual(
      [event?.event, event?.action, event?.move, event?.explanation, event?.operationId],
      ['move', 'withdraw', { from: 'awaiting_approval', to: 'withdrawn' }, 'a typo', id],
    );
    const again = await disconnect(core.dependencies, core.call(), async () => request);
    assert.deepEqual([again.replayed, core.graph.acts.length], [false, 1]);
  });

  test('is for its requester alone, and a refusal is on record as one', async () => {
    const core = coreScene();
    const { id } = await asked(core);
    const read = async () => ({ operationId: id, reason: 'not mine', asSeen: null });
    const failure = await failureFrom(withdraw(core.dependencies, core.call('second'), read));
    assert.deepEqual(failure, { reason: 'not_the_requester' });
    const event = core.trail.at(-1);
    assert.deepEqual(
      [event?.event, event?.action, event?.failure, event?.operationId],
      ['refused', 'withdraw', 'not_the_requester', id],
    );
    assert.equal((await core.newest()).status, 'awaiting_approval');
  });

  test('of what is not as it was read, before or in that moment', async () => {
    const core = coreScene();
    const operation = await asked(core);
    core.before('move', async () => void (await deciding(core, 'approve')));
    assert.deepEqual(
      await failureFrom(withdrawing(core, operation.id, seen)),
      hasChanged(operation, 'approved'),
    );
    assert.deepEqual(
      await failureFrom(withdrawing(core, operation.id, seen)),
      hasChanged(operation, 'approved'),
    );
    assert.equal((await withdrawing(core, operation.id, null)).status, 'withdrawn');
  });
});

describe('a decision', () => {
  for (const [verb, status] of [
    ['approve', 'approved'],
    ['reject', 'rejected'],
  ] as const) {
    test(`${verb}: one move, which is its record; Graph hears nothing`, async () => {
      const core = coreScene();
      const { id } = await asked(core);
      const recorded = core.trail.length;
      core.asked.length = 0;
      const operation = await deciding(core, verb);
      assert.deepEqual(core.asked, ['authenticate', 'find', 'move']);
      assert.equal(operation.status, status);
      assert.deepEqual(operation.approval, {
        approver: { oid: 'second', name: 'second@contoso.example' },
        reason: 'it is time',
        at: operation.movedAt,
      });
      const [event, ...others] = core.trail.slice(recorded);
      assert.deepEqual(
        [event?.event, event?.action, event?.operationId, event?.move, event?.explanation, event?.actor.oid],
        ['move', verb, id, { from: 'awaiting_approval', to: status }, 'it is time', 'second'],
      );
      assert.deepEqual([event?.result, event?.reason, event?.ticket, others], [status, 'moving', 'T-1', []]);
      const kept = await core.operations.findByKey({ oid: 'admin', tenantId }, 'key');
      assert.equal(kept === null, verb === 'reject', 'rejecting frees the key');
    });

    test(`${verb}: not on one's own request`, async () => {
      const core = coreScene();
      const { id } = await asked(core);
      const failure = await failureFrom(deciding(core, verb, { name: 'admin' }));
      assert.deepEqual(failure, { reason: 'own_approval' });
      const event = core.trail.at(-1);
      assert.deepEqual([event?.failure, event?.operationId, event?.action], ['own_approval', id, verb]);
      assert.equal((await core.newest()).status, 'awaiting_approval');
    });

    test(`${verb}: not of one that is not there, nor twice`, async () => {
      const core = coreScene();
      const operation = await asked(core);
      assert.equal(
        (await failureFrom(deciding(core, verb, { id: 'nowhere' }))).reason,
        'operation_not_found',
      );
      await deciding(core, verb);
      assert.deepEqual(await failureFrom(deciding(core, verb)), notAllowed(operation, status));
    });

    test(`${verb}: not when its time is over, which it then says`, async () => {
      const core = coreScene();
      const operation = await asked(core);
      core.advance(timing.approvalMs);
      assert.deepEqual(await failureFrom(deciding(core, verb)), notAllowed(operation, 'expired'));
      assert.deepEqual(core.story().slice(-2), [
        'move awaiting_approval → expired',
        'refused operation_not_allowed',
      ]);
      assert.equal((await core.newest()).explanation, 'Nobody approved and executed it in time.');
    });

    test(`${verb}: its time ends in that moment`, async () => {
      const core = coreScene();
      const operation = await asked(core);
      core.before('move', () => core.advance(timing.approvalMs));
      assert.deepEqual(await failureFrom(deciding(core, verb)), notAllowed(operation, 'expired'));
    });

    test(`${verb}: another decides in that moment`, async () => {
      const core = coreScene();
      const operation = await asked(core);
      core.before('move', async () => void (await deciding(core, 'reject')));
      assert.deepEqual(await failureFrom(deciding(core, verb)), hasChanged(operation, 'rejected'));
    });

    test(`${verb}: it is not what was read`, async () => {
      const core = coreScene();
      const operation = await asked(core);
      const asSeen = ({ id }: { id: string }) => id !== operation.id;
      assert.deepEqual(
        await failureFrom(deciding(core, verb, { asSeen })),
        hasChanged(operation, 'awaiting_approval'),
      );
      await deciding(core, 'reject');
      assert.deepEqual(
        await failureFrom(deciding(core, verb, { asSeen: seen })),
        hasChanged(operation, 'rejected'),
      );
    });

    test(`${verb}: another decides in that moment, and it is gone then`, async () => {
      const core = coreScene();
      const { id } = await asked(core);
      const { operations } = core.dependencies;
      const vanishing = { ...operations, move: async () => 'moved_already' as const };
      const finds = [operations.find, async () => null, async () => null];
      vanishing.find = (...of) => (finds.shift() ?? operations.find)(...of);
      const read = async () => ({ operationId: id, reason: '', asSeen: seen });
      const dependencies = { ...core.dependencies, operations: vanishing };
      assert.deepEqual(await failureFrom(decide(dependencies, core.call('second'), verb, read)), {
        reason: 'operation_not_found',
      });
    });

    test(`${verb}: a caller who has gone away decided nothing`, async () => {
      const core = coreScene();
      const { id } = await asked(core);
      const call = core.call('second', { calledOff: () => callerGone });
      const read = async () => ({ operationId: id, reason: '', asSeen: seen });
      assert.equal((await failureFrom(decide(core.dependencies, call, verb, read))).reason, 'caller_gone');
      assert.equal((await core.newest()).status, 'awaiting_approval');
    });
  }

  test('approving needs the ETag that was read; rejecting does not', async () => {
    const core = coreScene();
    await asked(core);
    assert.deepEqual(await failureFrom(deciding(core, 'approve', { asSeen: null })), {
      reason: 'precondition_required',
      header: 'If-Match',
      resource: 'operation',
    });
    assert.equal((await core.newest()).status, 'awaiting_approval');
    assert.equal(core.story().at(-1), 'refused precondition_required');
    assert.equal((await deciding(core, 'reject', { asSeen: null })).status, 'rejected');
  });

  test('rejecting without an ETag, in the moment when another decides', async () => {
    const core = coreScene();
    const operation = await asked(core);
    core.before('move', async () => void (await deciding(core, 'approve')));
    assert.deepEqual(
      await failureFrom(deciding(core, 'reject', { asSeen: null })),
      notAllowed(operation, 'approved'),
    );
  });

  test('keeps no name of who decided where none are to be kept', async () => {
    const core = coreScene();
    await asked(core);
    core.dropNames();
    assert.deepEqual((await deciding(core, 'approve')).approval?.approver, { oid: 'second', name: null });
  });
});

describe('an execution', () => {
  test('is the same act as any other, under this call’s id, by whoever asked for it', async () => {
    const core = coreScene();
    const { id } = await approved(core);
    core.graph.members = [{ ...connected, lastDirectorySync: '2026-01-01T00:00:00Z' }];
    const call = core.call();
    const read = async () => ({ operationId: id, ifMatch: [etagOf(core.graph.members)] });
    const { outcome, operation, requestId } = await execute(core.dependencies, call, read);
    assert.deepEqual([outcome.status, operation.status, requestId], ['accepted', 'accepted', call.requestId]);
    assert.deepEqual(
      core.graph.acts.map((act) => [act.requestId, act.token.reveal()]),
      [[call.requestId, 'token of admin']],
    );
    const attempt = core.trail.at(-2);
    assert.deepEqual(
      [attempt?.event, attempt?.action, attempt?.result, attempt?.move, attempt?.explanation],
      [
        'attempt',
        'disconnect',
        'pending',
        { from: 'approved', to: 'sent' },
        'Approved by second: it is time',
      ],
    );
    assert.deepEqual(
      [attempt?.connection, operation.connection],
      [core.graph.members[0], core.graph.members[0]],
    );
    assert.equal(core.story().at(-1), 'outcome sent → accepted');
  });

  test('a repetition of the request for the approval hears what it heard first', async () => {
    const core = coreScene();
    const { requestId } = await approved(core);
    await executing(core);
    const again = await disconnect(core.dependencies, core.call(), async () => request);
    assert.deepEqual([again.outcome.status, again.requestId], ['awaiting_approval', requestId]);
  });

  test('that certainly did nothing frees the key', async () => {
    const core = coreScene();
    await approved(core);
    core.graph.answers.push(fails({ reason: 'graph_forbidden', graph: trace() }));
    assert.equal((await failureFrom(executing(core))).reason, 'graph_forbidden');
    assert.equal(await core.operations.findByKey({ oid: 'admin', tenantId }, 'key'), null);
  });

  test('an operation that was sent is left as it is, even when its lease has ended', async () => {
    const core = coreScene();
    const operation = await holdSlot(core, 'sent');
    core.advance(timing.leaseMs);
    assert.deepEqual(await failureFrom(executing(core)), notAllowed(operation, 'sent'));
    assert.deepEqual(await failureFrom(deciding(core, 'approve')), notAllowed(operation, 'sent'));
    assert.equal((await core.newest()).status, 'sent');
  });

  test('of one that is no longer there when it is to move', async () => {
    const core = coreScene();
    const { id } = await approved(core);
    const { operations } = core.dependencies;
    const vanishing = { ...operations, move: async () => 'moved_already' as const };
    core.before('list', () => {
      vanishing.find = async () => null;
    });
    const dependencies = { ...core.dependencies, operations: vanishing };
    const read = async () => ({ operationId: id, ifMatch: null });
    assert.deepEqual(await failureFrom(execute(dependencies, core.call(), read)), {
      reason: 'operation_not_found',
    });
  });

  test('not by another', async () => {
    const core = coreScene();
    const { id } = await approved(core);
    assert.deepEqual(await failureFrom(executing(core, { name: 'second' })), { reason: 'not_the_requester' });
    const event = core.trail.at(-1);
    assert.deepEqual([event?.operationId, event?.action], [id, 'disconnect']);
    assert.deepEqual(core.asked, ['authenticate', 'find', 'append']);
  });

  test('not before it is approved, nor of one that is not there, nor twice', async () => {
    const core = coreScene();
    const operation = await asked(core);
    assert.deepEqual(await failureFrom(executing(core)), notAllowed(operation, 'awaiting_approval'));
    assert.equal((await failureFrom(executing(core, { id: 'nowhere' }))).reason, 'operation_not_found');
    await deciding(core, 'approve');
    await executing(core);
    assert.deepEqual(await failureFrom(executing(core)), notAllowed(operation, 'accepted'));
    assert.equal(core.graph.acts.length, 1);
  });

  test('not when its time is over', async () => {
    const core = coreScene();
    const operation = await approved(core);
    core.advance(timing.approvalMs);
    assert.deepEqual(await failureFrom(executing(core)), notAllowed(operation, 'expired'));
  });

  test('its time ends while it waits to be sent', async () => {
    const core = coreScene();
    await approved(core);
    core.advance(timing.approvalMs - 1);
    core.before('disconnect', () => core.advance(1));
    const failure = await failureFrom(executing(core));
    assert.deepEqual(failure, {
      reason: 'not_sent_in_time',
      cause: 'the approval has run out',
      retryAfter: 1,
    });
    assert.deepEqual([core.graph.acts, (await core.newest()).status], [[], 'failed']);
  });

  test('two at once: one is sent', async () => {
    const core = coreScene();
    const operation = await approved(core);
    core.before('move', async () => void (await executing(core)));
    assert.deepEqual(await failureFrom(executing(core)), notAllowed(operation, 'accepted'));
    assert.equal(core.graph.acts.length, 1);
  });

  test('a step-up that the policy demands by now', async () => {
    const core = coreScene();
    await approved(core);
    core.demand({ stepUp: 'c1' });
    assert.equal((await failureFrom(executing(core))).reason, 'claims_required');
  });

  test('needs no idempotency key: the operation can be executed only once', async () => {
    const core = coreScene();
    await approved(core);
    core.demand({ idempotencyKeyRequired: true, reasonRequired: true, ticketRequired: true });
    assert.equal((await executing(core)).outcome.status, 'accepted');
  });

  test('needs If-Match where the policy says so', async () => {
    const core = coreScene();
    await approved(core);
    core.demand({ ifMatchRequired: true });
    assert.equal((await failureFrom(executing(core))).reason, 'precondition_required');
    assert.equal((await executing(core, { ifMatch: ['*'] })).outcome.status, 'accepted');
  });

  const reads: [string, (core: CoreScene) => void, string[] | undefined, Failure['reason']][] = [
    [
      'nothing is connected',
      (core) => {
        core.graph.members = [];
      },
      undefined,
      'not_connected',
    ],
    [
      'another is connected',
      (core) => {
        core.graph.members = [{ ...connected, id: 'another' }];
      },
      undefined,
      'connection_changed',
    ],
    ['it is not as the caller saw it', () => {}, ['"another"'], 'connection_changed'],
    ['switched off', (core) => core.switchOff(tenantId, 'frozen'), undefined, 'disconnect_disabled'],
  ];
  for (const [name, happens, ifMatch, reason] of reads) {
    test(`${name}: ${reason}, and it stays approved`, async () => {
      const core = coreScene();
      await approved(core);
      happens(core);
      assert.equal((await failureFrom(executing(core, ifMatch && { ifMatch }))).reason, reason);
      assert.deepEqual([core.graph.acts, (await core.newest()).status], [[], 'approved']);
      assert.equal(core.story().at(-1), `refused ${reason}`);
    });
  }

  test('a caller who has gone away calls it off', async () => {
    const core = coreScene();
    const { id } = await approved(core);
    const call = core.call('admin', { calledOff: () => callerGone });
    const read = async () => ({ operationId: id, ifMatch: null });
    assert.equal((await failureFrom(execute(core.dependencies, call, read))).reason, 'caller_gone');
    assert.equal((await core.newest()).status, 'approved');
  });

  test('keeps no owner’s name where none are to be kept', async () => {
    const core = coreScene();
    await approved(core);
    core.dropNames();
    assert.equal((await executing(core)).operation.connection.owner, null);
  });

  test('where nobody can tell whether its attempt is on record: nothing is sent, and it ends as unsent', async () => {
    const core = coreScene();
    await approved(core);
    core.after('move', fails(recordDown));
    const call = core.call();
    const read = async () => ({ operationId: (await core.newest()).id, ifMatch: null });
    const failure = await execute(core.dependencies, call, read).catch((error: CallFailed) => error.failure);
    assert.deepEqual([failure, core.graph.acts], [recordDown, []]);
    assert.equal((await core.newest()).status, 'sent');
    const [waiting] = core.backlog;
    assert.deepEqual(
      [waiting?.entry.kind, waiting?.entry.event.move],
      ['unsent', { from: 'sent', to: 'failed' }],
    );
    await waiting?.write();
    assert.deepEqual([(await core.newest()).status, core.trail.at(-1)], ['failed', waiting?.entry.event]);
  });
});
