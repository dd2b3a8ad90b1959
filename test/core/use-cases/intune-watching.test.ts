import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnect } from '../../../src/core/use-cases/disconnect.ts';
import { readConnection } from '../../../src/core/use-cases/read-connection.ts';
import { readOperation } from '../../../src/core/use-cases/read-operation.ts';
import { sweep } from '../../../src/core/use-cases/sweep.ts';
import {
  breaks,
  type CoreScene,
  connected,
  coreScene,
  fails,
  failureFrom,
  person,
  plainRequest,
  show,
  tenantId,
  timing,
  trace,
} from '../../support/core.ts';
import {
  approveInIntune,
  asking,
  code,
  day,
  executing,
  fileInIntune,
  intuneEnds,
  watching,
} from '../../support/intune.ts';

describe('watching what waits for Intune', () => {
  for (const bring of [fileInIntune, approveInIntune]) {
    for (const [word, status] of intuneEnds) {
      test(`${bring.name}, ${word}: ${status}, and key and slot are free`, async () => {
        const core = coreScene();
        await bring(core);
        core.graph.approvals.set(code, word);
        core.people.set('reader', person('reader', { roles: ['Read'] }));
        const { operation, readFailed } = await watching(core, 'reader');
        assert.deepEqual(
          [operation.status, operation.concludedFrom, readFailed],
          [status, 'intune_approval', null],
        );
        assert.ok(operation.explanation?.includes(code));
        assert.equal(core.trail.at(-2)?.actor.oid, 'reader');
        assert.equal((await asking(core)).replayed, false);
      });
    }

    test(`${bring.name}, completed: accepted, then as the connection says`, async () => {
      const core = coreScene();
      await bring(core);
      core.graph.approvals.set(code, 'completed');
      const { operation } = await watching(core);
      assert.deepEqual([operation.status, operation.concludedFrom], ['accepted', 'intune_approval']);
      const first = await asking(core);
      assert.deepEqual([first.outcome.status, first.replayed], ['awaiting_intune_approval', true]);
      core.graph.members = [];
      assert.equal((await watching(core)).operation.status, 'completed');
    });

    test(`${bring.name}, completed and gone already: both moves at once`, async () => {
      const core = coreScene();
      await bring(core);
      core.graph.approvals.set(code, 'completed');
      core.graph.members = [];
      assert.equal((await watching(core)).operation.status, 'completed');
      assert.deepEqual(
        core
          .story()
          .filter((line) => line.startsWith('move'))
          .slice(-2),
        [
          `move ${bring === fileInIntune ? 'awaiting_intune_approval' : 'approved_in_intune'} → accepted`,
          'move accepted → completed',
        ],
      );
    });

    for (const word of ['needsApproval', 'escalated', '', null]) {
      test(`${bring.name}, ${word ?? 'no such request'}: as it was`, async () => {
        const core = coreScene();
        const { status } = await bring(core);
        if (word === null) core.graph.approvals.clear();
        else core.graph.approvals.set(code, word);
        const before = core.story().length;
        const { operation, readFailed } = await watching(core);
        assert.deepEqual([operation.status, readFailed], [status, null]);
        assert.equal(core.story().length, before + 1, 'the read alone');
        // Only where Intune keeps the request for certain does a connection that is gone say anything.
        assert.equal(core.graph.lists.length, word === 'needsApproval' ? 1 : 0);
      });
    }

    test(`${bring.name}, and the connection is gone: expired, what to do in Intune, and key and slot are free`, async () => {
      const core = coreScene();
      await bring(core);
      core.graph.members = [{ ...connected, id: 'connection-2' }];
      const readBefore = core.graph.approvalReads.length;
      const { operation, readFailed } = await watching(core);
      assert.deepEqual([operation.status, operation.concludedFrom, readFailed], ['expired', 'reading', null]);
      assert.match(operation.explanation ?? '', new RegExp(`is gone.*request ${code}.*Cancel it there`));
      assert.equal(
        core.graph.approvalReads.length - readBefore,
        2,
        'Intune is asked again after that was seen',
      );
      const { operation: next, replayed } = await asking(core);
      assert.deepEqual([next.connection.id, replayed], ['connection-2', false]);
    });

    for (const word of ['escalated', null]) {
      test(`${bring.name}, gone, and ${word ?? 'no such request'} in Intune: as it was`, async () => {
        const core = coreScene();
        const { status } = await bring(core);
        core.graph.members = [];
        if (word === null) core.graph.approvals.clear();
        else core.graph.approvals.set(code, word);
        assert.equal((await watching(core)).operation.status, status);
      });
    }

    test(`${bring.name}, completed while the connection was read: that is why it is gone`, async () => {
      const core = coreScene();
      await bring(core);
      core.graph.members = [];
      core.after('list', () => core.graph.approvals.set(code, 'completed'));
      assert.equal((await watching(core)).operation.status, 'completed');
    });

    test(`${bring.name}, and the connection cannot be read: what Intune said is shown`, async () => {
      const core = coreScene();
      const { status } = await bring(core);
      core.graph.members = [];
      core.before('list', fails({ reason: 'graph_forbidden', graph: trace() }));
      const { operation, readFailed } = await watching(core);
      assert.deepEqual([operation.status, readFailed], [status, null]);
    });

    test(`${bring.name}, and a defect of ours while the connection is read: internal`, async () => {
      const core = coreScene();
      await bring(core);
      core.before('list', breaks);
      assert.equal((await failureFrom(watching(core))).reason, 'internal');
    });
  }

  test('completed there: patience counts from when it was found', async () => {
    const core = coreScene();
    await fileInIntune(core);
    core.advance(2 * day);
    core.graph.approvals.set(code, 'completed');
    assert.equal((await watching(core)).operation.status, 'accepted');
    const over = { ...plainRequest, supersedes: (await core.newest()).id };
    const again = () => disconnect(core.dependencies, core.call('second'), async () => over);
    assert.equal((await failureFrom(again())).reason, 'operation_in_progress');
    core.advance(timing.settleAfterMs - timing.watchEveryMs);
    assert.equal((await watching(core)).operation.status, 'accepted');
    core.advance(1);
    assert.equal((await watching(core)).operation.status, 'failed');
  });

  test('Intune cannot be read: shown as it is, with why; a challenge is for the caller', async () => {
    const core = coreScene();
    await fileInIntune(core);
    core.before('approvalRequest', fails({ reason: 'graph_forbidden', graph: trace() }));
    const { operation, readFailed } = await watching(core);
    assert.deepEqual([operation.status, readFailed?.reason], ['awaiting_intune_approval', 'graph_forbidden']);
    core.before('approvalRequest', fails({ reason: 'claims_required', claims: '{}', tenantId }));
    assert.equal((await failureFrom(watching(core))).reason, 'claims_required');
    core.before('approvalRequest', breaks);
    assert.equal((await failureFrom(watching(core))).reason, 'internal');
  });

  test('completed, and the connection cannot be read: accepted all the same, with why', async () => {
    const core = coreScene();
    await fileInIntune(core);
    core.graph.approvals.set(code, 'completed');
    core.before('list', fails({ reason: 'graph_forbidden', graph: trace() }));
    const { operation, readFailed } = await watching(core);
    assert.deepEqual([operation.status, readFailed?.reason], ['accepted', 'graph_forbidden']);
  });

  test('Intune is asked on behalf of the one who asks, within the time of their call', async () => {
    const core = coreScene();
    const { id } = await fileInIntune(core);
    core.graph.approvals.set(code, 'completed');
    const call = core.call('second');
    await readOperation(core.dependencies, call, () => id, 0);
    const [asked, ...more] = core.graph.approvalReads;
    assert.deepEqual(
      [more, asked?.token.reveal(), asked?.tenantId, asked?.deadline, asked?.code],
      [[], 'token of second', tenantId, call.deadline, code],
    );
    const [list] = core.graph.lists;
    assert.deepEqual(
      [list?.token.reveal(), list?.tenantId, list?.deadline],
      ['token of second', tenantId, call.deadline],
    );
    const ids = [asked?.requestId, list?.requestId, call.requestId];
    assert.equal(new Set(ids.filter((id) => id !== undefined)).size, 3, 'each is a call of its own');
  });

  test('a read of the connection asks Intune nothing, and moves nothing', async () => {
    const core = coreScene();
    await fileInIntune(core, 'rejected');
    core.graph.members = [];
    await readConnection(core.dependencies, core.call(), () => null);
    assert.equal((await core.newest()).status, 'awaiting_intune_approval');
    assert.ok(!core.asked.includes('approvalRequest'));
  });
});

describe('the three days are over', () => {
  const overdue = async () => {
    const core = coreScene();
    await fileInIntune(core);
    core.advance(3 * day - 1);
    assert.equal(await sweep(core.dependencies), 0);
    core.advance(1);
    assert.equal(await sweep(core.dependencies), 1);
    return core;
  };

  test('and nobody read it: unknown, since it may have been completed', async () => {
    const core = await overdue();
    const { status, concludedFrom, explanation } = await core.newest();
    assert.deepEqual([status, concludedFrom], ['unknown', 'time']);
    assert.match(explanation ?? '', /three days.*may have been completed/);
    assert.equal(core.story().at(-1), 'move awaiting_intune_approval → unknown');
  });

  for (const [word, status] of [...intuneEnds, ['completed', 'accepted']] as const) {
    test(`and the next reader finds it ${word}: ${status}`, async () => {
      const core = await overdue();
      core.graph.approvals.set(code, word);
      core.advance(day);
      assert.equal((await watching(core)).operation.status, status);
    });
  }

  for (const word of ['needsApproval', 'approved', 'escalated']) {
    test(`and Intune still says ${word}: unknown, and not failed`, async () => {
      const core = await overdue();
      core.graph.approvals.set(code, word);
      core.advance(day);
      assert.equal((await watching(core)).operation.status, 'unknown');
      core.graph.members = [];
      assert.equal((await watching(core)).operation.status, 'completed');
    });
  }

  test('and Intune has no word for it, or cannot be asked: the connection decides', async () => {
    for (const [happens, status] of [
      [(core: CoreScene) => core.graph.approvals.clear(), 'failed'],
      [
        (core: CoreScene) =>
          core.before('approvalRequest', fails({ reason: 'graph_forbidden', graph: trace() })),
        'failed',
      ],
    ] as const) {
      const core = await overdue();
      core.advance(timing.settleAfterMs);
      happens(core);
      assert.equal((await watching(core)).operation.status, status);
    }
  });

  test('what the connection shows goes before Intune’s word', async () => {
    for (const [status, expected] of [
      ['offboarding', 'accepted'],
      ['failed', 'failed'],
    ] as const) {
      const core = await overdue();
      core.graph.approvals.set(code, 'expired');
      show(core, status);
      assert.equal((await watching(core)).operation.status, expected);
    }
  });

  test('it is not executed any more', async () => {
    const core = coreScene();
    const { id } = await approveInIntune(core);
    core.advance(3 * day);
    assert.deepEqual(await failureFrom(executing(core)), {
      reason: 'operation_not_allowed',
      operationId: id,
      status: 'unknown',
    });
    assert.equal(core.graph.acts.length, 0);
  });
});
