import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Failure } from '../../../src/core/failure.ts';
import { decide } from '../../../src/core/use-cases/decide.ts';
import { execute } from '../../../src/core/use-cases/execute.ts';
import { sweep } from '../../../src/core/use-cases/sweep.ts';
import {
  breaks,
  type CoreScene,
  connected,
  coreScene,
  fails,
  failureFrom,
  recordDown,
  show,
  tenantId,
  timing,
  trace,
} from '../../support/core.ts';
import { noAnswer } from '../../support/holders.ts';
import {
  approveInIntune,
  asking,
  code,
  day,
  decided,
  executing,
  filedAs,
  fileInIntune,
  intuneEnds,
  required,
  watching,
} from '../../support/intune.ts';

describe('executing what was approved in Intune', () => {
  for (const bring of [fileInIntune, approveInIntune]) {
    test(`${bring.name}: one act, under this call’s id, with the code in place of the justification`, async () => {
      const core = coreScene();
      await bring(core);
      core.graph.approvals.set(code, 'approved');
      const before = core.story().length;
      const { id } = await core.newest();
      const call = core.call();
      const { outcome, operation } = await execute(core.dependencies, call, async () => ({
        operationId: id,
        ifMatch: null,
      }));
      assert.deepEqual([outcome.status, operation.status], ['accepted', 'accepted']);
      assert.deepEqual(
        core.graph.acts.map(({ proof, requestId, token }) => [proof, requestId, token.reveal()]),
        [[{ code }, call.requestId, 'token of admin']],
      );
      assert.deepEqual([operation.concludedFrom, operation.explanation], ['answer', null]);
      assert.deepEqual(core.story().slice(before).slice(-2), [
        'attempt approved_in_intune → sent',
        'outcome sent → accepted',
      ]);
      assert.equal(core.trail.at(-2)?.explanation, `Approved in Intune, under the code ${code}.`);
      assert.ok(core.asked.includes('exchangeUncached'));
      const again = await asking(core);
      assert.deepEqual(
        [again.outcome.status, again.replayed],
        ['awaiting_intune_approval', true],
        'the first answer',
      );
      assert.deepEqual(await failureFrom(executing(core)), {
        reason: 'operation_not_allowed',
        operationId: id,
        status: 'accepted',
      });
      assert.equal(core.graph.acts.length, 1);
    });
  }

  test('not by another, and not before it is approved there', async () => {
    const core = coreScene();
    const { id } = await fileInIntune(core);
    assert.deepEqual(await failureFrom(executing(core, 'second')), { reason: 'not_the_requester' });
    for (const word of ['needsApproval', 'escalated', null]) {
      if (word === null) core.graph.approvals.clear();
      else core.graph.approvals.set(code, word);
      assert.deepEqual(await failureFrom(executing(core)), { ...decided(id), filed: code });
    }
    assert.equal(core.graph.acts.length, 0);
  });

  test('approved once, and not any more: not executed', async () => {
    const core = coreScene();
    const { id } = await approveInIntune(core);
    core.graph.approvals.set(code, 'needsApproval');
    assert.deepEqual(await failureFrom(executing(core)), { ...decided(id), filed: code });
    assert.equal(core.graph.acts.length, 0);
  });

  for (const [word, status] of [...intuneEnds, ['completed', 'accepted']] as const) {
    test(`found ${word} at that moment: ${status}, and nothing is sent`, async () => {
      const core = coreScene();
      const { id } = await approveInIntune(core);
      core.graph.approvals.set(code, word);
      assert.deepEqual(await failureFrom(executing(core)), {
        reason: 'operation_not_allowed',
        operationId: id,
        status,
      });
      assert.equal(core.graph.acts.length, 0);
    });
  }

  const kept: [string, (core: CoreScene) => unknown, Failure['reason']][] = [
    [
      'Intune cannot be asked',
      (core) => core.before('approvalRequest', fails({ reason: 'graph_forbidden', graph: trace() })),
      'graph_forbidden',
    ],
    ['a step-up is demanded', (core) => core.demand({ stepUp: 'c1' }), 'claims_required'],
    [
      'no fresh exchange',
      (core) => core.before('exchangeUncached', fails({ reason: 'claims_required', claims: '{}', tenantId })),
      'claims_required',
    ],
    [
      'another connection',
      (core) => {
        core.graph.members = [{ ...connected, id: 'connection-2' }];
      },
      'connection_changed',
    ],
    [
      'no connection',
      (core) => {
        core.graph.members = [];
      },
      'not_connected',
    ],
    ['switched off', (core) => core.switchOff(tenantId, 'frozen'), 'disconnect_disabled'],
    ['a defect of ours', (core) => core.before('list', breaks), 'internal'],
  ];
  for (const [name, happens, reason] of kept) {
    test(`${name}: not sent, and whoever is told so hears that the request is filed`, async () => {
      const core = coreScene();
      await approveInIntune(core);
      await happens(core);
      const failure = await failureFrom(executing(core));
      assert.equal(failure.reason, reason);
      assert.equal(failure.filed, reason === 'internal' ? undefined : code);
      assert.deepEqual([core.graph.acts.length, (await core.newest()).status], [0, 'approved_in_intune']);
    });
  }

  const certain: Failure[] = [
    { reason: 'graph_throttled', graph: trace('g'), retryAfterMs: null },
    { reason: 'graph_unavailable', graph: trace('g'), retryAfterMs: null, cause: 'no connection' },
    { reason: 'graph_forbidden', graph: trace('g') },
    { reason: 'graph_token_rejected', graph: trace('g'), tenantId },
    { reason: 'claims_required', claims: '{}', tenantId },
    { reason: 'not_sent_in_time', cause: 'late', retryAfter: 1 },
    { reason: 'disconnect_disabled', because: 'frozen' },
    recordDown,
  ];
  for (const failure of certain) {
    test(`${failure.reason}: certainly not carried out, so it is approved as before, and executed again`, async () => {
      const core = coreScene();
      await approveInIntune(core);
      core.graph.answers.push(fails(failure), fails(failure), fails(failure));
      assert.deepEqual(await failureFrom(executing(core)), { ...failure, filed: code });
      const operation = await core.newest();
      assert.deepEqual([operation.status, operation.intuneApproval?.code], ['approved_in_intune', code]);
      assert.equal(
        operation.explanation,
        `It was not carried out (${failure.reason}). The request ${code} is still filed and approved in Intune.`,
      );
      const graphRequestId = 'graph' in failure ? 'g' : null;
      assert.deepEqual([operation.graphRequestId, operation.concludedFrom], [graphRequestId, 'answer']);
      assert.equal(core.story().at(-1), `outcome sent → approved_in_intune ${failure.reason}`);
      const first = await asking(core);
      assert.deepEqual([first.outcome.status, first.replayed], ['awaiting_intune_approval', true]);
      core.graph.answers.length = 0;
      core.graph.acts.length = 0;
      assert.equal((await executing(core)).outcome.status, 'accepted');
      assert.deepEqual(
        core.graph.acts.map(({ proof }) => proof),
        [{ code }],
      );
    });
  }

  const other = 'c0de0000-0000-4000-8000-000000000002';
  const notTaken = new RegExp(`did not take the approval code ${code}, and`);
  const uncertain: [string, () => never, RegExp][] = [
    ['a lost answer', fails(noAnswer), /^No usable answer came back, and/],
    ['a defect of ours', breaks, /^No usable answer came back, and/],
    [
      'filed again',
      fails(filedAs(other)),
      new RegExp(`did not take.*${code} and filed another request \\(${other}\\), and`),
    ],
    [
      'filed again, without a code',
      fails(filedAs(null)),
      new RegExp(`did not take the approval code ${code}, and`),
    ],
    ['a justification demanded', fails(required), notTaken],
    ['one is pending', fails({ reason: 'intune_approval_pending', graph: trace() }), notTaken],
    ['rejected', fails({ reason: 'graph_rejected', graph: trace() }), notTaken],
    ['a conflict', fails({ reason: 'graph_conflict', graph: trace() }), notTaken],
    ['not found', fails({ reason: 'graph_not_found', graph: trace() }), notTaken],
  ];
  for (const [name, answer, explanation] of uncertain) {
    test(`${name}: unknown, and never a second act, whatever Intune says of the code`, async () => {
      const core = coreScene();
      const { id } = await approveInIntune(core);
      core.graph.answers.push(answer);
      const failure = await failureFrom(executing(core));
      assert.ok(failure.reason === 'outcome_unknown');
      assert.equal(failure.operationId, id);
      if (explanation === notTaken) assert.match(failure.cause, /^(intune|graph)_/);
      const operation = await core.newest();
      assert.deepEqual([operation.status, operation.concludedFrom], ['unknown', null]);
      assert.equal(failure.graph.requestId, operation.graphRequestId);
      assert.match(operation.explanation ?? '', explanation);
      assert.doesNotMatch(operation.explanation ?? '', /othing was done/);
      assert.equal((await watching(core)).operation.status, 'unknown', 'approved is no reason to send again');
      assert.deepEqual(await failureFrom(executing(core)), {
        reason: 'operation_not_allowed',
        operationId: id,
        status: 'unknown',
      });
      core.advance(2 * day);
      assert.equal((await watching(core)).operation.status, 'unknown');
      assert.equal(core.graph.acts.length, 1);
      core.graph.approvals.set(code, 'completed');
      assert.equal((await watching(core)).operation.status, 'accepted');
    });
  }

  test('a lost answer, and the connection shows it: accepted', async () => {
    const core = coreScene();
    await approveInIntune(core);
    core.graph.answers.push(() => {
      show(core, 'offboarding');
      return fails(noAnswer)();
    });
    const { outcome, operation } = await executing(core);
    assert.deepEqual([outcome.status, operation.concludedFrom], ['accepted', 'reading']);
  });

  test('the process ended after the attempt: unknown, and only Intune’s word or the connection settle it', async () => {
    const core = coreScene();
    await approveInIntune(core);
    core.after('move', () => core.before('move', fails(recordDown)));
    core.graph.answers.push(fails(noAnswer));
    await failureFrom(executing(core));
    core.advance(timing.leaseMs);
    await sweep(core.dependencies);
    assert.equal((await core.newest()).status, 'unknown');
    assert.equal((await watching(core)).operation.status, 'unknown');
    assert.equal((await failureFrom(executing(core))).reason, 'operation_not_allowed');
    core.graph.approvals.set(code, 'expired');
    assert.equal((await watching(core)).operation.status, 'expired');
  });

  test('the attempt was not confirmed: not sent, and approved as before', async () => {
    const core = coreScene();
    await approveInIntune(core);
    core.after('move', fails(recordDown));
    assert.deepEqual(await failureFrom(executing(core)), { ...recordDown, filed: code });
    assert.deepEqual([core.graph.acts.length, (await core.newest()).status], [0, 'sent']);
    for (const { write } of core.backlog) await write();
    const { status, explanation } = await core.newest();
    assert.deepEqual(
      [status, core.backlog.map(({ entry }) => entry.kind)],
      ['approved_in_intune', ['unsent']],
    );
    assert.ok(explanation?.includes(code));
    assert.equal((await asking(core)).replayed, true, 'its key is kept');
    assert.equal((await executing(core)).outcome.status, 'accepted');
  });

  test('two at once: one act', async () => {
    const core = coreScene();
    const { id } = await approveInIntune(core);
    core.before('move', async () => void (await executing(core)));
    assert.deepEqual(await failureFrom(executing(core)), {
      reason: 'operation_not_allowed',
      operationId: id,
      status: 'accepted',
    });
    assert.equal(core.graph.acts.length, 1);
  });

  test('a second person here, and then Intune', async () => {
    const core = coreScene();
    core.demand({ approvalRequired: true });
    const { operation } = await asking(core);
    await decide(core.dependencies, core.call('second'), 'approve', async () => ({
      operationId: operation.id,
      reason: 'agreed',
      asSeen: () => true,
    }));
    core.advance(timing.approvalMs - 1);
    core.graph.answers.push(fails(required), fails(filedAs(code)));
    assert.equal((await executing(core)).outcome.status, 'awaiting_intune_approval');
    core.graph.approvals.set(code, 'approved');
    core.advance(2 * day);
    assert.equal((await executing(core)).outcome.status, 'accepted');
    assert.deepEqual(core.story(), [
      'move start → awaiting_approval',
      'move awaiting_approval → approved',
      'attempt approved → sent',
      'outcome sent → awaiting_intune_approval',
      'move awaiting_intune_approval → approved_in_intune',
      'attempt approved_in_intune → sent',
      'outcome sent → accepted',
    ]);
    assert.equal((await asking(core)).outcome.status, 'awaiting_approval', 'the first answer');
  });
});
