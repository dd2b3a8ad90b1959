import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Failure } from '../../../src/core/failure.ts';
import { settle } from '../../../src/core/operation/move.ts';
import { disconnect } from '../../../src/core/use-cases/disconnect.ts';
import { sweep } from '../../../src/core/use-cases/sweep.ts';
import {
  breaks,
  type CoreScene,
  coreScene,
  fails,
  failureFrom,
  person,
  plainRequest,
  recordDown,
  show,
  type TestCall,
  timing,
  trace,
  withKey,
} from '../../support/core.ts';
import { noAnswer } from '../../support/holders.ts';

const throttled = (retryAfterMs: number | null = null): Failure => ({
  reason: 'graph_throttled',
  graph: trace('graph-429'),
  retryAfterMs,
});
const unavailable: Failure = {
  reason: 'graph_unavailable',
  graph: trace('graph-503'),
  retryAfterMs: 2000,
  cause: '503',
};

const disconnecting = (core: CoreScene, call: TestCall = core.call(), request = withKey('key')) =>
  disconnect(core.dependencies, call, async () => request);

const answers = (value: string) => () => ({ value, graph: trace() });

/** What a second call with the same key is told; nothing is sent for it. */
async function repetition(core: CoreScene): Promise<unknown> {
  const acts = core.graph.acts.length;
  try {
    const { outcome, replayed } = await disconnecting(core);
    return { told: outcome.status, replayed };
  } catch (error) {
    return (error as { failure: Failure }).failure.reason;
  } finally {
    assert.equal(core.graph.acts.length, acts, 'sent again');
  }
}

describe('what Graph answers', () => {
  for (const value of ['inprogress', 'offboarding']) {
    test(`${value}: it took it on`, async () => {
      const core = coreScene();
      core.graph.answers.push(answers(value));
      const call = core.call();
      const reply = await disconnecting(core, call);
      assert.deepEqual(reply.outcome, {
        status: 'accepted',
        value,
        concludedFrom: 'answer',
        explanation: null,
        graphRequestId: 'graph-1',
        reported: true,
      });
      assert.deepEqual([reply.requestId, reply.replayed], [call.requestId, false]);
      const { operation } = reply;
      assert.deepEqual(
        [operation.status, operation.value, operation.graphRequestId],
        ['accepted', value, 'graph-1'],
      );
      assert.deepEqual(core.story(), ['attempt start → sent', 'outcome sent → accepted']);
      assert.deepEqual(core.graph.lists.length, 1, 'nothing to read back');
      assert.equal(call.annotations.operationId, operation.id);
    });
  }

  test('the attempt is on record before Graph hears of it, under the same id', async () => {
    const core = coreScene();
    const call = core.call();
    const before: string[] = [];
    core.graph.answers.push(() => {
      before.push(...core.story());
      return answers('inprogress')();
    });
    const { operation } = await disconnecting(core, call);
    assert.deepEqual(before, ['attempt start → sent']);
    const [act] = core.graph.acts;
    assert.deepEqual(
      [act?.requestId, act?.tenantId, act?.token.reveal()],
      [operation.requestId, operation.tenantId, 'token of admin'],
    );
    assert.equal(operation.requestId, call.requestId);
  });

  test('failed: answered as a result, and kept for a repetition', async () => {
    const core = coreScene();
    core.graph.answers.push(answers('failed'));
    const { outcome, operation } = await disconnecting(core);
    assert.deepEqual(
      [outcome.status, outcome.value, outcome.reported, outcome.explanation, outcome.concludedFrom],
      ['failed', 'failed', true, 'Graph answered that it failed.', 'answer'],
    );
    assert.equal(operation.status, 'failed');
    assert.equal(core.trail.at(-1)?.failure, null);
    assert.deepEqual(await repetition(core), { told: 'failed', replayed: true });
  });

  for (const value of ['onboarded', 'unknown', 'unknownFutureValue', 'aNewWord']) {
    test(`${value}: the connection decides; it does not show it`, async () => {
      const core = coreScene();
      core.graph.answers.push(answers(value));
      const { outcome, operation } = await disconnecting(core);
      assert.deepEqual(outcome, {
        status: 'unknown',
        value,
        concludedFrom: 'answer',
        explanation: `Graph answered ${value}, and the connection does not show whether it was done.`,
        graphRequestId: 'graph-1',
        reported: true,
      });
      assert.equal(operation.status, 'unknown');
      assert.deepEqual(await repetition(core), { told: 'unknown', replayed: true });
    });

    test(`${value}: the connection decides; it is gone`, async () => {
      const core = coreScene();
      core.graph.answers.push(() => {
        core.graph.members = [];
        return answers(value)();
      });
      const { outcome } = await disconnecting(core);
      assert.deepEqual(
        [outcome.status, outcome.value, outcome.concludedFrom, outcome.graphRequestId, outcome.explanation],
        ['accepted', value, 'reading', 'graph-1', 'The connection is gone.'],
      );
    });
  }
});

describe('no usable answer', () => {
  const lost: [string, () => never, string | null, string][] = [
    ['a lost answer', fails(noAnswer), 'graph-lost', 'reset'],
    ['a defect of ours while sending', breaks, null, 'TypeError: a defect'],
  ];
  for (const [name, answer, graphRequestId, cause] of lost) {
    test(`${name}: unknown, told as a problem, and never sent again under its key`, async () => {
      const core = coreScene();
      core.graph.answers.push(answer);
      const failure = await failureFrom(disconnecting(core));
      const operation = await core.newest();
      assert.ok(failure.reason === 'outcome_unknown');
      assert.deepEqual([failure.operationId, failure.cause], [operation.id, cause]);
      assert.equal(failure.graph.requestId, graphRequestId);
      assert.deepEqual(
        [operation.status, operation.graphRequestId, operation.value, operation.concludedFrom],
        ['unknown', graphRequestId, null, null],
      );
      assert.equal(
        operation.explanation,
        'No usable answer came back, and the connection does not show whether it was done.',
      );
      assert.deepEqual(core.story(), ['attempt start → sent', 'outcome sent → unknown outcome_unknown']);
      const { explanation, requestId } = operation;
      const kept = await core.operations.findByKey(person('admin'), 'key');
      assert.deepEqual(kept?.answer, {
        ...{ status: 'unknown', value: null, concludedFrom: null, explanation },
        ...{ graphRequestId, reported: false, requestId },
      });
      assert.equal(core.graph.acts.length, 1);
      assert.equal(await repetition(core), 'outcome_unknown');
    });

    for (const [shown, explanation] of [
      ['offboarding', 'The connection turned from onboarded to offboarding.'],
      ['inprogress', 'The connection turned from onboarded to inprogress.'],
      [null, 'The connection is gone.'],
    ] as const) {
      test(`${name}, and the connection is ${shown ?? 'gone'}: accepted`, async () => {
        const core = coreScene();
        core.graph.answers.push(() => {
          if (shown === null) core.graph.members = [];
          else show(core, shown);
          return answer();
        });
        const { outcome, operation } = await disconnecting(core);
        assert.deepEqual(outcome, {
          status: 'accepted',
          value: shown,
          concludedFrom: 'reading',
          explanation,
          graphRequestId,
          reported: true,
        });
        assert.equal(operation.status, 'accepted');
        assert.deepEqual(core.story().at(-1), 'outcome sent → accepted');
        assert.deepEqual(await repetition(core), { told: 'accepted', replayed: true });
      });
    }
  }

  for (const shown of ['onboarded', 'failed', 'aNewWord']) {
    test(`the connection is ${shown}: proves nothing yet`, async () => {
      const core = coreScene();
      core.graph.answers.push(() => {
        show(core, shown);
        return fails(noAnswer)();
      });
      assert.equal((await failureFrom(disconnecting(core))).reason, 'outcome_unknown');
    });
  }

  test('it was disconnecting before: its state proves nothing', async () => {
    const core = coreScene();
    show(core, 'offboarding');
    core.graph.answers.push(fails(noAnswer));
    assert.equal((await failureFrom(disconnecting(core))).reason, 'outcome_unknown');
  });

  test('the read-back has an id of its own, the tenant and token of the act, and leaves time to record', async () => {
    const core = coreScene();
    core.graph.answers.push(() => {
      core.advance(20_000);
      return fails(noAnswer)();
    });
    const call = core.call();
    await failureFrom(disconnecting(core, call));
    const [before, back] = core.graph.lists;
    assert.ok(back !== undefined && before !== undefined);
    assert.ok(back.requestId);
    assert.equal(new Set([before.requestId, back.requestId, call.requestId]).size, 3);
    assert.deepEqual([back.tenantId, back.token.reveal()], ['contoso', 'token of admin']);
    assert.equal(back.deadline.leftMs(), call.deadline.leftMs() - timing.recordMs);
  });

  for (const [name, trouble] of [
    ['graph_forbidden', fails({ reason: 'graph_forbidden', graph: trace() })],
    ['internal', breaks],
  ] as const) {
    test(`the read-back fails with ${name}: unknown, and the log says so`, async () => {
      const core = coreScene();
      core.graph.answers.push(() => {
        core.before('list', trouble);
        return fails(noAnswer)();
      });
      const call = core.call();
      assert.equal((await failureFrom(disconnecting(core, call))).reason, 'outcome_unknown');
      assert.equal(call.annotations.readBackFailed?.reason, name);
    });
  }

  test('a read-back that shows nothing has not failed', async () => {
    const core = coreScene();
    core.graph.answers.push(fails(noAnswer));
    const call = core.call();
    await failureFrom(disconnecting(core, call));
    assert.ok(!('readBackFailed' in call.annotations));
  });
});

describe('certainly not done', () => {
  const certain: Failure[] = [
    { reason: 'graph_token_rejected', graph: trace('graph-9'), tenantId: 'contoso' },
    { reason: 'graph_forbidden', graph: trace('graph-9') },
    { reason: 'graph_not_found', graph: trace('graph-9') },
    { reason: 'graph_conflict', graph: trace('graph-9') },
    { reason: 'graph_rejected', graph: trace('graph-9') },
    { reason: 'claims_required', claims: '{}', tenantId: 'contoso' },
  ];
  for (const failure of certain) {
    test(`${failure.reason}: failed, told as it is, sent once, and the key is free`, async () => {
      const core = coreScene();
      core.graph.answers.push(fails(failure));
      assert.deepEqual(await failureFrom(disconnecting(core)), failure);
      const operation = await core.newest();
      assert.deepEqual(
        [operation.status, operation.concludedFrom, operation.explanation, operation.value],
        ['failed', 'answer', 'Nothing was done.', null],
      );
      assert.equal(operation.graphRequestId, 'graph' in failure ? 'graph-9' : null);
      assert.deepEqual(core.story(), ['attempt start → sent', `outcome sent → failed ${failure.reason}`]);
      assert.deepEqual([core.graph.acts.length, core.pauses, core.graph.lists.length], [1, [], 1]);
      assert.equal((await disconnecting(core)).replayed, false);
      assert.equal(core.graph.acts.length, 2);
    });
  }
});

describe('another try', () => {
  for (const failure of [throttled(), unavailable]) {
    test(`${failure.reason}: under the attempt's own id, twice at most`, async () => {
      const core = coreScene();
      core.graph.answers.push(fails(failure), fails(failure), fails(failure), answers('inprogress'));
      const call = core.call();
      assert.deepEqual(await failureFrom(disconnecting(core, call)), failure);
      assert.deepEqual(
        core.graph.acts.map(({ requestId }) => requestId),
        [call.requestId, call.requestId, call.requestId],
      );
      assert.deepEqual(core.story().at(-1), `outcome sent → failed ${failure.reason}`);
    });

    test(`${failure.reason}, then it is taken on`, async () => {
      const core = coreScene();
      core.graph.answers.push(fails(failure), fails(failure));
      assert.equal((await disconnecting(core)).outcome.status, 'accepted');
      assert.equal(core.graph.acts.length, 3);
    });
  }

  const waits: [string, number | null, number[]][] = [
    ['nothing was asked for', null, [1000, 2000]],
    ['at once was asked for: a second all the same', 0, [1000, 1000]],
    ['seven seconds were asked for', 7000, [7000, 7000]],
  ];
  for (const [name, askedMs, expected] of waits) {
    test(name, async () => {
      const core = coreScene();
      core.graph.answers.push(fails(throttled(askedMs)), fails(throttled(askedMs)));
      await disconnecting(core);
      assert.deepEqual(core.pauses, expected);
    });
  }

  // What has to come after an act: reading back for at most five seconds, and the record.
  const afterActMs = 5000 + timing.recordMs;
  const latestRetryMs = timing.answerMs - afterActMs - timing.graphTimeoutMs;

  test('only while Graph has the time to answer and we to record it: to the millisecond', async () => {
    for (const [waitMs, tries] of [
      [latestRetryMs, 2],
      [latestRetryMs + 1, 1],
    ] as const) {
      const core = coreScene();
      core.graph.answers.push(fails(throttled(waitMs)));
      const ended = await disconnecting(core).then(
        ({ outcome }) => outcome.status,
        ({ failure }) => failure.reason,
      );
      assert.deepEqual(
        [ended, core.graph.acts.length],
        [tries === 2 ? 'accepted' : 'graph_throttled', tries],
      );
      assert.equal(core.pauses.length, tries - 1);
    }
  });

  test('too little time from the start: nothing is sent, to the millisecond', async () => {
    for (const [elapsedMs, sent] of [
      [latestRetryMs, 1],
      [latestRetryMs + 1, 0],
    ] as const) {
      const core = coreScene();
      core.after('open', () => core.advance(elapsedMs));
      const ended = await disconnecting(core).then(
        ({ outcome }) => outcome.status,
        ({ failure }) => failure,
      );
      assert.equal(core.graph.acts.length, sent);
      if (sent === 1) assert.equal(ended, 'accepted');
      else {
        assert.deepEqual(ended, {
          reason: 'not_sent_in_time',
          cause: 'the time for this call would be up before Graph could answer',
          retryAfter: 1,
        });
        assert.equal((await core.newest()).status, 'failed');
        assert.ok(!core.asked.includes('disconnect'));
      }
    }
  });

  test('the act is to end in time for what comes after it', async () => {
    const core = coreScene();
    const call = core.call();
    await disconnecting(core, call);
    assert.equal(core.graph.acts[0]?.deadline.leftMs(), timing.answerMs - afterActMs);
  });

  test('where Graph has less than five seconds, so has the read-back', async () => {
    const core = coreScene();
    const dependencies = { ...core.dependencies, timing: { ...timing, graphTimeoutMs: 4000 } };
    await disconnect(dependencies, core.call(), async () => plainRequest);
    assert.equal(core.graph.acts[0]?.deadline.leftMs(), timing.answerMs - 4000 - timing.recordMs);
  });
});

describe('permission to send', () => {
  const notSent = (cause: string): Failure => ({ reason: 'not_sent_in_time', cause, retryAfter: 1 });
  const leaseEnded = notSent('the lease on the slot has ended, or would end before Graph could answer');

  const refusals: [string, (core: CoreScene) => void, Failure][] = [
    [
      'switched off meanwhile',
      (core) => core.switchOff('contoso', 'frozen'),
      { reason: 'disconnect_disabled', because: 'frozen' },
    ],
    [
      'a lease that would end before Graph could',
      (core) => core.advance(timing.leaseMs - timing.graphTimeoutMs),
      leaseEnded,
    ],
    [
      'a permission that comes late',
      (core) => core.after('permitSending', () => core.advance(1001)),
      notSent('the permission to send came too late'),
    ],
    ['no database', (core) => core.before('permitSending', fails(recordDown)), recordDown],
  ];
  for (const [name, happens, failure] of refusals) {
    test(`${name}: Graph hears nothing`, async () => {
      const core = coreScene();
      core.before('disconnect', () => happens(core));
      assert.deepEqual(await failureFrom(disconnecting(core)), failure);
      assert.deepEqual([core.graph.acts, core.pauses], [[], []]);
      assert.deepEqual(core.story(), ['attempt start → sent', `outcome sent → failed ${failure.reason}`]);
      core.switchOn('contoso');
      assert.equal((await disconnecting(core)).outcome.status, 'accepted', 'the key is free');
    });

    test(`${name}, before another try: Graph hears nothing more`, async () => {
      const core = coreScene();
      core.graph.answers.push(() => {
        core.before('disconnect', () => happens(core));
        return fails(throttled())();
      });
      assert.deepEqual(await failureFrom(disconnecting(core)), failure);
      assert.equal(core.graph.acts.length, 1);
    });
  }

  test('a permission that is a second old is used; the lease must outlast the answer', async () => {
    const core = coreScene();
    core.after('permitSending', () => core.advance(1000));
    core.before('disconnect', () => core.advance(timing.leaseMs - timing.graphTimeoutMs - 1));
    assert.equal((await disconnecting(core)).outcome.status, 'accepted');
  });

  test('another ended it meanwhile: Graph hears nothing, and the operation is shown as it is', async () => {
    const core = coreScene();
    core.before('disconnect', async () => {
      const { id, tenantId, status, requestId } = await core.newest();
      const event = { ...(core.trail[0] ?? assert.fail()), id: 'another' };
      await core.operations.endUnsent({
        operation: { id, tenantId, status, requestId },
        to: 'failed',
        change: { explanation: 'ended', answer: null },
        ends: true,
        event,
      });
    });
    assert.deepEqual(await failureFrom(disconnecting(core)), leaseEnded);
    assert.deepEqual([core.graph.acts, (await core.newest()).explanation], [[], 'ended']);
  });
});

describe('the record of an outcome', () => {
  test('says how long the act took, and not what came before it', async () => {
    const core = coreScene();
    core.before('exchangeUncached', () => core.advance(300));
    core.graph.answers.push(() => {
      core.advance(1234.4);
      return answers('inprogress')();
    });
    await disconnecting(core);
    assert.deepEqual(
      core.trail.map(({ durationMs }) => durationMs),
      [null, 1234],
    );
  });

  test('a failed act took time as well; the operation says from sending to its end', async () => {
    const core = coreScene();
    core.graph.answers.push(() => {
      core.advance(777);
      return fails({ reason: 'graph_forbidden', graph: trace() })();
    });
    await failureFrom(disconnecting(core));
    assert.equal(core.trail.at(-1)?.durationMs, 777);
    assert.equal((await core.newest()).tookMs, 777);
  });

  test('cannot be written: the caller hears the truth, and the very same event is tried again', async () => {
    const core = coreScene();
    core.before('move', fails(recordDown));
    const call = core.call();
    const { outcome, operation } = await disconnecting(core, call);
    assert.deepEqual([outcome.status, outcome.value], ['accepted', 'inprogress']);
    assert.equal(call.annotations.outcomeUnrecorded, true);
    const [waiting, ...others] = core.backlog;
    assert.ok(waiting !== undefined && others.length === 0);
    const { entry, write } = waiting;
    assert.deepEqual(
      [entry.kind, entry.event.event, entry.event.operationId, entry.event.result, entry.event.value],
      ['outcome', 'outcome', operation.id, 'accepted', 'inprogress'],
    );
    assert.deepEqual(entry.failure, recordDown);
    assert.equal((await core.newest()).status, 'sent');
    await write();
    assert.equal((await core.newest()).status, 'accepted');
    assert.equal(core.trail.at(-1), entry.event);
    assert.deepEqual(await repetition(core), { told: 'accepted', replayed: true });
  });

  test('was written, but not confirmed: it is there once', async () => {
    const core = coreScene();
    core.after('move', fails(recordDown));
    await disconnecting(core);
    await core.backlog[0]?.write();
    assert.deepEqual(core.story(), ['attempt start → sent', 'outcome sent → accepted']);
  });

  test('cannot be written, and nothing was done: the problem is told', async () => {
    const core = coreScene();
    core.before('move', fails(recordDown));
    const failure: Failure = { reason: 'graph_forbidden', graph: trace() };
    core.graph.answers.push(fails(failure));
    assert.deepEqual(await failureFrom(disconnecting(core)), failure);
    assert.equal(core.backlog[0]?.entry.event.failure, 'graph_forbidden');
  });
});

describe('a report after the lease has made it unknown', () => {
  /** Lets the lease end, and the sweep find it, while Graph answers. */
  function afterTheLease(
    core: CoreScene,
    answer: () => never | { value: string; graph: ReturnType<typeof trace> },
  ) {
    core.graph.answers.push(async () => {
      core.advance(timing.leaseMs);
      assert.equal(await sweep(core.dependencies), 1);
      return answer();
    });
  }

  const reports: [
    string,
    () => never | { value: string; graph: ReturnType<typeof trace> },
    string,
    string,
  ][] = [
    ['accepted', answers('inprogress'), 'accepted', 'The sender reported after its lease had ended.'],
    ['failed', answers('failed'), 'failed', 'Graph answered that it failed.'],
  ];
  for (const [name, answer, status, explanation] of reports) {
    test(`${name}: settles it, and a repetition hears what the first caller heard`, async () => {
      const core = coreScene();
      afterTheLease(core, answer);
      const { outcome, operation } = await disconnecting(core);
      assert.equal(outcome.status, status);
      assert.deepEqual([operation.status, operation.explanation], [status, explanation]);
      assert.deepEqual(core.story(), [
        'attempt start → sent',
        'outcome sent → unknown',
        `move unknown → ${status}`,
      ]);
      assert.equal(core.trail.at(-1)?.durationMs, timing.leaseMs);
      assert.deepEqual(core.asked.slice(-2), ['move', 'move'], 'what the database said is not asked again');
      const heard = await core.operations.findByKey({ oid: 'admin', tenantId: 'contoso' }, 'key');
      assert.deepEqual(heard?.answer, { ...outcome, requestId: operation.requestId });
    });
  }

  test('nothing was done: settles it, and frees the key', async () => {
    const core = coreScene();
    const failure: Failure = { reason: 'graph_forbidden', graph: trace() };
    afterTheLease(core, fails(failure));
    assert.deepEqual(await failureFrom(disconnecting(core)), failure);
    assert.equal((await core.newest()).status, 'failed');
    assert.equal(core.trail.at(-1)?.failure, 'graph_forbidden');
    assert.equal(await core.operations.findByKey({ oid: 'admin', tenantId: 'contoso' }, 'key'), null);
  });

  test('still unknown: it stays as it is', async () => {
    const core = coreScene();
    afterTheLease(core, fails(noAnswer));
    const call = core.call();
    assert.equal((await failureFrom(disconnecting(core, call))).reason, 'outcome_unknown');
    assert.deepEqual(core.story(), ['attempt start → sent', 'outcome sent → unknown']);
    assert.ok(!('outcomeUnrecorded' in call.annotations));
    assert.deepEqual(core.backlog, []);
  });

  test('another read has settled it as well: that stays', async () => {
    const core = coreScene();
    afterTheLease(core, answers('inprogress'));
    // Moves: by the sweep, as if in time, late.
    core.before('move', () => {});
    core.before('move', () => {});
    core.before('move', async () => {
      const source = { caller: core.people.get('admin') ?? assert.fail(), requestId: 'read', address: '' };
      await settle(core.dependencies, source, await core.newest(), { members: [], etag: '' });
    });
    const { outcome, operation } = await disconnecting(core);
    assert.deepEqual([outcome.status, operation.status], ['accepted', 'completed']);
    assert.deepEqual(core.story().at(-1), 'move unknown → completed');
  });
});
