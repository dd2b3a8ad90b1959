import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { failureFromGraph } from '../../../src/adapters/graph/graph-answer.ts';
import type { FailureReason } from '../../../src/core/failure.ts';

const code = '7f1c2b7e-51a4-4a0e-9b1e-2f6d1c0c7b11';
const filedWith = (value: string) => ({ 'x-msft-approval-code': value });

/** An error as Graph shapes it; Intune's own words are JSON in a string. */
const error = (graphCode: string, message: string) => JSON.stringify({ error: { code: graphCode, message } });
const intune = (graphCode: string, message: string) =>
  error(graphCode, JSON.stringify({ _version: 3, Message: message, CustomApiErrorPhrase: '' }));
const justify = 'Header X-MSFT-Approval-Justification is required.';
// The same in Intune's JSON, which may write any character as its number.
const escaped = error(
  'BadRequest',
  '{"Message":"x\\u002dmsft\\u002dapproval\\u002djustification is missing"}',
);

const failureOf = (status: number, text: string, headers: Record<string, string> = {}, sideEffect = true) =>
  failureFromGraph({ status, text, headers }, 'tenant', { sideEffect, now: 0 });
const failureOfProven = (status: number, text: string) =>
  failureFromGraph({ status, text, headers: {} }, 'tenant', { sideEffect: true, proven: true, now: 0 });

describe('Intune’s Multi Admin Approval in an answer to an act', () => {
  const table: [string, number, string, FailureReason][] = [
    ['400 that names the header', 400, intune('BadRequest', justify), 'intune_approval_required'],
    [
      '400 that names it in Graph’s own message',
      400,
      error('BadRequest', justify),
      'intune_approval_required',
    ],
    ['400 that names it in escapes', 400, escaped, 'intune_approval_required'],
    ['403 that names it', 403, intune('Forbidden', justify), 'intune_approval_required'],
    ['412 that names it', 412, intune('PreconditionFailed', justify), 'intune_approval_required'],
    ['428 that names it', 428, intune('BadRequest', justify), 'intune_approval_required'],
    ['403 with a code of its own', 403, error('ApprovalRequired', ''), 'intune_approval_required'],
    ['409 that names it', 409, intune('Conflict', justify), 'intune_approval_required'],
    [
      '409 because one is waiting',
      409,
      intune('Conflict', 'A pending Approval exists'),
      'intune_approval_pending',
    ],
    ['400 of another kind', 400, intune('BadRequest', 'No approval of this'), 'graph_rejected'],
    ['403 of another kind', 403, intune('Forbidden', 'No role'), 'graph_forbidden'],
    ['409 of another kind', 409, intune('Conflict', 'Busy'), 'graph_conflict'],
    ['412 of another kind', 412, error('PreconditionFailed', ''), 'graph_rejected'],
    ['500 that names it', 500, intune('InternalServerError', justify), 'outcome_unknown'],
    ['408 that names it', 408, intune('BadRequest', justify), 'outcome_unknown'],
    ['a proxy’s page that names it', 400, `<html>${justify}</html>`, 'graph_rejected'],
    ['an error without a message', 400, '{"error":{"code":"BadRequest"}}', 'graph_rejected'],
    ['an error that is none', 400, '{"error":[]}', 'graph_rejected'],
    [
      'a message that is none',
      400,
      '{"error":{"message":{"Message":"x-msft-approval-justification"}}}',
      'graph_rejected',
    ],
    [
      'a message that is a list',
      400,
      '{"error":{"message":["x-msft-approval-justification"]}}',
      'graph_rejected',
    ],
  ];
  for (const [name, status, text, reason] of table) {
    test(`${name}: ${reason}`, () => assert.equal(failureOf(status, text).reason, reason));
  }

  // The code may have been lost on the way: what may have filed a request must not count as a refusal.
  const proven: [string, number, string, FailureReason][] = [
    ['412', 412, '', 'intune_approval_filed'],
    ['412 that names the header', 412, intune('PreconditionFailed', justify), 'intune_approval_filed'],
    ['403 with a code of its own', 403, error('ApprovalRequired', ''), 'intune_approval_filed'],
    ['403 that says nothing', 403, '', 'intune_approval_filed'],
    ['403 that speaks of an approval', 403, intune('Forbidden', 'Needs Approval'), 'intune_approval_filed'],
    ['403 of a missing role', 403, intune('Forbidden', 'No role'), 'graph_forbidden'],
    ['400 that names the header', 400, intune('BadRequest', justify), 'intune_approval_required'],
    ['428 that names the header', 428, intune('BadRequest', justify), 'intune_approval_required'],
    ['400 of another kind', 400, intune('BadRequest', 'Too long'), 'graph_rejected'],
    ['409', 409, intune('Conflict', 'Busy'), 'intune_approval_pending'],
    ['429', 429, '', 'graph_throttled'],
    ['500', 500, '', 'outcome_unknown'],
  ];
  for (const [name, status, text, reason] of proven) {
    test(`after a justification or with a code, ${name}: ${reason}`, () => {
      const failure = failureOfProven(status, text);
      assert.equal(failure.reason, reason);
      assert.equal('graph' in failure && failure.graph.status, status);
      if (failure.reason !== 'intune_approval_filed') return;
      assert.deepEqual(
        [failure.approvalCode, failure.operationId, failure.graph.status],
        [null, null, status],
      );
    });
  }

  test('both can be traced', () => {
    for (const [status, words] of [
      [400, justify],
      [409, 'A pending approval exists'],
    ] as const) {
      const failure = failureOf(status, intune('TheirCode', words), { 'request-id': 'their-id' });
      const graph = { status, code: 'TheirCode', requestId: 'their-id', date: null };
      assert.deepEqual('graph' in failure && failure.graph, graph);
    }
  });

  for (const status of [202, 400, 403, 409, 412, 429, 500, 503]) {
    test(`${status} with a code says that a request was filed`, () => {
      assert.deepEqual(failureOf(status, '', { ...filedWith(code), 'retry-after': '1' }), {
        reason: 'intune_approval_filed',
        graph: { status, code: null, requestId: null, date: null },
        approvalCode: code,
        operationId: null,
      });
    });
  }

  const codes: [string, string | null][] = [
    [` ${code.toUpperCase()} `, code],
    ['', null],
    ['unreadable', null],
    [`${code}0`, null],
    [`0${code}`, null],
    [`${code}, ${code}`, null],
  ];
  for (const [value, approvalCode] of codes) {
    test(`the code '${value}' is ${approvalCode}, and a request was filed`, () => {
      const failure = failureOf(412, '', filedWith(value));
      assert.deepEqual(failure.reason === 'intune_approval_filed' && [failure.reason, failure.approvalCode], [
        'intune_approval_filed',
        approvalCode,
      ]);
    });
  }

  test('a read has nothing to do with it', () => {
    assert.equal(
      failureOf(412, intune('BadRequest', justify), filedWith(code), false).reason,
      'graph_rejected',
    );
  });
});
