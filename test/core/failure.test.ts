import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CallFailed, failureOf, graphTraceOf } from '../../src/core/failure.ts';
import { trace } from '../support/core.ts';

describe('the failure behind what was thrown', () => {
  const forbidden = { reason: 'graph_forbidden', graph: trace() } as const;
  const thrown: [unknown, ReturnType<typeof failureOf>][] = [
    [new CallFailed(forbidden), forbidden],
    [new TypeError('a defect'), { reason: 'internal', cause: 'TypeError: a defect' }],
    ['text', { reason: 'internal', cause: 'not an Error' }],
    [undefined, { reason: 'internal', cause: 'not an Error' }],
    [null, { reason: 'internal', cause: 'not an Error' }],
  ];
  for (const [error, failure] of thrown) {
    test(String(error), () => assert.deepEqual(failureOf(error), failure));
  }

  test('says its reason where it is printed', () => {
    assert.equal(String(new CallFailed(forbidden)), 'CallFailed: graph_forbidden');
  });

  test('has a trace where it got as far as Graph', () => {
    assert.deepEqual(graphTraceOf(forbidden), trace());
    assert.equal(graphTraceOf({ reason: 'not_connected' }), null);
  });
});
