import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type request from 'supertest';
import type { Fault } from '../../simulator/simulator.ts';
import { isSettled, movesFrom, type OperationStatus, openStatuses } from '../../src/core/operation/life.ts';
import { scene } from '../support/scene.ts';

type Row = {
  id: string;
  status: OperationStatus;
  request_id: string;
  superseded_by: string | null;
  connection: { id: string };
};

const acts: [string, Fault | null][] = [
  ['as it should', null],
  ['reset', { reset: true, times: 1 }],
  ['reset, applied', { reset: true, applies: true, times: 1 }],
  ['500', { status: 500, times: 1 }],
  ['502, applied', { status: 502, body: '<html>', applies: true, times: 1 }],
  ['half, applied', { malformed: true, applies: true, times: 1 }],
  ['503', { status: 503, times: 1 }],
  ['throttled once', { status: 429, retryAfter: '0', times: 1 }],
  ['throttled for long', { status: 429, retryAfter: '99', times: 1 }],
  ['forbidden', { status: 403, times: 1 }],
  ['challenged', { claimsChallenge: '{"access_token":{}}', times: 1 }],
  ['202', { status: 202, body: '{"value":"inprogress"}', times: 1 }],
];
const looks: [string, Fault | null][] = [
  ['as it should', null],
  ['500 once', { status: 500, times: 1 }],
  ['unreadable once', { body: '{"value":[{}]}', times: 1 }],
  ['slow', { delayMs: 30, times: 3 }],
];
const sequences = [
  ['inprogress', 'offboarding', 'gone'],
  ['inprogress', 'gone'],
  ['inprogress', 'onboarded'],
  ['offboarding', 'offboarding', 'failed'],
  ['failed', 'onboarded'],
  ['onboarded', 'offboarding'],
  ['onboarded', 'onboarded'],
  ['somethingNew', 'unknown', 'gone'],
];
const connections = [{}, null, { onboardingStatus: 'failed' }, { id: 'another' }, { id: 'a-third' }];

const someone = fc.constantFrom('admin' as const, 'second-admin' as const);
const call = fc.record({
  kind: fc.constant('call' as const),
  as: someone,
  key: fc.constantFrom(null, null, 'k1', 'k2'),
  takesOver: fc.boolean(),
  times: fc.constantFrom(1, 1, 2, 3),
});
const command = fc.oneof(
  { weight: 5, arbitrary: call },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('act' as const), fault: fc.constantFrom(...acts) }),
  },
  fc.record({ kind: fc.constant('look' as const), fault: fc.constantFrom(...looks) }),
  fc.record({ kind: fc.constant('sequence' as const), steps: fc.constantFrom(...sequences) }),
  fc.record({ kind: fc.constant('connection' as const), state: fc.constantFrom(...connections) }),
  fc.record({ kind: fc.constant('read' as const), as: someone }),
  fc.record({ kind: fc.constant('watch' as const), as: someone }),
  fc.record({ kind: fc.constant('time' as const) }),
);
type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never;

describe('whatever happens', () => {
  const it = scene();

  test('one act for one intent, one holder of the slot, and an explanation for everything', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 3, maxLength: 14 }), async (commands) => {
        await it.testEnvironment.closeOperations();
        it.simulator.reset();
        const [{ start } = { start: '0' }] = await it.query<{ start: string }>(
          'select coalesce(max(position), 0) as start from operations',
        );
        const rows = () =>
          it.query<Row>('select * from operations where position > $1 order by position', [start]);
        const ended = new Set<string>();
        for (const one of commands) {
          const responses = await run(one, await rows());
          const now = await rows();
          checkHolder(now);
          for (const response of responses) checkAnswer(response, now);
          // What has just been called completed is really gone.
          for (const { id, status, connection } of now) {
            if (status !== 'completed' || ended.has(id)) continue;
            ended.add(id);
            assert.notEqual(it.simulator.connection()?.id, connection.id);
          }
        }
        await checkRecord(await rows(), commands);
      }),
      { numRuns: 30 },
    );
  });

  async function run(command: Command, rows: readonly Row[]): Promise<request.Response[]> {
    const { simulator, tenantId } = it;
    switch (command.kind) {
      case 'act':
        simulator.setFault('disconnect', command.fault[1]);
        return [];
      case 'look':
        simulator.setFault('list', command.fault[1]);
        return [];
      case 'sequence':
        simulator.setSequence(tenantId, command.steps);
        return [];
      case 'connection':
        simulator.setConnection(tenantId, command.state);
        return [];
      case 'read':
        await it.readConnection({ as: command.as });
        return [];
      case 'watch': {
        const last = rows.at(-1);
        if (last) await it.operation(last.id, { as: command.as });
        return [];
      }
      case 'time': {
        const last = rows.at(-1);
        if (last) await it.age(last.id, 20 * 60_000);
        return [];
      }
      case 'call': {
        const unknown = rows.find(
          ({ status, superseded_by }) => status === 'unknown' && superseded_by === null,
        );
        const body = command.takesOver && unknown ? { supersedes: unknown.id } : {};
        const headers: Record<string, string> =
          command.key === null ? {} : { 'idempotency-key': command.key };
        return Promise.all(
          Array.from({ length: command.times }, () => it.disconnect({ as: command.as, body, headers })),
        );
      }
    }
  }

  function checkHolder(rows: readonly Row[]): void {
    const holders = rows.filter((row) => !isSettled({ status: row.status, supersededBy: row.superseded_by }));
    assert.ok(holders.length <= 1, 'one operation at most is open');
    for (const { status } of rows) {
      assert.ok(status !== 'sent', 'nobody is sending, so nothing is being sent');
      assert.ok(openStatuses.includes(status) || ['completed', 'failed'].includes(status));
    }
  }

  /** No answer claims what is not so. */
  function checkAnswer(response: request.Response, rows: readonly Row[]): void {
    const { status, body, headers } = response;
    const requestId = String(headers['client-request-id']);
    const mine = rows.find(({ request_id }) => request_id === requestId);
    const done = it.simulator.acts().filter(({ clientRequestId }) => clientRequestId === requestId);
    assert.ok(done.length <= 1, 'one act at most for one call');
    if (status === 200) {
      assert.equal(mine?.id, body.operationId);
      const byGraph = body.concludedFrom === undefined && body.status !== 'unknown';
      if (byGraph) assert.equal(done.length, 1, 'what Graph accepted was done');
    } else if (status === 502) {
      assert.deepEqual([body.code, body.operationId], ['outcome_unknown', mine?.id]);
    } else {
      assert.equal(done.length, 0, `${body.code} says that nothing was done`);
      assert.ok(mine === undefined || mine.status === 'failed');
    }
  }

  async function checkRecord(rows: readonly Row[], commands: readonly Command[]): Promise<void> {
    const sent = it.simulator.calls.filter(({ endpoint }) => endpoint === 'disconnect');
    for (const { headers } of sent) {
      const known = rows.filter(({ request_id }) => request_id === headers['client-request-id']);
      assert.equal(known.length, 1, 'every request to Graph belongs to one operation');
    }
    assert.ok(it.simulator.acts().length <= rows.length);
    const throttled = commands.some((one) => one.kind === 'act' && one.fault[0] === 'throttled once');
    const ids = sent.map(({ headers }) => headers['client-request-id']);
    if (!throttled) assert.equal(new Set(ids).size, ids.length, 'nothing but a throttled act is sent again');
    for (const row of rows) {
      const events = await it.events(row.id);
      const life = events.filter(({ event }) => ['attempt', 'outcome', 'move'].includes(event));
      assert.equal(life[0]?.event, 'attempt');
      assert.equal(life[1]?.event, 'outcome');
      assert.ok(
        life.slice(2).every(({ event }) => event === 'move'),
        'one attempt, one outcome',
      );
      let stands: OperationStatus | null = null;
      for (const { move } of life) {
        assert.ok(
          move && move.from === stands && movesFrom(move.from).includes(move.to),
          JSON.stringify(move),
        );
        stands = move.to;
      }
      assert.equal(stands, row.status, 'the events tell where it stands');
      assert.equal(life[0]?.connection?.id, row.connection.id);
    }
  }
});
