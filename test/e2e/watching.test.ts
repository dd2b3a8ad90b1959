import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { otherTenantId } from '../../simulator/directory.ts';
import { until } from '../support/processes.ts';
import { bothTenants, hold, operationsPath, scene } from '../support/scene.ts';

describe('watching a disconnect end', () => {
  const it = scene({ environment: bothTenants });

  test('reading moves it, records how long it took, and is on the record as a read', async () => {
    const id = await it.acceptedOperation();
    const first = await it.operation(id, { as: 'reader' });
    assert.deepEqual([first.status, first.body.status, first.body.readFailed], [200, 'accepted', null]);
    const second = await it.operation(id, { as: 'reader' });
    assert.equal(second.body.status, 'completed');
    assert.ok(second.body.tookMs >= 0);
    assert.equal(second.headers['retry-after'], undefined);
    const events = await it.events(id);
    assert.deepEqual(
      events.map(({ event }) => event),
      ['attempt', 'outcome', 'read', 'move', 'read'],
    );
    const move = events[3];
    assert.deepEqual([move?.result, move?.actor.oid], ['completed', events[4]?.actor.oid]);
  });

  test('an end that is known is read from Graph no more', async () => {
    const id = await it.acceptedOperation();
    await it.operation(id);
    await it.operation(id);
    it.simulator.clearCalls();
    assert.equal((await it.operation(id)).body.status, 'completed');
    assert.equal(it.simulator.calls.length, 0);
  });

  test('a look that fails is shown, not thrown, and moves nothing', async () => {
    const id = await it.acceptedOperation();
    it.simulator.setFault('list', { status: 503, retryAfter: '60' });
    const { status, body } = await it.operation(id);
    assert.deepEqual([status, body.status, body.readFailed], [200, 'accepted', 'graph_unavailable']);
    it.simulator.setPerson('reader', { intuneRoleMissing: true });
    it.simulator.clearFaults();
    const other = await it.operation(id, { as: 'reader' });
    assert.deepEqual([other.status, other.body.readFailed], [200, 'graph_forbidden']);
  });

  test('a claims challenge is passed to the one who asks', async () => {
    const id = await it.acceptedOperation();
    it.simulator.setFault('list', { claimsChallenge: '{"access_token":{"nbf":{"essential":true}}}' });
    const { status, body, headers } = await it.operation(id);
    assert.deepEqual([status, body.code], [401, 'insufficient_claims']);
    assert.match(String(headers['www-authenticate']), /claims="/);
  });

  test('who may: readers, approvers and those who disconnect; nobody else', async () => {
    const id = await it.acceptedOperation();
    for (const as of ['reader', 'admin', 'second-admin'] as const) {
      assert.equal((await it.operation(id, { as })).status, 200);
      assert.equal((await it.get(operationsPath, { as })).status, 200);
    }
    const approver = { as: 'no-roles', token: { claims: { roles: ['ChromeOS.Approve'] } } } as const;
    assert.equal((await it.operation(id, approver)).status, 200);
    for (const as of ['auditor', 'no-roles'] as const) {
      assert.equal((await it.operation(id, { as })).body.code, 'role_missing');
      assert.equal((await it.get(operationsPath, { as })).body.code, 'role_missing');
    }
  });

  test('another tenant’s operation is not there', async () => {
    const id = await it.acceptedOperation();
    const elsewhere = { token: { tenantId: otherTenantId } };
    const { status, body } = await it.operation(id, elsewhere);
    assert.deepEqual([status, body.code], [404, 'operation_not_found']);
    assert.deepEqual((await it.get(operationsPath, elsewhere)).body, { operations: [], nextCursor: null });
  });

  test('ids that are none', async () => {
    assert.equal((await it.operation('nonsense')).status, 400);
    assert.equal((await it.operation('11111111-2222-4333-8444-555555555555')).status, 404);
  });

  test('the list: newest first, by status, page by page, of nothing else, and without Graph', async () => {
    const ids: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      ids.unshift(await it.acceptedOperation());
      it.simulator.setConnection(it.tenantId, { id: `connection-${round}` });
    }
    it.simulator.clearCalls();
    const list = async (query: string) => (await it.get(`${operationsPath}${query}`)).body;
    const idsOf = ({ operations }: { operations: { operationId: string }[] }) =>
      operations.map(({ operationId }) => operationId);
    assert.deepEqual(idsOf(await list('')).slice(0, 3), ids);
    assert.deepEqual(idsOf(await list('?status=accepted')), ids.slice(0, 1));
    const first = await list('?status=completed&limit=1');
    const second = await list(`?status=completed&limit=1&cursor=${first.nextCursor}`);
    assert.deepEqual([...idsOf(first), ...idsOf(second)], ids.slice(1));
    assert.deepEqual(await list('?status=rejected'), { operations: [], nextCursor: null });
    assert.equal(it.simulator.calls.length, 0);
  });

  for (const query of [
    '?status=open',
    '?status=',
    '?state=sent',
    '?limit=0',
    '?limit=501',
    '?cursor=bogus',
    '?status=sent&status=sent',
  ]) {
    test(`${query} is refused`, async () => {
      assert.equal((await it.get(`${operationsPath}${query}`)).status, 400);
    });
  }
});

describe('how often Graph is asked', () => {
  const it = scene({ timings: { watchEveryMs: 60_000 } });

  test('once in watchEveryMs per operation, whoever asks and at whichever replica; Retry-After says when', async () => {
    const other = await it.start({ timings: { watchEveryMs: 60_000 } });
    const id = await it.acceptedOperation();
    it.simulator.clearCalls();
    const answers = await Promise.all(
      (['admin', 'reader', 'second-admin'] as const).flatMap((as) => [
        it.operation(id, { as }),
        it.operation(id, { as, on: other }),
      ]),
    );
    assert.equal(it.asked('list'), 1);
    for (const { status, body, headers } of answers) {
      assert.deepEqual([status, body.status, headers['retry-after']], [200, 'accepted', '60']);
    }
    await it.query("update operations set read_at = read_at - interval '60 seconds'");
    await it.operation(id);
    assert.equal(it.asked('list'), 2);
  });

  test('what a waiting call could not read, it says at its end', async () => {
    const id = await it.acceptedOperation();
    it.simulator.setFault('list', { status: 500 });
    const { body } = await it.operation(id, { headers: { prefer: 'wait=1' } });
    assert.deepEqual([body.status, body.readFailed], ['accepted', 'graph_unavailable']);
  });
});

describe('Prefer: wait', () => {
  const it = scene({ timings: { watchEveryMs: 100, graphTimeoutMs: 20_000 } });
  const waiting = (seconds: number | string) => ({ headers: { prefer: `wait=${seconds}` } });
  const timed = async <Value>(work: Promise<Value>): Promise<[Value, number]> => {
    const begun = Date.now();
    return [await work, Date.now() - begun];
  };

  test('answers when the state changes', async () => {
    const id = await it.acceptedOperation();
    it.simulator.setConnection(it.tenantId, {});
    const answer = timed(it.operation(id, waiting(20)));
    await until('it is being watched', () => it.asked('list') >= 3);
    it.simulator.setConnection(it.tenantId, null);
    const [{ status, body, headers }, ms] = await answer;
    assert.deepEqual([status, body.status], [200, 'completed']);
    assert.equal(headers['preference-applied'], 'wait=20');
    assert.ok(ms < 5000);
  });

  test('answers at once when the very first look changes it', async () => {
    const id = await it.unknownOperation();
    it.simulator.setConnection(it.tenantId, { onboardingStatus: 'offboarding' });
    const [{ body }, ms] = await timed(it.operation(id, waiting(5)));
    assert.equal(body.status, 'accepted');
    assert.ok(ms < 2000, `${ms} ms`);
  });

  test('answers when another call moves it', async () => {
    const on = await it.start({ timings: { watchEveryMs: 60_000 } });
    const id = await it.acceptedOperation();
    it.simulator.setConnection(it.tenantId, {});
    const answer = it.operation(id, { ...waiting(20), on });
    await until('it is being watched', () => it.asked('list') >= 2);
    it.simulator.setConnection(it.tenantId, null);
    await it.readConnection({ as: 'reader' });
    assert.equal((await answer).body.status, 'completed');
  });

  test('answers when the time is up', async () => {
    const id = await it.acceptedOperation();
    it.simulator.setConnection(it.tenantId, {});
    const [{ status, body, headers }, ms] = await timed(it.operation(id, waiting('1')));
    assert.deepEqual([status, body.status], [200, 'accepted']);
    assert.equal(headers['preference-applied'], 'wait=1');
    assert.equal(headers['retry-after'], '1');
    assert.ok(ms >= 1000 && ms < 3000, `${ms} ms`);
  });

  test('waits 30 seconds at most, and not at all for what has ended', async () => {
    const id = await it.acceptedOperation();
    it.simulator.setConnection(it.tenantId, null);
    await it.readConnection();
    const [{ headers, body }, ms] = await timed(it.operation(id, waiting('600')));
    assert.deepEqual([headers['preference-applied'], body.status], ['wait=30', 'completed']);
    assert.ok(ms < 2000);
  });

  test('nor for one that another has taken over from', async () => {
    const old = await it.unknownOperation();
    await it.disconnect({ body: { supersedes: old } });
    const [{ body }, ms] = await timed(it.operation(old, waiting(20)));
    assert.equal(body.status, 'unknown');
    assert.ok(ms < 2000);
  });

  test('among other preferences, in any case; nonsense is ignored', async () => {
    const id = await it.acceptedOperation();
    it.simulator.setConnection(it.tenantId, null);
    await it.readConnection();
    const applied = async (prefer: string) =>
      (await it.operation(id, { headers: { prefer } })).headers['preference-applied'];
    assert.equal(await applied('respond-async, Wait=7'), 'wait=7');
    assert.equal(await applied('wait="7"; foo'), 'wait=7');
    for (const prefer of ['wait', 'wait=', 'wait=soon', 'wait=-1', 'await=7', 'wait=0']) {
      assert.equal(await applied(prefer), undefined, prefer);
    }
  });

  test('waits for an operation that is being sent, without reading Graph for it', async () => {
    const held = hold(it.simulator, 'disconnect');
    const sending = it.disconnect();
    await held.arrived();
    const [sent] = await it.query<{ id: string; since: string }>(
      "select id, clock_timestamp()::text as since from operations where status = 'sent'",
    );
    assert.ok(sent);
    it.simulator.clearCalls();
    const answer = it.operation(sent.id, waiting(20));
    // A role sees what its own connections did last.
    const looker = new pg.Client({ connectionString: it.testEnvironment.database.url });
    await looker.connect();
    await until('the waiting call has seen it sent', async () => {
      const { rowCount } = await looker.query(
        `select 1 from pg_stat_activity where datname = current_database() and state = 'idle'
           and query like '%from operations o where o.id = %' and query_start > $1`,
        [sent.since],
      );
      return rowCount !== 0;
    });
    await looker.end();
    held.release();
    await sending;
    assert.equal((await answer).body.status, 'accepted');
    assert.equal(it.asked('list'), 1, 'once it was accepted, and not before');
  });
});
