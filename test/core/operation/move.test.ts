import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Failure } from '../../../src/core/failure.ts';
import { intuneApprovalMs } from '../../../src/core/operation/intune-approval.ts';
import {
  isFinal,
  movesFrom,
  type OperationStatus,
  operationStatuses,
} from '../../../src/core/operation/life.ts';
import { endUnsent, keptAnswer, outcomeMove, prepareMove } from '../../../src/core/operation/move.ts';
import type { Operation } from '../../../src/core/operation/operation.ts';
import type { Outcome } from '../../../src/core/operation/outcome.ts';
import type { UnsentOperation } from '../../../src/core/ports.ts';
import { connected, coreScene, person, tenantId } from '../../support/core.ts';

const source = { caller: person('second'), requestId: 'call-2', address: '192.0.2.1' };

const operation = (but: Partial<Operation> = {}): Operation => ({
  id: 'operation-1',
  tenantId,
  status: 'sent',
  requester: { oid: 'admin', name: 'Admin', clientId: 'portal' },
  reason: 'moving',
  ticket: 'CHG1',
  connection: connected,
  requestId: 'call-1',
  graphRequestId: null,
  value: null,
  concludedFrom: null,
  explanation: null,
  approval: null,
  intuneApproval: null,
  supersedes: null,
  supersededBy: null,
  requestedAt: '2026-01-01T00:00:00.000Z',
  sentAt: null,
  movedAt: '2026-01-01T00:00:00.000Z',
  expiresAt: null,
  tookMs: null,
  ...but,
});

const outcome = (but: Partial<Outcome> = {}): Outcome => ({
  status: 'accepted',
  value: 'inprogress',
  concludedFrom: 'answer',
  explanation: 'Graph took it on.',
  graphRequestId: 'graph-1',
  reported: true,
  ...but,
});
const approval = { approver: { oid: 'second', name: null }, reason: 'yes', at: '2026-01-01T00:00:00.000Z' };
const intuneApproval = { code: 'code-1', filedAt: '2026-01-01T00:00:00.000Z' };

describe('a move', () => {
  test('is on record with what it is about, by whom, and from where', () => {
    const { dependencies } = coreScene();
    const change = { value: 'v', explanation: 'because', graphRequestId: 'graph-1' };
    const prepared = prepareMove(dependencies, source, operation(), {
      to: 'failed',
      action: 'disconnect',
      event: 'outcome',
      change,
      detail: { failure: 'internal', durationMs: 7 },
    });
    const { event, ...move } = prepared;
    assert.deepEqual(move, {
      operation: operation(),
      to: 'failed',
      change,
      leaseMs: 0,
      inTime: false,
      ends: true,
    });
    const { actor, id, time, ...said } = event;
    assert.deepEqual([actor.oid, typeof id, typeof time], ['second', 'string', 'string']);
    assert.deepEqual(said, {
      action: 'disconnect',
      connection: null,
      durationMs: 7,
      event: 'outcome',
      explanation: 'because',
      failure: 'internal',
      graphRequestId: 'graph-1',
      move: { from: 'sent', to: 'failed' },
      operationId: 'operation-1',
      reason: 'moving',
      requestId: 'call-2',
      result: 'failed',
      source: { address: '192.0.2.1' },
      tenantId,
      ticket: 'CHG1',
      value: 'v',
    });
  });

  test('that says no more changes no more, and leases nothing', () => {
    const { dependencies } = coreScene();
    const waiting = operation({ status: 'approved' });
    const plain = prepareMove(dependencies, source, waiting, { to: 'withdrawn', action: 'disconnect' });
    assert.deepEqual([plain.change, plain.leaseMs, plain.event.event], [{}, 0, 'move']);
    assert.deepEqual(
      [plain.event.value, plain.event.explanation, plain.event.graphRequestId],
      [null, null, null],
    );
    const sent = prepareMove(dependencies, source, waiting, { to: 'sent', action: 'disconnect', leaseMs: 9 });
    assert.equal(sent.leaseMs, 9);
  });

  test('that the table does not have is a defect', () => {
    const { dependencies } = coreScene();
    for (const from of operationStatuses) {
      for (const to of operationStatuses) {
        const preparing = () =>
          prepareMove(dependencies, source, operation({ status: from }), { to, action: 'disconnect' });
        if (movesFrom(from).includes(to)) assert.equal(preparing().ends, isFinal(to));
        else assert.throws(preparing, { message: `an operation does not move from ${from} to ${to}` });
      }
    }
  });

  test('must be in time where it sends, or where people decide here', () => {
    const { dependencies } = coreScene();
    const inTime = (from: OperationStatus, to: OperationStatus) =>
      prepareMove(dependencies, source, operation({ status: from }), { to, action: 'disconnect' }).inTime;
    const rows: [OperationStatus, OperationStatus, boolean][] = [
      ['awaiting_approval', 'approved', true],
      ['awaiting_approval', 'rejected', true],
      ['awaiting_approval', 'expired', false],
      ['approved', 'sent', true],
      ['approved', 'withdrawn', true],
      ['approved', 'expired', false],
      ['approved_in_intune', 'sent', true],
      ['approved_in_intune', 'withdrawn', false],
      ['sent', 'accepted', false],
      ['unknown', 'failed', false],
    ];
    for (const [from, to, expected] of rows) assert.equal(inTime(from, to), expected, `${from} → ${to}`);
  });
});

describe('the move of an outcome', () => {
  const told = { failure: 'internal' as const, durationMs: 7 };

  test('keeps what is known, and the answer of the call that sent it', () => {
    assert.deepEqual(outcomeMove(operation(), outcome(), told), {
      to: 'accepted',
      action: 'disconnect',
      event: 'outcome',
      change: {
        value: 'inprogress',
        concludedFrom: 'answer',
        explanation: 'Graph took it on.',
        graphRequestId: 'graph-1',
        answer: { ...outcome(), requestId: 'call-1' },
      },
      detail: told,
    });
    const later = outcomeMove(operation({ status: 'unknown' }), outcome(), told);
    assert.deepEqual([later.event, 'answer' in (later.change ?? {})], ['move', false]);
  });

  test('has the code under which Intune filed a request, and until when that is good', () => {
    const filed = outcomeMove(operation(), outcome({ approvalCode: 'code-1' }), told);
    assert.deepEqual(filed.change?.intuneApproval, { code: 'code-1', expiresInMs: intuneApprovalMs });
  });

  const failed = outcome({ status: 'failed', reported: false });
  const inIntune = { concludedFrom: 'intune_approval' as const };
  const rows: [string, Partial<Operation>, Outcome, 'frees' | 'answers' | 'keeps'][] = [
    ['nobody approved it in time', { status: 'awaiting_approval' }, outcome({ status: 'expired' }), 'frees'],
    ['nobody executed it in time', { status: 'approved' }, outcome({ status: 'expired' }), 'frees'],
    ['Graph took it on', {}, outcome(), 'answers'],
    ['nobody knows', {}, outcome({ status: 'unknown', reported: false }), 'answers'],
    ['nothing was done, and the caller was told a problem', {}, failed, 'frees'],
    ['nothing was done, and the caller was told that', {}, outcome({ status: 'failed' }), 'answers'],
    ['it was executed after an approval', { approval }, outcome(), 'keeps'],
    ['it failed after an approval', { approval }, failed, 'frees'],
    ['it was executed after an approval in Intune', { intuneApproval }, outcome(), 'keeps'],
    ['a read found it out later', { status: 'unknown' }, failed, 'keeps'],
    ['Intune rejected it', { status: 'unknown' }, outcome({ status: 'rejected', ...inIntune }), 'frees'],
    [
      'Intune approved it',
      { status: 'unknown' },
      outcome({ status: 'approved_in_intune', ...inIntune }),
      'keeps',
    ],
  ];
  for (const [when, but, ended, what] of rows) {
    test(`${what} the idempotency key when ${when}`, () => {
      const kept = keptAnswer(operation(but), ended);
      const answer = { ...ended, requestId: 'call-1' };
      assert.deepEqual(kept, { frees: { answer: null }, answers: { answer }, keeps: {} }[what]);
    });
  }
});

describe('an attempt that is perhaps on record and was not sent', () => {
  const lost = { reason: 'audit_unavailable', cause: 'gone', recorded: 'unknown' } as const;
  /** What the database is asked, when it answers again, about an operation of that kind. */
  async function asked(one: Operation, why: Failure = lost) {
    const it = coreScene();
    const endings: UnsentOperation[] = [];
    const operations = {
      ...it.dependencies.operations,
      endUnsent: async (ending: UnsentOperation) => void endings.push(ending),
    };
    endUnsent({ ...it.dependencies, operations }, source, one, why);
    assert.equal(endings.length, 0);
    for (const { write } of it.backlog) await write();
    return { endings, kept: it.backlog.map(({ entry }) => entry) };
  }

  const nothingSent = 'The record was not confirmed in time, so nothing was sent.';
  const notAgain =
    'The record was not confirmed in time, so it was not sent again. The request code-1 is still filed in Intune.';
  const rows: [Partial<Operation>, OperationStatus, 'outcome' | 'move', string, boolean][] = [
    [{ status: 'sent' }, 'failed', 'outcome', nothingSent, true],
    [{ status: 'awaiting_approval' }, 'expired', 'move', nothingSent, true],
    [{ status: 'sent', intuneApproval }, 'approved_in_intune', 'outcome', notAgain, false],
  ];
  for (const [but, to, event, explanation, ends] of rows) {
    test(`from ${but.status} is ended as ${to} as soon as the database answers`, async () => {
      const one = operation(but);
      const { endings, kept } = await asked(one);
      const [ending] = endings;
      assert.ok(ending);
      assert.deepEqual(kept, [{ kind: 'unsent', event: ending.event, failure: lost }]);
      const change = ends ? { explanation, answer: null } : { explanation };
      assert.deepEqual(ending, { operation: one, to, change, ends, event: ending.event });
      const { action, failure, move, operationId, reason, ticket, result } = ending.event;
      assert.deepEqual(
        [
          ending.event.event,
          ending.event.explanation,
          action,
          failure,
          move,
          operationId,
          reason,
          ticket,
          result,
        ],
        [
          event,
          explanation,
          'disconnect',
          'audit_unavailable',
          { from: one.status, to },
          one.id,
          'moving',
          'CHG1',
          to,
        ],
      );
      const also = one.status === 'sent' ? ['unknown'] : [];
      assert.deepEqual(
        endings.slice(1).map((next) => next.operation.status),
        also,
        'its lease may have ended meanwhile',
      );
      for (const next of endings.slice(1)) {
        assert.deepEqual([next.to, next.change, next.event.event], [to, change, 'move']);
      }
    });
  }

  test('is none where the database says that nothing is on record', async () => {
    assert.deepEqual((await asked(operation(), { ...lost, recorded: 'no' })).kept, []);
    assert.equal((await asked(operation(), { reason: 'history_lost' })).kept.length, 1);
  });
});
