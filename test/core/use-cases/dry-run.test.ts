import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Failure } from '../../../src/core/failure.ts';
import { knownStatuses } from '../../../src/core/operation/connection.ts';
import type { DisconnectRequest } from '../../../src/core/operation/slot.ts';
import { disconnect } from '../../../src/core/use-cases/disconnect.ts';
import { type DryRun, type DryRunCheck, dryRun } from '../../../src/core/use-cases/dry-run.ts';
import {
  breaks,
  type CoreScene,
  callerGone,
  connected,
  coreScene,
  etagOf,
  fails,
  failureFrom,
  plainRequest,
  tenantId,
  timing,
  trace,
} from '../../support/core.ts';
import { heldStatuses, holdSlot } from '../../support/holders.ts';

const trying = (core: CoreScene, but: Partial<DisconnectRequest> = {}, call = core.call()) =>
  dryRun(core.dependencies, call, async () => ({ ...plainRequest, ...but }));

const checksOf = ({ checks }: DryRun) =>
  Object.fromEntries(checks.map((check) => [check.name, saidBy(check)]));

function saidBy(check: DryRunCheck): string {
  if (check.result === 'failed') return check.failure.reason;
  return check.result === 'passed' ? 'passed' : check.because;
}

const notCheckable = {
  intune_right_to_disconnect: 'write_permission_not_verifiable',
  intune_approval: 'intune_may_ask_for_approval',
};
const reached = { role: 'passed', enabled: 'passed', on_behalf_of: 'passed' };
const allPassed = {
  ...reached,
  connection_readable: 'passed',
  connected: 'passed',
  no_open_operation: 'passed',
  ...notCheckable,
};

describe('a dry run', () => {
  test('everything but the act, on record as what it is, with how long it took', async () => {
    const core = coreScene();
    core.before('list', () => core.advance(250));
    const call = core.call();
    const answer = await trying(core, {}, call);
    assert.deepEqual(checksOf(answer), allPassed);
    assert.deepEqual(
      answer.checks.map(({ result }) => result),
      ['passed', 'passed', 'passed', 'passed', 'passed', 'passed', 'not_checkable', 'not_checkable'],
    );
    assert.deepEqual([answer.would, answer.connection?.value], ['disconnect', [connected]]);
    assert.deepEqual(
      core.trail.map(({ event, action, result, durationMs }) => [event, action, result, durationMs]),
      [['dry_run', 'disconnect', 'succeeded', 250]],
    );
    const [read] = core.graph.lists;
    assert.deepEqual(
      [read?.requestId, read?.token.reveal(), read?.tenantId, read?.deadline],
      [call.requestId, 'token of admin', tenantId, call.deadline],
    );
  });

  test('where a second person must approve, it would ask for that', async () => {
    const core = coreScene();
    core.demand({ approvalRequired: true });
    assert.equal((await trying(core)).would, 'ask_for_approval');
    assert.equal(core.trail[0]?.result, 'succeeded');
  });

  const refused: [
    string,
    (core: CoreScene) => unknown,
    Partial<DisconnectRequest>,
    Record<string, string>,
  ][] = [
    ['switched off', (core) => core.switchOff(tenantId, 'frozen'), {}, { enabled: 'disconnect_disabled' }],
    [
      'a demand that is not met',
      (core) => core.demand({ reasonRequired: true }),
      {},
      { reason: 'request_invalid' },
    ],
    [
      'nothing is connected',
      (core) => {
        core.graph.members = [];
      },
      {},
      { connected: 'not_connected' },
    ],
    ['If-Match of another', () => {}, { ifMatch: ['"another"'] }, { unchanged: 'connection_changed' }],
    [
      'an open operation',
      (core) => holdSlot(core, 'accepted'),
      {},
      { no_open_operation: 'operation_in_progress' },
    ],
    [
      'supersedes what is not there',
      () => {},
      { supersedes: 'nowhere' },
      { no_open_operation: 'operation_not_found' },
    ],
  ];
  for (const [name, happens, request, failed] of refused) {
    test(`${name}: would be refused, and says by what`, async () => {
      const core = coreScene();
      await happens(core);
      const answer = await trying(core, request);
      assert.deepEqual(checksOf(answer), { ...allPassed, ...failed });
      const failures = answer.checks.filter((check) => check.result === 'failed');
      assert.deepEqual(
        failures.map((check) => check.name),
        Object.keys(failed),
      );
      assert.equal(answer.would, 'be_refused');
      assert.equal(core.trail.at(-1)?.result, 'refused');
      const disconnecting = disconnect(core.dependencies, core.call(), async () => ({
        ...plainRequest,
        ...request,
      }));
      assert.deepEqual(await failureFrom(disconnecting), failures[0]?.failure);
    });
  }

  for (const [intuneApproval, because] of [
    ['auto', 'intune_may_ask_for_approval'],
    ['never', 'intune_may_refuse'],
  ] as const) {
    test(`what Intune may do besides, where its approval is set to ${intuneApproval}`, async () => {
      const core = coreScene();
      core.demand({ intuneApproval });
      const { checks } = await trying(core);
      assert.deepEqual(checks.at(-1), { name: 'intune_approval', result: 'not_checkable', because });
    });
  }

  test('If-Match of what there is', async () => {
    const answer = await trying(coreScene(), { ifMatch: [etagOf([connected])] });
    assert.deepEqual(checksOf(answer), { ...allPassed, unchanged: 'passed' });
  });

  test('demands that are met', async () => {
    const core = coreScene();
    core.demand({ reasonRequired: true, idempotencyKeyRequired: true });
    const idempotency = { key: 'key', fingerprint: '' };
    const answer = await trying(core, { reason: 'moving', idempotency });
    assert.deepEqual(checksOf(answer), {
      ...allPassed,
      reason: 'passed',
      idempotency_key: 'passed',
      idempotency_key_unused: 'passed',
    });
    assert.equal(
      checksOf(await trying(core, { reason: 'moving' })).idempotency_key,
      'idempotency_key_required',
    );
  });

  const notReached = { connected: 'not_reached', no_open_operation: 'not_reached', ...notCheckable };
  for (const [port, failure, failed] of [
    ['exchangeUncached', { reason: 'access_blocked', entraCode: 1 }, { on_behalf_of: 'access_blocked' }],
    [
      'list',
      { reason: 'graph_forbidden', graph: trace() },
      { on_behalf_of: 'passed', connection_readable: 'graph_forbidden' },
    ],
  ] as const) {
    test(`${failure.reason}: what comes after it cannot be checked`, async () => {
      const core = coreScene();
      core.before(port, fails(failure));
      const answer = await trying(core);
      assert.deepEqual(checksOf(answer), { role: 'passed', enabled: 'passed', ...failed, ...notReached });
      assert.deepEqual(
        answer.checks.filter((check) => saidBy(check) === 'not_reached').map(({ result }) => result),
        ['not_checkable', 'not_checkable'],
      );
      assert.deepEqual([answer.would, answer.connection], ['be_refused', null]);
    });
  }

  const curedBySigningIn: Failure[] = [
    { reason: 'claims_required', claims: '{}', tenantId },
    { reason: 'assertion_rejected', entraCode: 50173, tenantId },
    { reason: 'graph_token_rejected', graph: trace(), tenantId },
  ];
  for (const port of ['exchangeUncached', 'list']) {
    for (const failure of curedBySigningIn) {
      test(`${failure.reason} from ${port} is passed on, on record as refused`, async () => {
        const core = coreScene();
        core.before(port, fails(failure));
        assert.deepEqual(await failureFrom(trying(core)), failure);
        assert.deepEqual(core.story(), [`refused ${failure.reason}`]);
      });
    }

    test(`a defect of ours in ${port} is no failed check`, async () => {
      const core = coreScene();
      core.before(port, breaks);
      assert.equal((await failureFrom(trying(core))).reason, 'internal');
      assert.deepEqual(core.story(), ['refused internal']);
    });
  }

  test('a defect of ours while it asks who holds the slot is no failed check', async () => {
    const core = coreScene();
    await holdSlot(core, 'unknown');
    core.before('findOpen', breaks);
    assert.equal((await failureFrom(trying(core))).reason, 'internal');
  });

  test('a step-up that is missing is passed on', async () => {
    const core = coreScene();
    core.demand({ stepUp: 'c1' });
    assert.equal((await failureFrom(trying(core))).reason, 'claims_required');
  });

  describe('with an idempotency key that was used before', () => {
    const used = { idempotency: { key: 'key', fingerprint: 'the same' } };
    const disconnecting = (core: CoreScene) =>
      disconnect(core.dependencies, core.call(), async () => ({ ...plainRequest, ...used }));

    test('by the same request: its answer would be given again, whatever has changed since', async () => {
      const core = coreScene();
      await disconnecting(core);
      core.switchOff(tenantId, 'frozen');
      const answer = await trying(core, used);
      assert.deepEqual(checksOf(answer), { role: 'passed', idempotency_key_unused: 'passed' });
      assert.deepEqual([answer.would, answer.connection], ['repeat_first_answer', null]);
      assert.deepEqual([core.trail.at(-1)?.event, core.trail.at(-1)?.result], ['dry_run', 'succeeded']);
      assert.equal((await disconnecting(core)).replayed, true);
    });

    test('by another request, or by one that is still running: would be refused, as the disconnect is', async () => {
      const core = coreScene();
      const other = { idempotency: { ...used.idempotency, fingerprint: 'another' } };
      const tried: DryRun[] = [];
      core.before('disconnect', async () => {
        tried.push(await trying(core, used), await trying(core, other));
      });
      await disconnecting(core);
      tried.push(await trying(core, other));
      assert.deepEqual(
        tried.map((answer) => [checksOf(answer).idempotency_key_unused, answer.would]),
        [
          ['idempotency_key_in_use', 'be_refused'],
          ['idempotency_key_reused', 'be_refused'],
          ['idempotency_key_reused', 'be_refused'],
        ],
      );
    });

    test('a defect of ours while the key is checked: internal', async () => {
      const core = coreScene();
      await disconnecting(core);
      const { operations } = core.dependencies;
      const broken = {
        ...core.dependencies,
        operations: {
          ...operations,
          loadPreconditions: async (...asked: Parameters<typeof operations.loadPreconditions>) => {
            const { earlier, ...found } = await operations.loadPreconditions(...asked);
            assert.ok(earlier !== null);
            return {
              ...found,
              earlier: Object.defineProperty({ ...earlier }, 'fingerprint', { get: breaks }),
            };
          },
        },
      };
      const request = async () => ({ ...plainRequest, ...used });
      assert.equal((await failureFrom(dryRun(broken, core.call(), request))).reason, 'internal');
    });
  });

  test('a caller who has gone away hears nothing; that is on record', async () => {
    const core = coreScene();
    const call = core.call('admin', { calledOff: () => callerGone });
    assert.equal((await failureFrom(trying(core, {}, call))).reason, 'caller_gone');
    assert.deepEqual(core.story(), ['refused caller_gone']);
    assert.equal(core.trail[0]?.action, 'disconnect');
  });

  test('moves nothing, keeps nothing, sends nothing', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'unknown');
    const recorded = core.trail.length;
    core.graph.members = [];
    await trying(core, { idempotency: { key: 'key', fingerprint: '' } });
    assert.deepEqual(await core.newest(), held);
    assert.deepEqual(core.story().slice(recorded), ['dry_run']);
    assert.deepEqual(core.graph.acts, []);
    assert.equal(await core.operations.findByKey({ oid: 'admin', tenantId }, 'key'), null);
  });
});

describe('what happens while a dry run reads', () => {
  /** Ends what holds the slot, since its connection is gone. */
  async function end(core: CoreScene): Promise<void> {
    core.graph.members = [];
    const ending = disconnect(core.dependencies, core.call(), async () => plainRequest);
    assert.equal((await failureFrom(ending)).reason, 'not_connected');
    core.graph.members = [connected];
  }

  test('the holder ends: the slot is free', async () => {
    const core = coreScene();
    await holdSlot(core, 'unknown');
    core.after('list', () => end(core));
    assert.equal((await trying(core)).would, 'disconnect');
  });

  test('another takes the slot: what was seen says nothing about it', async () => {
    const core = coreScene();
    await holdSlot(core, 'unknown');
    core.graph.members = [{ ...connected, id: 'another' }];
    core.after('list', async () => {
      await end(core);
      await holdSlot(core, 'accepted');
    });
    assert.equal(checksOf(await trying(core)).no_open_operation, 'operation_in_progress');
  });
});

describe('what a dry run says and what a disconnect then does', () => {
  const { leaseMs, settleAfterMs, approvalMs } = timing;
  const moments = [leaseMs, settleAfterMs, approvalMs].flatMap((ms) => [ms - 1, ms, ms + 1]);
  const world = fc.record({
    held: fc.constantFrom(null, ...heldStatuses),
    sinceMs: fc.constantFrom(0, ...moments),
    shown: fc.constantFrom('gone', 'another', ...knownStatuses, 'aNewWord'),
    supersedes: fc.constantFrom('nobody', 'the holder', 'one that has ended', 'one that never was'),
    lookMs: fc.constantFrom(0, 1),
    approvalRequired: fc.boolean(),
  });

  test('are the same, whatever holds the slot', async () => {
    const saw = new Set<string>();
    await fc.assert(
      fc.asyncProperty(world, async ({ held, sinceMs, shown, supersedes, lookMs, approvalRequired }) => {
        const core = coreScene();
        core.graph.answers.push(() => ({ value: 'failed', graph: trace() }));
        const { operation: ended } = await disconnect(
          core.dependencies,
          core.call(),
          async () => plainRequest,
        );
        const holder = held === null ? null : await holdSlot(core, held);
        const named = {
          nobody: null,
          'the holder': holder?.id ?? null,
          'one that has ended': ended.id,
          'one that never was': 'never',
        }[supersedes];
        core.advance(sinceMs);
        core.demand({ approvalRequired });
        if (shown === 'gone') core.graph.members = [];
        else if (shown === 'another') core.graph.members = [{ ...connected, id: 'another' }];
        else core.graph.members = [{ ...connected, status: shown }];

        const request = { ...plainRequest, supersedes: named };
        const lookTakesTime = () => core.advance(lookMs);
        core.before('list', lookTakesTime);
        const { would } = await trying(core, request);
        core.advance(-lookMs);
        core.before('list', lookTakesTime);
        const done = await disconnect(core.dependencies, core.call(), async () => request).then(
          ({ outcome }) => (outcome.status === 'awaiting_approval' ? 'ask_for_approval' : 'disconnect'),
          () => 'be_refused',
        );
        assert.equal(would, done);
        saw.add(done);
      }),
      { numRuns: 1000 },
    );
    assert.deepEqual([...saw].sort(), ['ask_for_approval', 'be_refused', 'disconnect']);
  });
});
