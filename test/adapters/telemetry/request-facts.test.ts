import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pino } from 'pino';
import { logRequest, type RequestFacts } from '../../../src/adapters/telemetry/request-facts.ts';
import type { Failure } from '../../../src/core/failure.ts';

const facts: RequestFacts = {
  requestId: 'request',
  trace: { traceId: 'trace', spanId: 'span', parentId: null, sampled: false },
  method: 'POST',
  route: '/disconnect',
  status: 502,
  durationMs: 1.26,
  address: '192.0.2.1',
  userAgent: null,
  aborted: false,
  call: {},
  failure: null,
  defect: null,
};

function logged(but: Partial<RequestFacts>): Record<string, unknown> {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => lines.push(line) });
  logRequest({ log, requests: log } as Parameters<typeof logRequest>[0], { ...facts, ...but });
  assert.equal(lines.length, 1);
  return JSON.parse(lines[0] ?? '');
}

const [info, warn, error] = [30, 40, 50];

describe('the log line of a request', () => {
  const trace = { status: 403, code: 'Forbidden', requestId: null, date: null };
  const readBacks: [Failure | undefined, string | undefined, number][] = [
    [undefined, undefined, warn],
    [{ reason: 'graph_forbidden', graph: trace }, 'graph_forbidden: Graph answered 403 Forbidden', warn],
    [{ reason: 'not_connected' }, 'not_connected', warn],
    [{ reason: 'internal', cause: 'TypeError: a defect' }, 'internal: TypeError: a defect', error],
  ];
  for (const [readBackFailed, text, level] of readBacks) {
    test(`says why the connection could not be read back: ${text}`, () => {
      const line = logged({ call: { oid: 'admin', ...(readBackFailed && { readBackFailed }) } });
      assert.deepEqual([line.readBackFailed, line.level, line.oid], [text, level, 'admin']);
    });
  }

  test('is an error where it is about a defect, or an outcome that is not on the record', () => {
    assert.equal(logged({ status: 200 }).level, info);
    assert.equal(logged({ status: 200, call: { outcomeUnrecorded: true } }).level, error);
    assert.equal(logged({ status: 500, defect: new TypeError('a defect') }).level, error);
  });
});
