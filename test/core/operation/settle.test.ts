import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { knownStatuses, type SeenConnection } from '../../../src/core/operation/connection.ts';
import { type OperationStatus, operationStatuses } from '../../../src/core/operation/life.ts';
import type { StoredOperation } from '../../../src/core/operation/operation.ts';
import type { ConcludedFrom } from '../../../src/core/operation/outcome.ts';
import { conclude, nextOutcome } from '../../../src/core/operation/settle.ts';

const settleAfterMs = 900_000;
const connection = (id: string, status: string) => ({
  id,
  status,
  owner: null,
  lastModified: null,
  lastDirectorySync: null,
});

type Sent = Parameters<typeof conclude>[0]['status'];

/** What a read says that shows these members, so long after sending. */
function conclusion(
  status: Sent,
  before: string,
  members: readonly (readonly [id: string, status: string])[],
  afterMs: number,
  concludedFrom: ConcludedFrom | null = null,
): OperationStatus | null {
  const seen = { members: members.map(([id, shown]) => connection(id, shown)), etag: '""' };
  const operation = {
    status,
    connection: connection('mine', before),
    sinceSentMs: afterMs,
    sinceMovedMs: afterMs,
    mayBeFiled: false,
    concludedFrom,
  };
  return conclude(operation, seen, settleAfterMs)?.status ?? null;
}

const words = [...knownStatuses, 'somethingNew'];
const early = [0, settleAfterMs];
const late = [settleAfterMs + 1, 1e12];

describe('what a read of the connection concludes', () => {
  for (const status of ['sent', 'accepted', 'unknown'] as const) {
    test(status, () => {
      for (const before of words) {
        for (const afterMs of [...early, ...late]) {
          const gone = { sent: 'accepted', accepted: 'completed', unknown: 'completed' }[status];
          assert.equal(conclusion(status, before, [], afterMs), gone);
          for (const other of words) {
            assert.equal(conclusion(status, before, [['other', other]], afterMs), gone, 'another connection');
          }
          for (const shown of words) {
            const said = conclusion(
              status,
              before,
              [
                ['other', 'onboarded'],
                ['mine', shown],
              ],
              afterMs,
            );
            assert.equal(
              said,
              expected(status, before, shown, afterMs),
              `${before} → ${shown}, ${afterMs} ms`,
            );
          }
        }
      }
    });
  }

  test('a request that Intune filed may be completed there for three days', () => {
    const threeDays = 3 * 24 * 3600 * 1000;
    const filed = (shown: string, afterMs: number) =>
      conclusion('unknown', 'onboarded', [['mine', shown]], afterMs, 'intune_approval');
    assert.equal(filed('onboarded', settleAfterMs + 1), null);
    assert.equal(filed('onboarded', threeDays + settleAfterMs), null);
    assert.equal(filed('onboarded', threeDays + settleAfterMs + 1), 'failed');
    assert.equal(filed('offboarding', 1), 'accepted');
    assert.equal(conclusion('unknown', 'onboarded', [], 1, 'intune_approval'), 'completed');
  });

  test('never sent: no time has passed', () => {
    const operation = {
      status: 'unknown',
      connection: connection('mine', 'onboarded'),
      sinceSentMs: null,
      sinceMovedMs: 1e12,
      mayBeFiled: false,
      concludedFrom: null,
    } as const;
    const seen = { members: [connection('mine', 'onboarded')], etag: '""' };
    assert.equal(conclude(operation, seen, settleAfterMs), null);
  });
});

/** The same rules, written in another way than the code's. */
function expected(status: Sent, before: string, shown: string, afterMs: number) {
  const turned = before !== shown;
  const isLate = afterMs > settleAfterMs;
  const going = shown === 'offboarding' || shown === 'inprogress';
  if (status === 'sent' || status === 'unknown') {
    if (going && turned) return 'accepted';
  }
  if (status === 'accepted' || status === 'unknown') {
    if (shown === 'failed' && (turned || isLate)) return 'failed';
    if (shown === 'onboarded' && isLate) return 'failed';
  }
  return null;
}

describe('what time and a read make of an operation', () => {
  // No other status has a time that can be over.
  const overdue: [OperationStatus, OperationStatus, string, boolean][] = [
    ['awaiting_approval', 'expired', 'time', true],
    ['approved', 'expired', 'time', true],
    ['sent', 'unknown', 'lease', false],
    ['awaiting_intune_approval', 'unknown', 'time', false],
    ['approved_in_intune', 'unknown', 'time', false],
  ];
  const gone = { members: [], etag: '' };
  const there = { members: [connection('mine', 'onboarded')], etag: '' };
  const operation = (status: OperationStatus, but: Partial<StoredOperation> = {}): StoredOperation => ({
    id: 'operation-1',
    tenantId: 'contoso',
    status,
    requester: { oid: 'admin', name: null, clientId: 'portal' },
    reason: null,
    ticket: null,
    connection: connection('mine', 'onboarded'),
    requestId: 'call-1',
    graphRequestId: null,
    value: null,
    concludedFrom: null,
    explanation: null,
    approval: null,
    supersedes: null,
    supersededBy: null,
    requestedAt: '',
    sentAt: null,
    movedAt: '',
    expiresAt: null,
    tookMs: null,
    sinceSentMs: 0,
    sinceMovedMs: 0,
    mayBeFiled: false,
    intuneApproval: null,
    overdue: false,
    ...but,
  });

  for (const [status, to, concludedFrom, reported] of overdue) {
    test(`${status}, overdue: ${to}, whatever was seen`, () => {
      for (const seen of [null, there, gone]) {
        const outcome = nextOutcome(operation(status, { overdue: true }), seen, settleAfterMs);
        assert.deepEqual(
          [
            outcome?.status,
            outcome?.concludedFrom,
            outcome?.reported,
            outcome?.value,
            outcome?.graphRequestId,
          ],
          [to, concludedFrom, reported, null, null],
        );
      }
    });
  }

  for (const status of operationStatuses) {
    test(`${status}, in time`, () => {
      const next = (seen: SeenConnection | null, but: Partial<StoredOperation> = {}) =>
        nextOutcome(operation(status, but), seen, settleAfterMs);
      assert.equal(next(null), null, 'nobody read it');
      assert.equal(next(there), null, 'nothing changed');
      const expected = {
        awaiting_approval: 'expired',
        approved: 'expired',
        accepted: 'completed',
        unknown: 'completed',
      };
      assert.equal(next(gone)?.status ?? null, expected[status as keyof typeof expected] ?? null);
      assert.equal(
        next(gone, { supersededBy: 'another' })?.status ?? null,
        ['awaiting_approval', 'approved'].includes(status) ? 'expired' : null,
      );
    });
  }

  for (const status of ['awaiting_approval', 'approved'] as const) {
    test(`${status}: the connection it was about is gone`, () => {
      const outcome = nextOutcome(
        operation(status),
        { members: [connection('another', 'onboarded')], etag: '' },
        0,
      );
      assert.deepEqual(outcome, {
        status: 'expired',
        value: null,
        concludedFrom: 'reading',
        explanation: 'The connection it was about is gone.',
        graphRequestId: null,
        reported: true,
      });
    });
  }

  test('turned to failed: Intune says so', () => {
    const seen = { members: [connection('mine', 'failed')], etag: '' };
    const outcome = nextOutcome(operation('accepted'), seen, settleAfterMs);
    assert.deepEqual([outcome?.status, outcome?.explanation], ['failed', 'Intune says that it failed.']);
  });

  for (const concludedFrom of [null, 'answer', 'lease', 'intune_approval'] as const) {
    const patienceMs = settleAfterMs + (concludedFrom === 'intune_approval' ? 3 * 24 * 3_600_000 : 0);
    test(`unknown by ${concludedFrom ?? 'a lost answer'}, unchanged: failed after ${patienceMs} ms`, () => {
      const after = (sinceSentMs: number) =>
        nextOutcome(operation('unknown', { concludedFrom, sinceSentMs }), there, settleAfterMs);
      assert.equal(after(patienceMs), null);
      const minutes = Math.floor(patienceMs / 60_000);
      assert.deepEqual(after(patienceMs + 1), {
        status: 'failed',
        value: 'onboarded',
        concludedFrom: 'reading',
        explanation: `The connection is still onboarded ${minutes} minutes after sending.`,
        graphRequestId: null,
        reported: true,
      });
    });
  }
});
