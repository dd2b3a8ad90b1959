import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scene } from '../support/scene.ts';

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const hour = 3600 * 1000;

describe('a tenant whose Intune demands approvals of its own', () => {
  const it = scene();
  const key = { 'idempotency-key': 'one-intent' };

  for (const [step, status] of [
    ['required', 403],
    ['pending', 409],
  ] as const) {
    test(`${step}: nothing was done, and the key and the slot are free`, async () => {
      it.simulator.setFault('disconnect', { intuneApproval: step, times: 1 });
      const refused = await it.disconnect({ headers: key });
      assert.deepEqual([refused.status, refused.body.code], [status, `intune_approval_${step}`]);
      assert.equal(it.asked('disconnect'), 1);
      const [, outcome] = await it.eventsOfCall(refused);
      assert.deepEqual([outcome?.event, outcome?.result], ['outcome', 'failed']);
      assert.equal(outcome?.explanation?.includes('Intune'), step === 'pending');
      assert.equal((await it.disconnect({ headers: key })).status, 200);
    });
  }

  const filed = async () => {
    it.simulator.setFault('disconnect', { intuneApproval: 'filed', times: 1 });
    const answer = await it.disconnect({ headers: key });
    assert.deepEqual([answer.status, answer.body.code], [502, 'intune_approval_filed']);
    return answer;
  };

  test('filed: the code is told and on record, and nobody says that nothing was done', async () => {
    const { body, headers } = await filed();
    const { operationId, approvalCode } = body;
    assert.match(approvalCode, uuid);
    assert.equal(headers.location, body.operation);
    assert.doesNotMatch(JSON.stringify(body), /othing was done/);
    const { body: operation } = await it.operation(operationId);
    assert.deepEqual([operation.status, operation.concludedFrom], ['unknown', 'intune_approval']);
    assert.ok(operation.explanation.includes(approvalCode));
    const outcome = (await it.events(operationId)).find(({ event }) => event === 'outcome');
    assert.ok(outcome?.explanation?.includes(approvalCode));
    assert.deepEqual([outcome?.result, outcome?.failure], ['unknown', 'intune_approval_filed']);
  });

  test('filed: the same call hears the same, and nothing is sent again', async () => {
    const { body } = await filed();
    const again = await it.disconnect({ headers: key });
    assert.deepEqual(
      [again.status, again.body.code, again.body.approvalCode, again.body.operationId, again.body.requestId],
      [502, 'intune_approval_filed', body.approvalCode, body.operationId, body.requestId],
    );
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.equal(it.asked('disconnect'), 1);
    const other = await it.disconnect();
    assert.deepEqual([other.status, other.body.code], [409, 'operation_in_progress']);
  });

  test('filed: it is not over before Intune’s three days are', async () => {
    const { body } = await filed();
    await it.age(body.operationId, 72 * hour);
    assert.equal((await it.operation(body.operationId)).body.status, 'unknown');
    await it.age(body.operationId, hour);
    // Graph is read for an operation every few seconds at most.
    await it.world.query('update operations set read_at = null where id = $1', [body.operationId]);
    assert.equal((await it.operation(body.operationId)).body.status, 'failed');
  });

  test('filed: completed in Intune, it is told as done', async () => {
    const { body } = await filed();
    it.simulator.setConnection(it.tenantId, null);
    assert.equal((await it.operation(body.operationId)).body.status, 'completed');
  });

  test('filed, behind a 200 that is none: as well', async () => {
    const headers = { 'x-msft-approval-code': '7F1C2B7E-51A4-4A0E-9B1E-2F6D1C0C7B11' };
    it.simulator.setFault('disconnect', { status: 200, body: '{}', headers, times: 1 });
    const { status, body } = await it.disconnect();
    assert.deepEqual(
      [status, body.code, body.approvalCode],
      [502, 'intune_approval_filed', headers['x-msft-approval-code'].toLowerCase()],
    );
  });
});
