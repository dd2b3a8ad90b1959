import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { otherTenantId, people } from '../../simulator/directory.ts';
import { bothTenants, operationsPath, scene } from '../support/scene.ts';

describe('withdrawing', () => {
  const it = scene({
    environment: bothTenants,
    timings: { policy: { approvalRequired: true } },
  });
  const body = { reason: 'the wrong ticket' };

  const asked = async (): Promise<string> => {
    const response = await it.disconnect({ headers: { 'idempotency-key': 'k' }, body: { reason: 'moving' } });
    assert.equal(response.status, 202, JSON.stringify(response.body));
    return response.body.operationId;
  };
  const approve = (id: string) => it.approve(id);
  const withdraw = (id: string, ask: object = { body }) => it.post(`${operationsPath}/${id}/withdraw`, ask);

  for (const approved of [false, true]) {
    test(`${approved ? 'an approved request' : 'a request that waits'}: on the record, never sent, slot and key free`, async () => {
      const id = await asked();
      if (approved) assert.equal((await approve(id)).status, 200);
      const answer = await withdraw(id);
      assert.deepEqual(
        [answer.status, answer.body.status, answer.body.explanation],
        [200, 'withdrawn', body.reason],
      );
      const event = (await it.events(id)).at(-1);
      assert.deepEqual(
        [event?.event, event?.action, event?.actor.oid, event?.move, event?.explanation],
        [
          'move',
          'withdraw',
          people.admin.oid,
          { from: approved ? 'approved' : 'awaiting_approval', to: 'withdrawn' },
          body.reason,
        ],
      );
      assert.notEqual(await asked(), id, 'the same key asks again');
      assert.equal(it.asked('disconnect'), 0);
    });
  }

  test('only by the one who asked', async () => {
    const id = await asked();
    const answer = await withdraw(id, { as: 'second-admin', body });
    assert.deepEqual([answer.status, answer.body.code], [403, 'not_the_requester']);
    assert.equal(await it.status(id), 'awaiting_approval');
    const [refusal] = await it.eventsOfCall(answer);
    assert.deepEqual([refusal?.event, refusal?.action, refusal?.operationId], ['refused', 'withdraw', id]);
  });

  test('not in another tenant, not twice, not what has ended or was sent', async () => {
    const id = await asked();
    const elsewhere = await withdraw(id, { body, token: { tenantId: otherTenantId } });
    assert.deepEqual([elsewhere.status, elsewhere.body.code], [404, 'operation_not_found']);
    assert.equal((await withdraw(id)).status, 200);
    const again = await withdraw(id);
    assert.deepEqual([again.status, again.body.code], [409, 'operation_not_allowed']);

    const sent = await asked();
    assert.equal((await approve(sent)).status, 200);
    assert.equal((await it.post(`${operationsPath}/${sent}/execute`)).status, 200);
    assert.equal((await withdraw(sent)).body.code, 'operation_not_allowed');
  });

  for (const wrong of [undefined, {}, { reason: ' ' }, { reason: 'x', more: 1 }]) {
    test(`needs a reason: ${JSON.stringify(wrong)}`, async () => {
      const id = await asked();
      const answer = await withdraw(id, wrong === undefined ? {} : { body: wrong });
      assert.deepEqual([answer.status, answer.body.code], [400, 'request_invalid']);
      assert.equal(await it.status(id), 'awaiting_approval');
    });
  }

  test('a withdrawal and an execution at once: one of them happens', async () => {
    const id = await asked();
    assert.equal((await approve(id)).status, 200);
    const [withdrawal, execution] = await Promise.all([
      withdraw(id),
      it.post(`${operationsPath}/${id}/execute`),
    ]);
    const happened = [withdrawal.status, execution.status].filter((status) => status === 200);
    assert.equal(happened.length, 1);
    assert.equal(it.asked('disconnect'), execution.status === 200 ? 1 : 0);
  });
});
