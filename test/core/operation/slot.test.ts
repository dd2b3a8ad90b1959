import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Failure } from '../../../src/core/failure.ts';
import { settle } from '../../../src/core/operation/move.ts';
import type { StoredOperation } from '../../../src/core/operation/operation.ts';
import type { DisconnectRequest } from '../../../src/core/operation/slot.ts';
import { disconnect } from '../../../src/core/use-cases/disconnect.ts';
import { sweep } from '../../../src/core/use-cases/sweep.ts';
import {
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
  withKey,
} from '../../support/core.ts';
import { type HeldStatus, heldStatuses, holdSlot } from '../../support/holders.ts';

function disconnecting(core: CoreScene, request: DisconnectRequest = plainRequest, name = 'admin') {
  return disconnect(core.dependencies, core.call(name), async () => request);
}

const answers = (value: string) => () => ({ value, graph: trace() });
const inProgress = ({ id }: StoredOperation): Failure => ({
  reason: 'operation_in_progress',
  operationId: id,
});
const turn = (core: CoreScene, status: string) => {
  core.graph.members = [{ ...connected, status }];
};
const anotherConnection = { ...connected, id: 'connection-2' };

describe('a slot that is held', () => {
  for (const status of heldStatuses) {
    test(`by one that is ${status}: operation_in_progress, on record, and nothing is sent`, async () => {
      const core = coreScene();
      const held = await holdSlot(core, status);
      assert.deepEqual(await failureFrom(disconnecting(core)), inProgress(held));
      assert.deepEqual(core.story().at(-1), 'refused operation_in_progress');
      assert.deepEqual([core.graph.acts, (await core.newest()).status], [[], status]);
    });
  }

  const settled: [HeldStatus, string, (core: CoreScene) => void, string[]][] = [
    [
      'accepted',
      'its connection is gone',
      (core) => {
        core.graph.members = [anotherConnection];
      },
      ['move accepted → completed'],
    ],
    ['accepted', 'Intune says that it failed', (core) => turn(core, 'failed'), ['move accepted → failed']],
    [
      'accepted',
      'it is onboarded after so long',
      (core) => core.advance(timing.settleAfterMs + 1),
      ['move accepted → failed'],
    ],
    [
      'unknown',
      'its connection is gone',
      (core) => {
        core.graph.members = [anotherConnection];
      },
      ['move unknown → completed'],
    ],
    ['unknown', 'Intune says that it failed', (core) => turn(core, 'failed'), ['move unknown → failed']],
    [
      'sent',
      'its lease has ended, and Intune says that it failed',
      (core) => {
        core.advance(timing.leaseMs);
        turn(core, 'failed');
      },
      ['outcome sent → unknown', 'move unknown → failed'],
    ],
    [
      'awaiting_approval',
      'its time is over',
      (core) => core.advance(timing.approvalMs),
      ['move awaiting_approval → expired'],
    ],
    ['approved', 'its time is over', (core) => core.advance(timing.approvalMs), ['move approved → expired']],
    [
      'approved',
      'its connection is gone',
      (core) => {
        core.graph.members = [anotherConnection];
      },
      ['move approved → expired'],
    ],
  ];
  for (const [status, name, happens, moves] of settled) {
    test(`by one that is ${status}, and ${name}: it makes way`, async () => {
      const core = coreScene();
      const held = await holdSlot(core, status);
      const recorded = core.story().length;
      happens(core);
      const { operation } = await disconnecting(core);
      assert.deepEqual(core.story().slice(recorded), [
        ...moves,
        'attempt start → sent',
        'outcome sent → accepted',
      ]);
      assert.deepEqual([operation.supersedes, core.graph.acts.length], [null, 1]);
      assert.equal((await core.operations.find(tenantId, held.id))?.supersededBy, null);
    });
  }

  test('a lease that has ended leaves it unknown, which still holds the slot', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'sent');
    core.advance(timing.leaseMs);
    assert.deepEqual(await failureFrom(disconnecting(core)), inProgress(held));
    const { status, explanation, concludedFrom } = await core.newest();
    assert.deepEqual([status, concludedFrom], ['unknown', 'lease']);
    assert.match(explanation ?? '', /^The sender recorded no outcome while it held the slot/);
  });

  test('a read from before the holder began settles nothing', async () => {
    const core = coreScene();
    // The connection is gone in what this call sees; then another connects, asks for one, and it is accepted.
    core.graph.members = [];
    let begun: StoredOperation | null = null;
    core.after('list', async () => {
      core.graph.members = [connected];
      begun = await holdSlot(core, 'accepted');
    });
    const failure = await failureFrom(disconnecting(core));
    assert.ok(begun !== null);
    assert.deepEqual(failure, inProgress(begun));
    assert.equal((await core.newest()).status, 'accepted');
  });

  test('a read from before the holder began settles nothing, where another held the slot before', async () => {
    const core = coreScene();
    const first = await holdSlot(core, 'unknown');
    core.graph.members = [];
    // What this call sees ends the first. Meanwhile another call ends it, somebody connects again, and a second begins.
    core.after('list', async () => {
      assert.equal((await failureFrom(disconnecting(core))).reason, 'not_connected');
      core.graph.members = [connected];
      await holdSlot(core, 'accepted');
    });
    const failure = await failureFrom(disconnecting(core));
    const second = await core.newest();
    assert.notEqual(second.id, first.id);
    assert.deepEqual(failure, inProgress(second));
    assert.equal(second.status, 'accepted');
  });

  test('how long ago it was sent counts as of before the read', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'accepted');
    core.advance(timing.settleAfterMs - core.now() + Date.parse(held.sentAt ?? ''));
    core.after('list', () => core.advance(1));
    assert.deepEqual(await failureFrom(disconnecting(core)), inProgress(held));
  });

  test('and as of before what the end of its lease is recorded', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'sent');
    core.advance(timing.settleAfterMs - (held.sinceSentMs ?? assert.fail()));
    core.before('move', () => core.advance(1));
    assert.deepEqual(await failureFrom(disconnecting(core)), inProgress(held));
    assert.equal((await core.newest()).status, 'unknown');
  });
});

describe('taking over', () => {
  const superseding = ({ id }: Pick<StoredOperation, 'id'>): DisconnectRequest => ({
    ...plainRequest,
    supersedes: id,
  });

  test('from one that is unknown', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'unknown');
    const { operation } = await disconnecting(core, superseding(held));
    assert.equal(operation.supersedes, held.id);
    const before = await core.operations.find(tenantId, held.id);
    assert.deepEqual([before?.status, before?.supersededBy], ['unknown', operation.id]);
    const attempt = core.trail.find(
      ({ event, operationId }) => event === 'attempt' && operationId === operation.id,
    );
    assert.equal(attempt?.explanation, `Takes over from operation ${held.id}.`);
  });

  test('from one whose lease has ended in that moment', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'sent');
    core.advance(timing.leaseMs);
    assert.equal((await disconnecting(core, superseding(held))).operation.supersedes, held.id);
  });

  test('from an accepted one only when it has come to no end for too long, to the millisecond', async () => {
    for (const [sinceMs, taken] of [
      [timing.settleAfterMs, false],
      [timing.settleAfterMs + 1, true],
    ] as const) {
      const core = coreScene();
      const held = await holdSlot(core, 'accepted');
      // A word that settles nothing.
      turn(core, 'aNewWord');
      core.advance(sinceMs - (held.sinceSentMs ?? assert.fail()));
      const ended = await disconnecting(core, superseding(held)).then(
        ({ operation }) => operation.supersedes,
        ({ failure }) => failure,
      );
      assert.deepEqual(ended, taken ? held.id : inProgress(held));
    }
  });

  for (const status of ['awaiting_approval', 'approved', 'sent'] as const) {
    test(`not from one that is ${status}`, async () => {
      const core = coreScene();
      const held = await holdSlot(core, status);
      assert.deepEqual(await failureFrom(disconnecting(core, superseding(held))), inProgress(held));
    });
  }

  test('not from another than the one that holds the slot', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'unknown');
    const request = { ...plainRequest, supersedes: 'another' };
    assert.deepEqual(await failureFrom(disconnecting(core, request)), inProgress(held));
  });

  test('from one that is not there: operation_not_found; from one that has ended: nothing to take over', async () => {
    const core = coreScene();
    const nowhere = { ...plainRequest, supersedes: 'nowhere' };
    assert.equal((await failureFrom(disconnecting(core, nowhere))).reason, 'operation_not_found');
    assert.deepEqual(core.graph.acts, []);
    core.graph.answers.push(answers('failed'));
    const { operation: ended } = await disconnecting(core);
    assert.equal((await failureFrom(disconnecting(core, nowhere))).reason, 'operation_not_found');
    assert.equal((await disconnecting(core, superseding(ended))).operation.supersedes, null);
  });

  test('from one that the read settles: it ends, and nobody takes over from it', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'unknown');
    turn(core, 'failed');
    assert.equal((await disconnecting(core, superseding(held))).operation.supersedes, null);
    assert.equal((await core.operations.find(tenantId, held.id))?.status, 'failed');
  });

  test('not from one that another reader settled to accepted as the new one opens', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'unknown');
    core.before('open', async () => {
      const source = { caller: person('reader'), requestId: 'read', address: '' };
      const seen = { members: [{ ...connected, status: 'offboarding' }], etag: '' };
      await settle(core.dependencies, source, held, seen);
    });
    assert.deepEqual(await failureFrom(disconnecting(core, superseding(held))), inProgress(held));
    const { status, supersededBy } = await core.newest();
    assert.deepEqual([status, supersededBy, core.graph.acts], ['accepted', null, []]);
  });
});

describe('an idempotency key', () => {
  const inUse: Failure = { reason: 'idempotency_key_in_use', retryAfter: 2 };
  const reused: Failure = { reason: 'idempotency_key_reused' };

  test('the first answer again: on record, in the log line, and nothing is asked of Entra ID or Graph', async () => {
    const core = coreScene();
    const first = await disconnecting(core, withKey('key'));
    core.asked.length = 0;
    const call = core.call();
    const again = await disconnect(core.dependencies, call, async () => withKey('key'));
    assert.deepEqual(again.outcome, first.outcome);
    assert.deepEqual([again.requestId, again.replayed], [first.requestId, true]);
    assert.deepEqual(core.asked, ['authenticate', 'loadPreconditions', 'append']);
    assert.deepEqual([call.annotations.replayed, call.annotations.operationId], [true, first.operation.id]);
    const event = core.trail.at(-1);
    assert.deepEqual(
      [event?.event, event?.result, event?.action, event?.operationId, event?.requestId],
      ['replayed', 'succeeded', 'disconnect', first.operation.id, call.requestId],
    );
  });

  test('a first answer that was a problem is repeated as that problem', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'unknown', withKey('key'));
    const failure = await failureFrom(disconnecting(core, withKey('key')));
    assert.deepEqual(failure, {
      reason: 'outcome_unknown',
      cause: held.explanation,
      operationId: held.id,
      replayOf: held.requestId,
      graph: { status: null, code: null, requestId: 'graph-lost', date: null },
    });
    assert.deepEqual(core.story().at(-1), 'replayed');
  });

  test('a first answer stays, whatever a later read finds', async () => {
    const core = coreScene();
    await disconnecting(core, withKey('key'));
    core.graph.members = [];
    assert.equal((await failureFrom(disconnecting(core))).reason, 'not_connected');
    assert.equal((await core.newest()).status, 'completed');
    assert.equal((await disconnecting(core, withKey('key'))).outcome.status, 'accepted');
  });

  test('a replay that cannot be recorded is not answered', async () => {
    const core = coreScene();
    await disconnecting(core, withKey('key'));
    core.before('append', fails(recordDown));
    assert.deepEqual(await failureFrom(disconnecting(core, withKey('key'))), recordDown);
  });

  for (const [name, request, failure] of [
    ['while the first is running', withKey('key'), inUse],
    ['with another request', withKey('key', 'another'), reused],
  ] as const) {
    test(`${name}: ${failure.reason}`, async () => {
      const core = coreScene();
      await holdSlot(core, 'sent', withKey('key'));
      assert.deepEqual(await failureFrom(disconnecting(core, request)), failure);
      assert.deepEqual(core.asked, ['authenticate', 'loadPreconditions', 'append']);
    });

    test(`${name}, found only where the slot is taken: ${failure.reason}`, async () => {
      for (const port of ['findByKey', 'open']) {
        const core = coreScene();
        // The first begins when this one has already checked its key, twice.
        const begin = async () => void (await holdSlot(core, 'sent', withKey('key')));
        if (port === 'open') core.before('open', begin);
        else core.after('findByKey', begin);
        assert.deepEqual(await failureFrom(disconnecting(core, request)), failure, port);
      }
    });

    test(`${name}, where the connection is gone by then: ${failure.reason}`, async () => {
      const core = coreScene();
      core.graph.members = [];
      core.after('findByKey', async () => {
        core.graph.members = [connected];
        await holdSlot(core, 'sent', withKey('key'));
      });
      assert.deepEqual(await failureFrom(disconnecting(core, request)), failure);
    });
  }

  test('another request of another key, found only where the slot is taken: operation_in_progress', async () => {
    const core = coreScene();
    core.before('open', async () => void (await holdSlot(core, 'sent', withKey('key'))));
    const failure = await failureFrom(disconnecting(core, withKey('mine')));
    assert.deepEqual(failure, inProgress(await core.newest()));
    assert.ok(!core.asked.includes('list'), 'nothing to read again for');
  });

  test('answered while this one read the connection: the first answer again', async () => {
    const core = coreScene();
    core.after('list', async () => void (await disconnecting(core, withKey('key'))));
    const { replayed } = await disconnecting(core, withKey('key'));
    assert.deepEqual([replayed, core.graph.acts.length], [true, 1]);
  });

  test('answered as this one opened: reads again, and the first answer again', async () => {
    const core = coreScene();
    core.before('open', async () => {
      core.graph.answers.push(answers('failed'));
      await disconnecting(core, withKey('key'));
    });
    const { replayed, outcome } = await disconnecting(core, withKey('key'));
    assert.deepEqual([replayed, outcome.status, core.graph.acts.length], [true, 'failed', 1]);
  });

  test('is somebody else’s own', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'accepted', withKey('key'));
    assert.deepEqual(await failureFrom(disconnecting(core, withKey('key'), 'second')), inProgress(held));
  });

  for (const status of ['awaiting_approval', 'approved'] as const) {
    test(`of one that was ${status} and has expired: free for another`, async () => {
      const core = coreScene();
      await holdSlot(core, status, withKey('key'));
      core.advance(timing.approvalMs);
      // Whoever comes first finds that it has expired.
      await disconnecting(core, plainRequest, 'second');
      core.graph.members = [];
      assert.equal((await failureFrom(disconnecting(core, withKey('key')))).reason, 'not_connected');
    });

    test(`of one that is ${status}: a repetition hears what the first call heard`, async () => {
      const core = coreScene();
      const held = await holdSlot(core, status, withKey('key'));
      const { outcome, operation, requestId } = await disconnecting(core, withKey('key'));
      assert.deepEqual([outcome.status, operation.status], ['awaiting_approval', status]);
      assert.equal(requestId, held.requestId);
    });
  }
});

describe('taking the slot', () => {
  test('a request for an approval: nothing is sent, and the first answer is kept with it', async () => {
    const core = coreScene();
    core.demand({ approvalRequired: true });
    const request = { ...withKey('key'), reason: 'moving', ticket: 'T-1' };
    const { outcome, operation, replayed, requestId } = await disconnecting(core, request);
    assert.equal(requestId, operation.requestId);
    assert.deepEqual(outcome, {
      status: 'awaiting_approval',
      value: null,
      concludedFrom: null,
      explanation: null,
      graphRequestId: null,
      reported: true,
    });
    assert.equal(replayed, false);
    assert.deepEqual([core.graph.acts, core.story()], [[], ['move start → awaiting_approval']]);
    const [event] = core.trail;
    assert.deepEqual(
      [event?.result, event?.reason, event?.ticket, event?.connection, event?.operationId, event?.action],
      ['awaiting_approval', 'moving', 'T-1', connected, operation.id, 'disconnect'],
    );
    assert.equal(Date.parse(operation.expiresAt ?? '') - core.now(), timing.approvalMs);
    assert.equal(operation.sentAt, null);
  });

  test('an attempt says who, why and what it is about', async () => {
    const core = coreScene();
    const { operation } = await disconnecting(core, { ...plainRequest, reason: 'moving', ticket: 'T-1' });
    const [event] = core.trail;
    assert.deepEqual(
      [event?.result, event?.reason, event?.ticket, event?.connection, event?.operationId, event?.action],
      ['pending', 'moving', 'T-1', connected, operation.id, 'disconnect'],
    );
    assert.equal(event?.explanation, null);
    assert.deepEqual(event?.move, { from: null, to: 'sent' });
    assert.deepEqual(operation.requester, {
      oid: 'admin',
      name: 'admin@contoso.example',
      clientId: 'portal',
    });
    assert.deepEqual([operation.reason, operation.ticket, operation.expiresAt], ['moving', 'T-1', null]);
  });

  test('keeps no names where none are to be kept', async () => {
    const core = coreScene();
    core.dropNames();
    const { operation } = await disconnecting(core);
    assert.deepEqual([operation.requester.name, operation.connection.owner], [null, null]);
    assert.deepEqual(operation.connection, { ...connected, owner: null });
    assert.deepEqual([core.trail[0]?.actor.name, core.trail[0]?.connection?.owner], [null, null]);
  });

  test('nothing is connected: not_connected', async () => {
    const core = coreScene();
    core.graph.members = [];
    assert.deepEqual(await failureFrom(disconnecting(core)), { reason: 'not_connected' });
    assert.deepEqual(core.story(), ['refused not_connected']);
  });

  test('a caller who has gone away: nothing is on record but that', async () => {
    const core = coreScene();
    let gone = false;
    core.after('findByKey', () => {
      gone = true;
    });
    const call = core.call('admin', { calledOff: () => (gone ? callerGone : null) });
    const failure = await failureFrom(disconnect(core.dependencies, call, async () => withKey('key')));
    assert.deepEqual([failure.reason, core.story()], ['caller_gone', ['refused caller_gone']]);
    assert.deepEqual(core.graph.acts, []);
  });

  test('a caller who goes away when the attempt is on record does not call it off', async () => {
    const core = coreScene();
    let gone = false;
    core.after('open', () => {
      gone = true;
    });
    await disconnect(
      core.dependencies,
      core.call('admin', { calledOff: () => (gone ? callerGone : null) }),
      async () => plainRequest,
    );
    assert.equal(core.graph.acts.length, 1);
  });

  test('switched off: nothing is asked of anybody', async () => {
    const core = coreScene();
    core.switchOff(tenantId, 'frozen');
    const failure = await failureFrom(disconnecting(core));
    assert.deepEqual(failure, { reason: 'disconnect_disabled', because: 'frozen' });
    assert.deepEqual(core.asked, ['authenticate', 'loadPreconditions', 'append']);
  });

  test('switched off as it opens, and on again before anybody asks why', async () => {
    const core = coreScene();
    core.before('open', () => core.switchOff(tenantId, 'frozen'));
    core.before('disabledBecause', () => core.switchOn(tenantId));
    assert.deepEqual(await failureFrom(disconnecting(core)), {
      reason: 'disconnect_disabled',
      because: 'It was switched off.',
    });
    core.before('open', () => core.switchOff(tenantId, 'frozen'));
    assert.deepEqual(await failureFrom(disconnecting(core)), {
      reason: 'disconnect_disabled',
      because: 'frozen',
    });
    assert.deepEqual(core.graph.acts, []);
  });

  for (const [approvalRequired, moves] of [
    [false, ['attempt start → sent', 'refused audit_unavailable', 'outcome sent → failed audit_unavailable']],
    [
      true,
      [
        'move start → awaiting_approval',
        'refused audit_unavailable',
        'move awaiting_approval → expired audit_unavailable',
      ],
    ],
  ] as const) {
    test(`where nobody can tell whether it is on record (${moves[0]}): nothing is sent, and it ends as unsent`, async () => {
      const core = coreScene();
      core.demand({ approvalRequired });
      core.after('open', fails(recordDown));
      const request = { ...withKey('key'), reason: 'moving', ticket: 'T-1' };
      assert.deepEqual(await failureFrom(disconnecting(core, request)), recordDown);
      assert.deepEqual(core.graph.acts, []);
      const [{ entry, write } = assert.fail('nothing waits'), ...others] = core.backlog;
      assert.deepEqual([entry.kind, entry.failure, others], ['unsent', recordDown, []]);
      await write();
      assert.deepEqual(
        core.story(),
        moves.filter((line) => !line.startsWith('refused')),
      );
      const { status, explanation } = await core.newest();
      const ended = approvalRequired ? 'expired' : 'failed';
      assert.deepEqual(
        [status, explanation],
        [ended, 'The record was not confirmed in time, so nothing was sent.'],
      );
      const { event } = entry;
      assert.deepEqual(
        [event.result, event.reason, event.ticket, event.action, event.operationId, event.explanation],
        [ended, 'moving', 'T-1', 'disconnect', (await core.newest()).id, explanation],
      );
      core.demand({});
      assert.equal((await disconnecting(core, withKey('key'))).outcome.status, 'accepted', 'the key is free');
    });
  }

  test('declared unknown because its lease ended first: it ends as unsent all the same', async () => {
    const core = coreScene();
    core.after('open', fails(recordDown));
    await failureFrom(disconnecting(core));
    core.advance(timing.leaseMs + 1);
    assert.equal(await sweep(core.dependencies), 1);
    assert.equal((await core.newest()).status, 'unknown');
    await core.backlog[0]?.write();
    assert.equal((await core.newest()).status, 'failed');
    assert.deepEqual(core.graph.acts, []);
  });

  test('where the database said no, there is nothing to end', async () => {
    const core = coreScene();
    const refused = { ...recordDown, recorded: 'no' } as const;
    core.before('open', fails(refused));
    assert.deepEqual(await failureFrom(disconnecting(core)), refused);
    assert.deepEqual(core.backlog, []);
  });

  test('where it is not on record, nothing is ended', async () => {
    const core = coreScene();
    core.before('open', fails(recordDown));
    await failureFrom(disconnecting(core));
    await core.backlog[0]?.write();
    assert.deepEqual(core.trail, []);
  });

  test('another came and went while this one read the connection: reads again, with what there is by then', async () => {
    const core = coreScene();
    core.after('list', async () => {
      core.graph.answers.push(answers('failed'));
      await disconnecting(core);
      turn(core, 'failed');
    });
    const { operation } = await disconnecting(core);
    assert.equal(operation.connection.status, 'failed');
    assert.equal(core.graph.lists.length, 3);
  });

  test('the holder ended while this one read the connection: reads again', async () => {
    const core = coreScene();
    const held = await holdSlot(core, 'unknown');
    core.after('list', async () => {
      const source = { caller: person('reader'), requestId: 'read', address: '' };
      const seen = { members: [{ ...connected, status: 'failed' }], etag: '' };
      await settle(core.dependencies, source, held, seen);
    });
    core.asked.length = 0;
    await disconnecting(core);
    assert.equal(core.asked.filter((name) => name === 'list').length, 2);
  });

  test('others come and go each time: overloaded, after three reads', async () => {
    const core = coreScene();
    const comeAndGo = async () => {
      core.graph.answers.push(answers('failed'));
      await disconnecting(core);
    };
    for (let reads = 0; reads < 3; reads += 1) {
      core.before('open', comeAndGo);
      core.before('open', () => {}); // the opening of the one that came
    }
    const failure = await failureFrom(disconnecting(core));
    assert.deepEqual(failure, { reason: 'overloaded', retryAfter: 1 });
    assert.equal(core.graph.acts.length, 3, 'those that came and went');
  });
});
