import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { operationsPath, scene } from '../support/scene.ts';

const hour = 3600 * 1000;
const why = { reason: 'Der Vertrag endet – 契約終了', ticket: 'CHG-4711' };
const justificationHeader = 'x-msft-approval-justification';
const codeHeader = 'x-msft-approval-code';

describe('a tenant whose Intune demands approvals of its own', () => {
  const it = scene();
  const key = { 'idempotency-key': 'one-intent' };

  const filed = async (body = why) => {
    it.simulator.demandApproval(true);
    const answer = await it.disconnect({ headers: key, body });
    assert.deepEqual([answer.status, answer.body.status], [202, 'awaiting_intune_approval']);
    return answer;
  };
  const execute = (id: string, ask: Parameters<typeof it.post>[1] = {}) =>
    it.post(`${operationsPath}/${id}/execute`, ask);
  const sent = () =>
    it.simulator.calls
      .filter(({ endpoint }) => endpoint === 'disconnect')
      .map(({ headers }) => [headers[justificationHeader], headers[codeHeader]] as const);
  const moves = async (id: string) =>
    (await it.events(id)).flatMap(({ event, move }) =>
      move === null ? [] : [`${event} ${move.from ?? 'start'} → ${move.to}`],
    );

  test('filed: the caller hears 202 with the code, and is told until when', async () => {
    const { body, headers } = await filed();
    const { operationId, approvalCode, expiresAt } = body;
    const [request] = it.simulator.approvalRequests();
    assert.ok(request);
    assert.equal(approvalCode, request.code);
    assert.equal(request.justification, 'Der Vertrag endet – 契約終了\nTicket: CHG-4711');
    assert.equal(headers.location, `${operationsPath}/${operationId}`);
    const { body: operation } = await it.operation(operationId);
    assert.equal(operation.status, 'awaiting_intune_approval');
    assert.deepEqual(
      [operation.concludedFrom, operation.intuneApproval.code, operation.expiresAt],
      ['intune_approval', approvalCode, expiresAt],
    );
    assert.equal(Date.parse(expiresAt) - Date.parse(operation.intuneApproval.filedAt), 72 * hour);
    assert.ok(operation.explanation.includes(approvalCode));
    const [, outcome] = await it.events(operationId);
    assert.ok(outcome?.explanation?.includes(approvalCode));
    assert.equal(sent().length, 2, 'once without, once with a justification');
    assert.equal(it.simulator.acts().length, 0);
  });

  test('filed: the same call hears the same, and nothing is sent again', async () => {
    const { body } = await filed();
    const again = await it.disconnect({ headers: key, body: why });
    assert.deepEqual([again.status, again.body], [202, body]);
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.equal(sent().length, 2);
    const other = await it.disconnect();
    assert.deepEqual([other.status, other.body.code], [409, 'operation_in_progress']);
    const over = await it.disconnect({ body: { supersedes: body.operationId } });
    assert.deepEqual([over.status, over.body.code], [409, 'operation_in_progress']);
  });

  test('approved there: the requester executes it, once, with the code in place of the justification', async () => {
    const { body } = await filed();
    const { operationId: id, approvalCode } = body;
    const early = await execute(id);
    assert.deepEqual([early.status, early.body.code], [409, 'decided_in_intune']);
    it.simulator.decideApproval(approvalCode, 'approve');
    const { body: approved } = await it.operation(id, { as: 'reader' });
    assert.equal(approved.status, 'approved_in_intune');
    const other = await execute(id, { as: 'second-admin' });
    assert.deepEqual([other.status, other.body.code], [403, 'not_the_requester']);
    const done = await execute(id);
    assert.deepEqual([done.status, done.body.value], [200, 'inprogress']);
    assert.deepEqual(sent().at(-1), [undefined, approvalCode]);
    assert.equal(it.simulator.acts().length, 1);
    const again = await execute(id);
    assert.deepEqual([again.status, again.body.code], [409, 'operation_not_allowed']);
    assert.equal(it.simulator.acts().length, 1);
    it.simulator.setConnection(it.tenantId, null);
    assert.equal((await it.operation(id)).body.status, 'completed');
    assert.deepEqual(await moves(id), [
      'attempt start → sent',
      'outcome sent → awaiting_intune_approval',
      'move awaiting_intune_approval → approved_in_intune',
      'attempt approved_in_intune → sent',
      'outcome sent → accepted',
      'move accepted → completed',
    ]);
    const [, , seen, attempt] = (await it.events(id)).filter(({ move }) => move !== null);
    for (const event of [seen, attempt]) assert.ok(event?.explanation?.includes(approvalCode));
  });

  for (const [name, endpoint, fault, status, code] of [
    ['is not sent', 'list', { status: 503 }, 503, 'graph_unavailable'],
    ['is refused', 'disconnect', { status: 403 }, 403, 'graph_forbidden'],
  ] as const) {
    test(`what was approved there and ${name} is told as filed still, and executed again`, async () => {
      const { body } = await filed();
      it.simulator.decideApproval(body.approvalCode, 'approve');
      it.simulator.setFault(endpoint, { ...fault, times: 1 });
      const refused = await execute(body.operationId);
      assert.deepEqual([refused.status, refused.body.code], [status, code]);
      assert.doesNotMatch(refused.text, /othing was done/);
      assert.ok(
        refused.body.detail.includes(`${body.approvalCode} for its approval is still filed in Intune`),
      );
      assert.equal(it.simulator.acts().length, 0);
      assert.equal((await execute(body.operationId)).status, 200);
      assert.equal(it.simulator.acts().length, 1);
    });
  }

  for (const [verb, status] of [
    ['reject', 'rejected'],
    ['cancel', 'withdrawn'],
    ['expire', 'expired'],
  ] as const) {
    test(`${verb} there: ${status}, and the key and the slot are free`, async () => {
      const { body } = await filed();
      it.simulator.decideApproval(body.approvalCode, verb);
      const { body: operation } = await it.operation(body.operationId);
      assert.deepEqual([operation.status, operation.concludedFrom], [status, 'intune_approval']);
      it.simulator.demandApproval(false);
      assert.equal((await it.disconnect({ headers: key })).status, 200);
    });
  }

  test('completed there: accepted, and completed when the connection is gone', async () => {
    const { body } = await filed();
    it.simulator.setSequence(it.tenantId, ['inprogress', 'offboarding', 'offboarding', 'gone']);
    it.simulator.decideApproval(body.approvalCode, 'approve');
    it.simulator.decideApproval(body.approvalCode, 'complete');
    const { body: operation } = await it.operation(body.operationId);
    assert.deepEqual([operation.status, operation.concludedFrom], ['accepted', 'intune_approval']);
    it.simulator.setConnection(it.tenantId, null);
    assert.equal((await it.operation(body.operationId)).body.status, 'completed');
    assert.equal(it.simulator.acts().length, 1);
  });

  test('never: it is not asked for, and nothing was done', async () => {
    it.simulator.demandApproval(true);
    await it.beside({ policy: { intuneApproval: 'never' } }, async (on) => {
      const refused = await it.disconnect({ on });
      assert.deepEqual([refused.status, refused.body.code], [403, 'intune_approval_required']);
      const [, outcome] = await it.eventsOfCall(refused);
      assert.deepEqual([outcome?.event, outcome?.result], ['outcome', 'failed']);
    });
    assert.deepEqual([sent().length, it.simulator.approvalRequests().length], [1, 0]);
  });

  test('one is pending already: told, and the key and the slot are free', async () => {
    it.simulator.demandApproval(true);
    it.simulator.setFault('disconnect', { intuneApproval: 'pending', times: 1 });
    const refused = await it.disconnect({ headers: key });
    assert.deepEqual([refused.status, refused.body.code], [409, 'intune_approval_pending']);
    const [, outcome] = await it.eventsOfCall(refused);
    assert.ok(outcome?.explanation?.includes('Intune'));
    await filed();
  });

  test('filed without a code: unknown, and not over before Intune’s three days are', async () => {
    it.simulator.setFault('disconnect', { status: 412, headers: { [codeHeader]: 'what' }, times: 1 });
    const { status, body } = await it.disconnect({ headers: key });
    assert.deepEqual([status, body.code], [502, 'intune_approval_filed']);
    assert.doesNotMatch(JSON.stringify(body), /othing was done/);
    const again = await it.disconnect({ headers: key });
    assert.deepEqual([again.status, again.body.operationId], [502, body.operationId]);
    const readAfter = async (ms: number) => {
      await it.age(body.operationId, ms);
      return (await it.operation(body.operationId)).body.status;
    };
    assert.equal(await readAfter(72 * hour), 'unknown');
    assert.equal(await readAfter(hour), 'failed');
  });

  test('filed, behind a 200 that is none: as well', async () => {
    const headers = { [codeHeader]: '7F1C2B7E-51A4-4A0E-9B1E-2F6D1C0C7B11' };
    it.simulator.setFault('disconnect', { status: 200, body: '{}', headers, times: 1 });
    const { status, body } = await it.disconnect();
    assert.deepEqual([status, body.approvalCode], [202, headers[codeHeader].toLowerCase()]);
  });

  test('it can be taken back only in Intune, and approved only there', async () => {
    const { body } = await filed();
    const reason = { body: { reason: 'a typing error' } };
    for (const [verb, as] of [
      ['withdraw', 'admin'],
      ['approve', 'second-admin'],
      ['reject', 'second-admin'],
    ] as const) {
      const headers = { 'if-match': '*' };
      const path = `${operationsPath}/${body.operationId}/${verb}`;
      const refused = await it.post(path, { as, headers, ...reason });
      assert.deepEqual(
        [refused.status, refused.body.code, refused.body.approvalCode],
        [409, 'decided_in_intune', body.approvalCode],
        verb,
      );
    }
  });

  test('with our own second person too, ours comes first', async () => {
    await it.beside({ policy: { approvalRequired: true } }, async (on) => {
      it.simulator.demandApproval(true);
      const asked = await it.disconnect({ on, headers: key });
      assert.deepEqual([asked.status, asked.body.status], [202, 'awaiting_approval']);
      const id = asked.body.operationId;
      const yes = { as: 'second-admin', body: { reason: 'it is time' }, on } as const;
      assert.equal((await it.approve(id, yes)).status, 200);
      assert.equal(sent().length, 0);
      const waiting = await execute(id, { on });
      assert.deepEqual([waiting.status, waiting.body.status], [202, 'awaiting_intune_approval']);
      it.simulator.decideApproval(waiting.body.approvalCode, 'approve');
      assert.equal((await execute(id, { on })).status, 200);
      const again = await it.disconnect({ on, headers: key });
      assert.deepEqual([again.status, again.body.status], [202, 'awaiting_approval']);
    });
    assert.equal(it.simulator.acts().length, 1);
  });
});
