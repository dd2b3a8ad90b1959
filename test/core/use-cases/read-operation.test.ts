import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Failure } from '../../../src/core/failure.ts';
import { settle } from '../../../src/core/operation/move.ts';
import { decide } from '../../../src/core/use-cases/decide.ts';
import { disconnect } from '../../../src/core/use-cases/disconnect.ts';
import { listOperations, readOperation } from '../../../src/core/use-cases/read-operation.ts';
import {
  breaks,
  type CoreScene,
  callerGone,
  connected,
  coreScene,
  fails,
  failureFrom,
  person,
  plainRequest,
  recordDown,
  tenantId,
  timing,
  trace,
} from '../../support/core.ts';
import { heldStatuses, holdSlot } from '../../support/holders.ts';

type Options = { waitMs?: number; id?: string; call?: ReturnType<CoreScene['call']> };

async function reading(core: CoreScene, { waitMs = 0, id, call = core.call('second') }: Options = {}) {
  const operationId = id ?? (await core.newest()).id;
  return readOperation(core.dependencies, call, () => operationId, waitMs);
}

const turn = (core: CoreScene, status: string) => {
  core.graph.members = [{ ...connected, status }];
};

describe('reading an operation', () => {
  test('that awaits its outcome: reads Graph on behalf of the one who asks, and settles it', async () => {
    const core = coreScene();
    const { id } = await holdSlot(core, 'accepted');
    turn(core, 'failed');
    const call = core.call('second');
    core.before('list', () => core.advance(40));
    const { operation, readFailed } = await reading(core, { call });
    assert.deepEqual([operation.status, operation.value, readFailed], ['failed', 'failed', null]);
    assert.deepEqual(core.asked, [
      'authenticate',
      'find',
      'claimRead',
      'exchangeForRead',
      'list',
      'move',
      'append',
    ]);
    const [read] = core.graph.lists;
    assert.deepEqual(
      [read?.token.reveal(), read?.tenantId, read?.deadline],
      ['token of second', tenantId, call.deadline],
    );
    assert.ok(read?.requestId);
    assert.notEqual(read.requestId, call.requestId);
    const [move, event] = core.trail.slice(-2);
    assert.deepEqual(
      [move?.event, move?.move, move?.actor.oid, move?.requestId, move?.durationMs],
      ['move', { from: 'accepted', to: 'failed' }, 'second', call.requestId, null],
    );
    assert.deepEqual(
      [event?.event, event?.action, event?.operationId, event?.result, event?.durationMs],
      ['read', 'read_operation', id, 'succeeded', 40],
    );
    assert.equal(call.annotations.operationId, id);
  });

  for (const status of heldStatuses) {
    const isRead = status === 'accepted' || status === 'unknown';
    test(`${status}: Graph is ${isRead ? '' : 'not '}read`, async () => {
      const core = coreScene();
      await holdSlot(core, status);
      const { operation, readFailed } = await reading(core);
      assert.deepEqual([operation.status, readFailed], [status, null]);
      for (const port of ['claimRead', 'exchangeForRead', 'list']) {
        assert.equal(core.asked.includes(port), isRead, port);
      }
    });
  }

  test('at most once in a while, whoever asks', async () => {
    const core = coreScene();
    await holdSlot(core, 'accepted');
    await reading(core);
    core.advance(timing.watchEveryMs - 1);
    assert.equal((await reading(core, { call: core.call('admin') })).readFailed, null);
    assert.equal(core.graph.lists.length, 1);
    core.advance(1);
    await reading(core);
    assert.equal(core.graph.lists.length, 2);
  });

  test('of nobody, or of another tenant: not found, on record with the id that was asked for', async () => {
    const core = coreScene();
    const { id } = await holdSlot(core, 'accepted');
    assert.deepEqual(await failureFrom(reading(core, { id: 'nowhere' })), { reason: 'operation_not_found' });
    const refusal = core.trail.at(-1);
    assert.deepEqual([refusal?.action, refusal?.operationId], ['read_operation', 'nowhere']);
    core.people.set('stranger', person('stranger', { tenantId: 'fabrikam' }));
    const elsewhere = reading(core, { id, call: core.call('stranger') });
    assert.deepEqual(await failureFrom(elsewhere), { reason: 'operation_not_found' });
  });

  const shown: [string, Failure][] = [
    ['exchangeForRead', { reason: 'access_blocked', entraCode: 1 }],
    ['list', { reason: 'graph_forbidden', graph: trace() }],
    ['list', { reason: 'graph_unavailable', graph: trace(), retryAfterMs: null, cause: '' }],
  ];
  for (const [port, failure] of shown) {
    test(`${failure.reason}: what is known is shown, and why it is not newer`, async () => {
      const core = coreScene();
      await holdSlot(core, 'accepted');
      core.before(port, fails(failure));
      const { operation, readFailed } = await reading(core);
      assert.deepEqual([operation.status, readFailed], ['accepted', failure]);
      assert.equal(core.story().at(-1), 'read');
    });
  }

  test('why it is not newer stays true until Graph is read again', async () => {
    const core = coreScene();
    await holdSlot(core, 'accepted');
    core.before('list', fails({ reason: 'graph_forbidden', graph: trace() }));
    const { readFailed } = await reading(core, { waitMs: timing.watchEveryMs - 1 });
    assert.deepEqual([readFailed?.reason, core.graph.lists.length], ['graph_forbidden', 0]);
    core.advance(1);
    assert.equal((await reading(core)).readFailed, null);
  });

  const told: [string, string, () => never, Failure['reason']][] = [
    [
      'a challenge',
      'exchangeForRead',
      fails({ reason: 'claims_required', claims: '', tenantId }),
      'claims_required',
    ],
    [
      'a sign-in that was revoked',
      'exchangeForRead',
      fails({ reason: 'assertion_rejected', entraCode: 50173, tenantId }),
      'assertion_rejected',
    ],
    [
      "a sign-in that Graph doesn't take",
      'list',
      fails({ reason: 'graph_token_rejected', graph: trace(), tenantId }),
      'graph_token_rejected',
    ],
    ['a defect of ours', 'list', breaks, 'internal'],
    ['a defect of ours in the exchange', 'exchangeForRead', breaks, 'internal'],
    ['no record of what was found', 'move', fails(recordDown), 'audit_unavailable'],
  ];
  for (const [name, port, trouble, reason] of told) {
    test(`${name}: ${reason}, and nothing is shown`, async () => {
      const core = coreScene();
      await holdSlot(core, 'accepted');
      turn(core, 'failed');
      core.before(port, trouble);
      assert.equal((await failureFrom(reading(core))).reason, reason);
    });
  }

  test('another settles it in that moment: as that one left it', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'unknown');
    turn(core, 'failed');
    core.before('move', async () => {
      const source = { caller: person('reader'), requestId: 'read', address: '' };
      await settle(core.dependencies, source, held, { members: [], etag: '' });
    });
    assert.equal((await reading(core)).operation.status, 'completed');
  });
});

describe('waiting for an operation', () => {
  test('until its status changes, reading twice a second', async () => {
    const core = coreScene();
    const { id } = await holdSlot(core, 'awaiting_approval');
    core.before('pause', () => {});
    core.before('pause', async () => {
      const decision = { operationId: id, reason: '', asSeen: () => true };
      await decide(core.dependencies, core.call('second'), 'approve', async () => decision);
    });
    const { operation } = await reading(core, { waitMs: 30_000, call: core.call() });
    assert.deepEqual([operation.status, core.pauses], ['approved', [500, 500]]);
  });

  test('until Graph shows how it ended', async () => {
    const core = coreScene();
    await holdSlot(core, 'accepted');
    for (let reads = 0; reads < 3; reads += 1) core.before('pause', () => {});
    core.before('pause', () => turn(core, 'failed'));
    const { operation } = await reading(core, { waitMs: 30_000 });
    assert.equal(operation.status, 'failed');
    assert.equal(core.pauses.length, timing.watchEveryMs / 500);
    assert.equal(core.graph.lists.length, 2);
  });

  test('until the time is up, counted from when the call began', async () => {
    const core = coreScene();
    await holdSlot(core, 'awaiting_approval');
    core.before('authenticate', () => core.advance(300));
    const { operation } = await reading(core, { waitMs: 1500 });
    assert.deepEqual([operation.status, core.pauses], ['awaiting_approval', [500, 500, 200]]);
  });

  test('not at all for one that has ended, nor for one that was taken over from', async () => {
    const core = coreScene();
    const { id } = await holdSlot(core, 'unknown');
    await disconnect(core.dependencies, core.call(), async () => ({ ...plainRequest, supersedes: id }));
    core.asked.length = 0;
    await reading(core, { id, waitMs: 30_000 });
    assert.deepEqual([core.pauses, core.asked.includes('list')], [[], false]);
    core.graph.members = [];
    assert.equal((await reading(core, { waitMs: 30_000 })).operation.status, 'completed');
    await reading(core, { waitMs: 30_000 });
    assert.deepEqual(core.pauses, []);
  });

  test('not when the process is stopping', async () => {
    const core = coreScene();
    await holdSlot(core, 'awaiting_approval');
    core.before('pause', () => core.stop());
    await reading(core, { waitMs: 30_000 });
    assert.deepEqual(core.pauses, [500]);
  });

  test('not when nobody waits for the answer', async () => {
    const core = coreScene();
    await holdSlot(core, 'awaiting_approval');
    let gone = false;
    core.before('pause', () => {
      gone = true;
    });
    const call = core.call('second', { calledOff: () => (gone ? callerGone : null) });
    await reading(core, { waitMs: 30_000, call });
    assert.deepEqual(core.pauses, [500]);
  });
});

describe('listing operations', () => {
  test('of the caller’s own tenant, newest first, on record', async () => {
    const core = coreScene();
    core.graph.answers.push(() => ({ value: 'failed', graph: trace() }));
    await disconnect(core.dependencies, core.call(), async () => plainRequest);
    await holdSlot(core, 'accepted');
    const query = { status: null, limit: 1, cursor: null };
    const { operations, nextCursor } = await listOperations(
      core.dependencies,
      core.call('second'),
      () => query,
    );
    assert.deepEqual(
      operations.map(({ status }) => status),
      ['accepted'],
    );
    assert.ok(nextCursor !== null);
    const event = core.trail.at(-1);
    assert.deepEqual([event?.event, event?.action, event?.result], ['read', 'read_operation', 'succeeded']);
    assert.deepEqual(core.graph.lists, []);
    core.people.set('second', person('second', { roles: [] }));
    await failureFrom(listOperations(core.dependencies, core.call('second'), () => query));
    assert.equal(core.trail.at(-1)?.action, 'read_operation');
    core.people.set('stranger', person('stranger', { tenantId: 'fabrikam' }));
    const elsewhere = await listOperations(core.dependencies, core.call('stranger'), () => query);
    assert.deepEqual(elsewhere.operations, []);
  });
});
