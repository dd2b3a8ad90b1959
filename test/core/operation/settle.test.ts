import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { knownStatuses } from '../../../src/core/operation/connection.ts';
import { type OperationStatus, operationStatuses } from '../../../src/core/operation/life.ts';
import type { ConcludedFrom } from '../../../src/core/operation/outcome.ts';
import { conclude } from '../../../src/core/operation/settle.ts';

const settleAfterMs = 900_000;
const connection = (id: string, status: string) => ({
  id,
  status,
  owner: null,
  lastModified: null,
  lastDirectorySync: null,
});

/** What a look says that shows these members, so long after sending. */
function conclusion(
  status: OperationStatus,
  before: string,
  members: readonly (readonly [id: string, status: string])[],
  afterMs: number,
  concludedFrom: ConcludedFrom | null = null,
): OperationStatus | null {
  const seen = { members: members.map(([id, shown]) => connection(id, shown)), etag: '""' };
  const operation = { status, connection: connection('mine', before), sinceSentMs: afterMs, concludedFrom };
  return conclude(operation, seen, settleAfterMs)?.status ?? null;
}

const words = [...knownStatuses, 'somethingNew'];
const early = [0, settleAfterMs];
const late = [settleAfterMs + 1, 1e12];

describe('what a look at the connection says', () => {
  for (const status of operationStatuses) {
    test(status, () => {
      for (const before of words) {
        for (const afterMs of [...early, ...late]) {
          const gone =
            { sent: 'accepted', accepted: 'completed', unknown: 'completed' }[status as string] ?? null;
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
      concludedFrom: null,
    } as const;
    const seen = { members: [connection('mine', 'onboarded')], etag: '""' };
    assert.equal(conclude(operation, seen, settleAfterMs), null);
  });
});

/** The rules, said another way than the code says them. */
function expected(status: OperationStatus, before: string, shown: string, afterMs: number) {
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
