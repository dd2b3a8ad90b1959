import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { deadlineAt } from '../../../src/core/deadline.ts';
import { type Failure, noTrace } from '../../../src/core/failure.ts';
import {
  intuneApprovalMs,
  justificationOf,
  outcomeOfIntuneStatus,
} from '../../../src/core/operation/intune-approval.ts';
import { disconnect } from '../../../src/core/use-cases/disconnect.ts';
import { sweep } from '../../../src/core/use-cases/sweep.ts';
import {
  breaks,
  type CoreScene,
  connected,
  coreScene,
  fails,
  failureFrom,
  plainRequest,
  recordDown,
  tenantId,
  timing,
  trace,
} from '../../support/core.ts';
import { noAnswer } from '../../support/holders.ts';
import { asking, code, day, filedAs, required, wanted, watching } from '../../support/intune.ts';

const justification = { justification: 'it is time\nTicket: CHG-1' };
const proofs = (core: CoreScene) => core.graph.acts.map(({ proof }) => proof);
const throttled: Failure = { reason: 'graph_throttled', graph: trace('graph-429'), retryAfterMs: 1000 };

describe('an act that Intune demands a justification for', () => {
  test('is sent once more with reason and ticket, and waits where a request was filed', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(required), fails(filedAs(code)));
    const call = core.call();
    const { outcome, operation, requestId, replayed } = await asking(core, call);
    assert.deepEqual(proofs(core), [null, justification]);
    assert.deepEqual(
      core.graph.acts.map((act) => act.requestId),
      [call.requestId, call.requestId],
    );
    const explanation = `Intune filed a request for approval (${code}). Whoever completes it in Intune carries the disconnect out.`;
    assert.deepEqual(outcome, {
      status: 'awaiting_intune_approval',
      value: null,
      concludedFrom: 'intune_approval',
      explanation,
      graphRequestId: 'graph-412',
      approvalCode: code,
      reported: true,
    });
    assert.deepEqual([requestId, replayed], [call.requestId, false]);
    const filedAt = operation.movedAt;
    assert.deepEqual(operation.intuneApproval, { code, filedAt });
    assert.equal(operation.expiresAt, new Date(Date.parse(filedAt) + 3 * day).toISOString());
    assert.deepEqual(
      [operation.status, operation.concludedFrom, operation.explanation, operation.graphRequestId],
      ['awaiting_intune_approval', 'intune_approval', explanation, 'graph-412'],
    );
    assert.deepEqual(core.story(), ['attempt start → sent', 'outcome sent → awaiting_intune_approval']);
    assert.deepEqual(
      [core.trail.at(-1)?.explanation, core.trail.at(-1)?.result],
      [explanation, 'awaiting_intune_approval'],
    );
    assert.equal(core.graph.lists.length, 1, 'nothing to read back');
  });

  test('a repetition hears the same, and another call that it is under way', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(required), fails(filedAs(code)));
    const first = await asking(core);
    const again = await asking(core);
    assert.deepEqual(
      [again.outcome, again.requestId, again.replayed],
      [first.outcome, first.requestId, true],
    );
    for (const supersedes of [null, first.operation.id]) {
      const other = disconnect(core.dependencies, core.call('second'), async () => ({
        ...plainRequest,
        supersedes,
      }));
      assert.deepEqual(await failureFrom(other), {
        reason: 'operation_in_progress',
        operationId: first.operation.id,
      });
    }
    assert.equal(core.graph.acts.length, 2);
  });

  test('the first answer may file a request, too', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(filedAs(code)));
    assert.equal((await asking(core)).outcome.status, 'awaiting_intune_approval');
    assert.deepEqual(proofs(core), [null]);
  });

  test('it may be accepted with the justification', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(required));
    assert.equal((await asking(core)).outcome.status, 'accepted');
    const { intuneApproval, mayBeFiled } = await core.newest();
    assert.deepEqual([intuneApproval, mayBeFiled], [null, true]);
  });

  test('never: it is not sent again, and nothing was done', async () => {
    const core = coreScene();
    core.demand({ intuneApproval: 'never' });
    core.graph.answers.push(fails(required));
    assert.deepEqual(await failureFrom(asking(core)), required);
    const { status, explanation, mayBeFiled } = await core.newest();
    assert.deepEqual([status, explanation, mayBeFiled], ['failed', 'Nothing was done.', false]);
    assert.deepEqual(proofs(core), [null]);
  });

  test('demanded again although it was there: once, and nothing was done', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(required), fails(required));
    assert.deepEqual(await failureFrom(asking(core)), required);
    assert.deepEqual([(await core.newest()).status, proofs(core)], ['failed', [null, justification]]);
    assert.equal((await asking(core)).replayed, false, 'the key is free');
  });

  test('another one is pending: this call did nothing, and the key is free', async () => {
    const core = coreScene();
    const pending: Failure = { reason: 'intune_approval_pending', graph: trace() };
    core.graph.answers.push(fails(required), fails(pending));
    assert.deepEqual(await failureFrom(asking(core)), pending);
    const operation = await core.newest();
    assert.deepEqual(
      [operation.status, operation.explanation],
      [
        'failed',
        'Nothing was done by this call. An earlier request for the same is waiting for approval in Intune.',
      ],
    );
    assert.equal((await asking(core)).replayed, false);
  });

  test('the second sending is tried again as any other, with the justification, and twice at most', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(throttled), fails(required), fails(throttled), fails(throttled));
    assert.deepEqual(await failureFrom(asking(core)), throttled);
    assert.deepEqual(proofs(core), [null, null, justification, justification]);
    assert.deepEqual(core.pauses, [1000, 1000]);
    assert.equal((await core.newest()).status, 'failed');
  });

  test('there is not time enough for it: it is not sent', async () => {
    const core = coreScene();
    core.graph.answers.push(() => {
      core.advance(timing.graphTimeoutMs);
      return fails(required)();
    });
    const deadline = deadlineAt(core.now() + timing.graphTimeoutMs + 8000 + 1000, core.now);
    assert.equal(
      (await failureFrom(asking(core, core.call('admin', { deadline })))).reason,
      'not_sent_in_time',
    );
    assert.deepEqual([proofs(core), (await core.newest()).status], [[null], 'failed']);
  });

  test('it goes through the same permission, which says that it may be filed', async () => {
    const core = coreScene();
    const permissions: unknown[] = [];
    const { permitSending } = core.dependencies.operations;
    const operations = {
      ...core.dependencies.operations,
      permitSending: (...asked: Parameters<typeof permitSending>) => {
        permissions.push(asked[1]);
        return permitSending(...asked);
      },
    };
    core.graph.answers.push(() => {
      core.switchOff(tenantId, 'frozen');
      return fails(required)();
    });
    const call = disconnect({ ...core.dependencies, operations }, core.call(), async () => wanted);
    assert.deepEqual(await failureFrom(call), { reason: 'disconnect_disabled', because: 'frozen' });
    const neededMs = timing.graphTimeoutMs;
    assert.deepEqual(permissions, [
      { neededMs, mayBeFiled: false },
      { neededMs, mayBeFiled: true },
    ]);
    const { status, mayBeFiled } = await core.newest();
    assert.deepEqual([proofs(core), status, mayBeFiled], [[null], 'failed', false]);
  });
});

describe('a request that may be filed, of which nobody knows the code', () => {
  for (const [name, answer] of [
    ['the answer was lost', fails(noAnswer)],
    ['a defect of ours', breaks],
    ['no code that can be read', fails(filedAs(null))],
  ] as const) {
    test(`${name}: unknown for three days, whatever the connection does not show`, async () => {
      const core = coreScene();
      core.graph.answers.push(fails(required), answer);
      const failure = await failureFrom(asking(core));
      assert.ok(['outcome_unknown', 'intune_approval_filed'].includes(failure.reason));
      const operation = await core.newest();
      assert.equal(operation.status, 'unknown');
      assert.doesNotMatch(operation.explanation ?? '', /othing was done/);
      assert.equal((await failureFrom(asking(core))).reason, failure.reason, 'a repetition');
      core.advance(intuneApprovalMs + timing.settleAfterMs - 2 * timing.watchEveryMs);
      assert.equal((await watching(core)).operation.status, 'unknown');
      core.advance(timing.watchEveryMs);
      assert.equal((await watching(core)).operation.status, 'failed');
    });
  }

  test('completed in Intune, it is told as done', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(required), fails(filedAs(null)));
    const failure = await failureFrom(asking(core));
    const { id } = await core.newest();
    assert.deepEqual(failure, { ...filedAs(null), operationId: id });
    const kept = await core.operations.findByKey({ oid: 'admin', tenantId }, 'key');
    assert.deepEqual(kept?.answer, {
      status: 'unknown',
      value: null,
      concludedFrom: 'intune_approval',
      explanation:
        'Intune filed a request for approval, and gave no code that can be read. Whoever completes it in Intune carries the disconnect out.',
      graphRequestId: 'graph-412',
      reported: false,
      requestId: kept?.operation.requestId,
    });
    assert.deepEqual(await failureFrom(asking(core)), {
      ...filedAs(null),
      operationId: id,
      replayOf: kept?.operation.requestId,
      graph: { ...noTrace, requestId: 'graph-412' },
    });
    core.graph.members = [];
    assert.equal((await watching(core)).operation.status, 'completed');
  });

  test('the process ended before it: nobody speaks of a request', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(noAnswer));
    core.after('open', () => core.before('move', fails(recordDown)));
    await failureFrom(asking(core));
    core.advance(timing.leaseMs);
    await sweep(core.dependencies);
    assert.match((await core.newest()).explanation ?? '', /may have stopped before or after Graph acted\.$/);
  });

  test('the process ended after the permission: unknown, and it says that a request may be filed', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(required), fails(noAnswer));
    core.after('open', () => core.before('move', fails(recordDown)));
    await failureFrom(asking(core));
    core.advance(timing.leaseMs);
    assert.equal(await sweep(core.dependencies), 1);
    const { status, explanation } = await core.newest();
    assert.equal(status, 'unknown');
    assert.match(explanation ?? '', /may have stopped.*Intune may keep a request for approval of it\.$/);
    core.advance(3 * day);
    assert.equal((await watching(core)).operation.status, 'unknown');
  });
});

describe('the record of a filed request', () => {
  test('after the lease has ended: from unknown to where it waits, with its code', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(required), async () => {
      core.advance(timing.leaseMs);
      await sweep(core.dependencies);
      return fails(filedAs(code))();
    });
    const { outcome, operation } = await asking(core);
    assert.equal(outcome.status, 'awaiting_intune_approval');
    assert.deepEqual(
      [operation.status, operation.intuneApproval?.code, operation.concludedFrom],
      ['awaiting_intune_approval', code, 'intune_approval'],
    );
    assert.deepEqual(core.story(), [
      'attempt start → sent',
      'outcome sent → unknown',
      'move unknown → awaiting_intune_approval',
    ]);
    assert.equal((await asking(core)).outcome.status, 'awaiting_intune_approval', 'a repetition');
  });

  test('after another one took over: it moves no more, and the trail has the code', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(required), async () => {
      core.advance(timing.leaseMs);
      await sweep(core.dependencies);
      const over = { ...plainRequest, supersedes: (await core.newest()).id };
      await disconnect(core.dependencies, core.call('second'), async () => over);
      return fails(filedAs(code))();
    });
    const { outcome, operation } = await asking(core);
    assert.equal(outcome.status, 'awaiting_intune_approval', 'the caller hears the code');
    assert.deepEqual([operation.status, operation.intuneApproval], ['unknown', null]);
    assert.equal(operation.supersededBy, (await core.newest()).id);
    const last = core.trail.at(-1);
    assert.deepEqual(
      [last?.event, last?.result, last?.move, last?.operationId],
      ['outcome', 'awaiting_intune_approval', null, operation.id],
    );
    assert.ok(last?.explanation?.includes(code));
  });

  test('the database is away: the caller hears it all the same, and it is written when it is back', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(required), fails(filedAs(code)));
    core.after('open', () => core.before('move', fails(recordDown)));
    const { outcome, operation } = await asking(core);
    assert.deepEqual(
      [outcome.status, outcome.approvalCode, operation.status, operation.expiresAt],
      ['awaiting_intune_approval', code, 'sent', null],
    );
    const [waiting] = core.backlog;
    assert.ok(waiting?.entry.event.explanation?.includes(code));
    await waiting?.write();
    assert.deepEqual((await core.newest()).intuneApproval?.code, code);
  });
});

describe('what Intune is told and says', () => {
  for (const [reason, ticket, said] of [
    ['why', 'CHG-1', 'why\nTicket: CHG-1'],
    ['why', null, 'why'],
    [null, 'CHG-1', 'Ticket: CHG-1'],
    [null, null, 'Disconnect the ChromeOS connector.'],
    ['  ', null, 'Disconnect the ChromeOS connector.'],
  ] as const) {
    test(`the justification of ${reason} and ${ticket}`, () => {
      assert.equal(justificationOf({ reason, ticket }), said);
    });
  }

  const intuneApproval = { code, filedAt: '' };
  const words: Record<string, [string | null, string | null, string | null]> = {
    needsApproval: [null, null, null],
    approved: ['approved_in_intune', null, null],
    completed: ['accepted', 'accepted', 'accepted'],
    rejected: ['rejected', 'rejected', 'rejected'],
    cancelled: ['withdrawn', 'withdrawn', 'withdrawn'],
    expired: ['expired', 'expired', 'expired'],
  };
  const statuses = ['awaiting_intune_approval', 'approved_in_intune', 'unknown'] as const;
  for (const [word, expected] of Object.entries(words)) {
    test(`${word}: ${expected.join(', ')}`, () => {
      statuses.forEach((status, index) => {
        const outcome = outcomeOfIntuneStatus({ status, intuneApproval }, word);
        assert.equal(outcome?.status ?? null, expected[index]);
        if (outcome === null) return;
        const { explanation, ...rest } = outcome;
        assert.ok(explanation?.includes(code) && explanation.includes('in Intune'));
        const { status: _, ...told } = rest;
        assert.deepEqual(told, {
          value: null,
          concludedFrom: 'intune_approval',
          graphRequestId: null,
          reported: true,
        });
      });
    });
  }

  test('any other word says nothing, and no word nothing either', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...statuses), (word, status) => {
        if (word in words) return;
        assert.equal(outcomeOfIntuneStatus({ status, intuneApproval }, word), null);
      }),
    );
    for (const status of statuses) {
      assert.equal(outcomeOfIntuneStatus({ status, intuneApproval }, null), null);
      assert.equal(outcomeOfIntuneStatus({ status, intuneApproval: null }, 'completed'), null);
    }
  });

  test('another connection is another matter', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(required), fails(filedAs(code)));
    await asking(core);
    for (const members of [[], [{ ...connected, id: 'connection-2' }]]) {
      core.graph.members = members;
      assert.equal((await watching(core)).operation.status, 'awaiting_intune_approval');
    }
  });
});
