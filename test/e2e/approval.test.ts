import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { oidIn, otherTenantId, people } from '../../simulator/directory.ts';
import { until } from '../support/processes.ts';
import { bothTenants, operationsPath, scene } from '../support/scene.ts';

describe('two people', () => {
  const it = scene({
    environment: bothTenants,
    timings: { policy: { approvalRequired: true }, sweepMs: 600_000, graphTimeoutMs: 15_000 },
  });
  const approver = { as: 'second-admin', body: { reason: 'agreed in CAB' } } as const;
  const wish = async (): Promise<string> => {
    const { status, body } = await it.disconnect({ body: { reason: 'moving on', ticket: 'CHG-1' } });
    assert.equal(status, 202, JSON.stringify(body));
    return body.operationId;
  };
  const approve = (id: string, ask: object = approver) => it.approve(id, ask);
  const reject = (id: string, ask: object = approver) => it.post(`${operationsPath}/${id}/reject`, ask);
  const execute = (id: string, ask: object = {}) => it.post(`${operationsPath}/${id}/execute`, ask);
  const approved = async () => {
    const id = await wish();
    assert.equal((await approve(id)).status, 200);
    return id;
  };

  test('asked, approved, executed: one act, by the requester, and both people in the record', async () => {
    const first = await it.disconnect({ body: { reason: 'moving on' } });
    assert.equal(first.status, 202);
    const { operationId: id, status, expiresAt } = first.body;
    assert.equal(status, 'awaiting_approval');
    assert.equal(first.headers.location, `${operationsPath}/${id}`);
    const day = Date.parse(expiresAt) - Date.now();
    assert.ok(day > 86_300_000 && day <= 86_400_000);
    assert.equal(it.asked('disconnect'), 0);

    const second = await approve(id);
    assert.deepEqual([second.status, second.body.status], [200, 'approved']);
    assert.equal(second.body.approval.approver.oid, people['second-admin'].oid);
    assert.equal(it.asked('disconnect'), 0);
    const listsBefore = it.asked('list');
    const tokensBefore = it.asked('token');

    const third = await execute(id);
    assert.deepEqual([third.status, third.body.value, third.body.operationId], [200, 'inprogress', id]);
    assert.deepEqual(
      [it.asked('disconnect'), it.asked('list'), it.asked('token')],
      [1, listsBefore + 1, tokensBefore + 1],
    );
    assert.equal(it.simulator.acts()[0]?.oid, people.admin.oid);
    assert.equal(it.simulator.acts()[0]?.clientRequestId, third.headers['client-request-id']);

    const events = await it.events(id);
    assert.deepEqual(
      events.map(({ event, action, actor, move }) => [event, action, actor.oid, move?.to]),
      [
        ['move', 'disconnect', people.admin.oid, 'awaiting_approval'],
        ['read', 'read_operation', people['second-admin'].oid, undefined],
        ['move', 'approve', people['second-admin'].oid, 'approved'],
        ['attempt', 'disconnect', people.admin.oid, 'sent'],
        ['outcome', 'disconnect', people.admin.oid, 'accepted'],
      ],
    );
    assert.match(String(events[2]?.explanation), /agreed in CAB/);
    assert.match(String(events[3]?.explanation), new RegExp(people['second-admin'].oid));
    const view = (await it.operation(id)).body;
    assert.deepEqual(
      [view.requester.oid, view.approval.approver.oid, view.approval.reason],
      [people.admin.oid, people['second-admin'].oid, 'agreed in CAB'],
    );
  });

  test('the approver needs no Intune right, and never acts there', async () => {
    it.simulator.setPerson('second-admin', { intuneRoleMissing: true, consentMissing: true });
    const id = await wish();
    it.simulator.clearCalls();
    assert.equal((await approve(id)).status, 200);
    assert.equal(it.simulator.calls.length, 0);
  });

  test('nobody decides about their own, even with the role', async () => {
    const token = { claims: { roles: ['ChromeOS.Disconnect', 'ChromeOS.Approve'] } };
    const id = await wish();
    for (const decide of [approve, reject]) {
      const { status, body } = await decide(id, { as: 'admin', token, body: { reason: 'me' } });
      assert.deepEqual([status, body.code], [403, 'own_approval']);
    }
    assert.equal(await it.status(id), 'awaiting_approval');
  });

  test('who lacks the role may not decide', async () => {
    const id = await wish();
    for (const as of ['admin', 'reader', 'auditor', 'no-roles'] as const) {
      const { status, body } = await approve(id, { as, body: { reason: 'x' } });
      assert.deepEqual([status, body.code], [403, 'role_missing']);
    }
  });

  test('in another tenant it is not there', async () => {
    const id = await wish();
    for (const verb of [approve, reject]) {
      const { status, body } = await verb(id, { ...approver, token: { tenantId: otherTenantId } });
      assert.deepEqual([status, body.code], [404, 'operation_not_found']);
    }
    // The same object id in another tenant is another person.
    const token = { tenantId: otherTenantId, oid: people.admin.oid };
    assert.equal((await execute(id, { token })).status, 404);
    assert.notEqual(oidIn(otherTenantId, people.admin), people.admin.oid);
  });

  test('a decision needs a reason', async () => {
    const id = await wish();
    for (const body of [undefined, {}, { reason: '' }, { reason: '  ' }, { reason: 'x', also: 1 }, []]) {
      assert.equal((await approve(id, { as: 'second-admin', body })).status, 400, JSON.stringify(body));
    }
    assert.equal((await approve('nonsense')).status, 400);
    assert.equal(await it.status(id), 'awaiting_approval');
  });

  test('rejected: with the reason, for good, and the slot is free', async () => {
    const id = await wish();
    const { status, body } = await reject(id, { as: 'second-admin', body: { reason: 'not on a Friday' } });
    assert.deepEqual([status, body.status, body.approval.reason], [200, 'rejected', 'not on a Friday']);
    assert.equal((await execute(id)).body.code, 'operation_not_allowed');
    assert.equal((await approve(id)).body.code, 'operation_not_allowed');
    assert.equal((await it.events(id)).findLast(({ event }) => event === 'move')?.action, 'reject');
    await wish();
  });

  test('of two decisions at once, one counts', async () => {
    const id = await wish();
    const both = await Promise.all([approve(id), reject(id)]);
    assert.equal(both.filter(({ status }) => status === 200).length, 1);
    assert.ok([409, 412].includes(both.find(({ status }) => status !== 200)?.status ?? 0));
    const moves = (await it.events(id)).filter(({ event }) => event === 'move');
    assert.equal(moves.length, 2);
  });

  test('approved once; not executed before', async () => {
    const id = await wish();
    const early = await execute(id);
    assert.deepEqual([early.status, early.body.code], [409, 'operation_not_allowed']);
    assert.equal(early.headers.location, `${operationsPath}/${id}`);
    await approve(id);
    const again = await approve(id);
    assert.deepEqual([again.status, again.body.code], [409, 'operation_not_allowed']);
    assert.equal((await reject(id)).status, 409);
    assert.equal(it.asked('disconnect'), 0);
  });

  test('executed by the requester alone', async () => {
    const id = await approved();
    const other = await execute(id, { as: 'second-admin' });
    assert.deepEqual([other.status, other.body.code], [403, 'not_the_requester']);
    assert.equal((await execute(id, { as: 'reader' })).body.code, 'role_missing');
    assert.equal(await it.status(id), 'approved');
    assert.equal(it.asked('disconnect'), 0);
  });

  test('executed once: twice in a row, and twice at once', async () => {
    const id = await approved();
    assert.equal((await execute(id)).status, 200);
    assert.equal((await execute(id)).body.code, 'operation_not_allowed');
    await it.testEnvironment.closeOperations();
    it.simulator.setConnection(it.tenantId, {});
    it.simulator.setSequence(it.tenantId, ['inprogress', 'inprogress']);
    const other = await approved();
    const both = await Promise.all([execute(other), execute(other), execute(other)]);
    assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409, 409]);
    assert.equal(it.asked('disconnect'), 2);
  });

  test('another connection than the one approved: 412; gone: 409; and the approval stands', async () => {
    const id = await approved();
    it.simulator.setConnection(it.tenantId, { id: 'another' });
    const changed = await execute(id);
    assert.deepEqual([changed.status, changed.body.code], [412, 'connection_changed']);
    it.simulator.setConnection(it.tenantId, null);
    assert.deepEqual((await execute(id)).body.code, 'not_connected');
    assert.equal(it.asked('disconnect'), 0);
    it.simulator.setConnection(it.tenantId, {});
    assert.equal((await execute(id)).status, 200);
  });

  test('it holds the slot while it waits', async () => {
    const id = await wish();
    const other = await it.disconnect({ as: 'second-admin' });
    assert.deepEqual([other.status, other.body.operationId], [409, id]);
    await approve(id);
    assert.equal((await it.disconnect({ as: 'second-admin' })).status, 409);
  });

  for (const stage of ['awaiting_approval', 'approved'] as const) {
    const begin = () => (stage === 'approved' ? approved() : wish());
    const timeIsUp = (id: string) =>
      it.query("update operations set expires_at = now() - interval '1 second' where id = $1", [id]);

    test(`${stage} and its time is up: it can no longer be decided or executed, and is expired`, async () => {
      const id = await begin();
      await timeIsUp(id);
      const late = await (stage === 'approved' ? execute(id) : approve(id));
      assert.deepEqual([late.status, late.body.code], [409, 'operation_not_allowed']);
      assert.equal(await it.status(id), 'expired');
      assert.equal(it.asked('disconnect'), 0);
      const last = (await it.events(id)).findLast(({ event }) => event === 'move');
      assert.deepEqual(last?.move, { from: stage, to: 'expired' });
    });

    test(`${stage} and its time is up: a new call does not wait for the sweep`, async () => {
      const id = await begin();
      await timeIsUp(id);
      const next = await wish();
      assert.notEqual(next, id);
      assert.equal(await it.status(id), 'expired');
    });

    test(`${stage} and its time is up: the sweep ends it, once, and says that nobody called`, async () => {
      const id = await begin();
      await timeIsUp(id);
      await it.beside({ sweepMs: 50 }, async () => {
        await it.beside({ sweepMs: 50 }, async () => {
          await until('it is expired', async () => (await it.status(id)) === 'expired');
        });
      });
      const ends = (await it.events(id)).filter(({ move }) => move?.to === 'expired');
      assert.deepEqual(
        ends.map(({ actor }) => actor.oid),
        ['system'],
      );
    });
  }

  test('a wish about a connection that is gone makes way for the next one', async () => {
    const id = await approved();
    assert.equal((await it.disconnect({ query: '?dryRun=true' })).body.would, 'be_refused');
    it.simulator.setConnection(it.tenantId, { id: 'another-connection' });
    assert.equal((await it.disconnect({ query: '?dryRun=true' })).body.would, 'ask_for_approval');
    const next = await it.disconnect();
    assert.equal(next.status, 202);
    assert.equal(await it.status(id), 'expired');
    assert.match((await it.operation(id)).body.explanation, /connection it was about is gone/);
    assert.equal(it.asked('disconnect'), 0);
  });

  test('its time is a setting', async () => {
    const on = await it.start({ timings: { approvalMs: 60_000 } });
    const { body } = await it.disconnect({ on });
    assert.ok(Date.parse(body.expiresAt) - Date.now() <= 60_000);
  });

  test('executing what Intune then refuses: failed, and nothing more to execute', async () => {
    const id = await approved();
    it.simulator.setFault('disconnect', { status: 403 });
    assert.equal((await execute(id)).body.code, 'graph_forbidden');
    assert.equal(await it.status(id), 'failed');
    assert.equal((await execute(id)).body.code, 'operation_not_allowed');
  });

  test('executing with an unknown end is as unknown as any', async () => {
    const id = await approved();
    it.simulator.setFault('disconnect', { reset: true });
    const { status, body } = await execute(id);
    assert.deepEqual([status, body.code, body.operationId], [502, 'outcome_unknown', id]);
    assert.equal(await it.status(id), 'unknown');
    const next = await it.disconnect({ body: { supersedes: id } });
    assert.equal(next.status, 202);
  });

  test('executing takes no body but an empty object', async () => {
    const id = await approved();
    assert.equal((await execute(id, { body: { reason: 'another' } })).status, 400);
    assert.equal((await execute(id, { body: {} })).status, 200);
  });
});
