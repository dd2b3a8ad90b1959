import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bearer, settings, start } from './support.ts';

const justification = { 'x-msft-approval-justification': Buffer.from('für 契約').toString('base64') };
const requests = '/beta/deviceManagement/operationApprovalRequests';
const day = 24 * 3600 * 1000;

type Running = Awaited<ReturnType<typeof start>>;

async function demanding(options: Parameters<typeof start>[0] = {}) {
  const running = await start(options);
  running.simulator.demandApproval(true);
  const tokens = {
    admin: await running.graphToken(await running.simulator.token('admin')),
    second: await running.graphToken(await running.simulator.token('second-admin')),
  };
  const act = (headers: Record<string, string>, who: keyof typeof tokens = 'admin') =>
    running.call('POST', `${settings}/disconnect`, { headers: { ...bearer(tokens[who]), ...headers } });
  const codeOf = (answer: Awaited<ReturnType<typeof act>>) => String(answer.headers['x-msft-approval-code']);
  return { running, tokens, act, codeOf };
}

async function listed({ call }: Running, token: string, query: string) {
  const answer = await call('GET', `${requests}${query}`, { headers: bearer(token) });
  return { status: answer.status, value: answer.json().value as Record<string, unknown>[] };
}

test('the handshake: demanded, filed, pending, approved, used once', async () => {
  const { running, tokens, act, codeOf } = await demanding();
  await using _ = running;
  const { simulator } = running;
  const demanded = await act({});
  assert.equal(demanded.status, 400);
  assert.match(demanded.text, /x-msft-approval-justification/);
  assert.equal((await act({ 'x-msft-approval-justification': '' })).status, 400);

  const filed = await act(justification);
  assert.equal(filed.status, 412);
  const code = codeOf(filed);
  assert.equal((await act(justification)).status, 409);
  const [request] = simulator.approvalRequests();
  assert.deepEqual(
    [request?.code, request?.justification, request?.status],
    [code, 'für 契約', 'needsApproval'],
  );

  const early = await act({ 'x-msft-approval-code': code });
  assert.deepEqual([early.status, codeOf(early)], [403, code], 'it waits still');
  simulator.decideApproval(code, 'approve');
  assert.equal((await act({ 'x-msft-approval-code': code }, 'second')).status, 403, 'its requester alone');
  assert.equal(simulator.acts().length, 0);
  assert.equal((await act({ 'x-msft-approval-code': code.toUpperCase() })).status, 200);
  assert.equal((await act({ 'x-msft-approval-code': code })).status, 403, 'used up');
  assert.equal(simulator.acts().length, 1);
  const { value } = await listed(running, tokens.admin, `?$filter=requestId eq '${code}'`);
  assert.deepEqual(
    value.map(({ requestId, status }) => [requestId, status]),
    [[code, 'completed']],
  );
});

test('the list of requests: all, one, none, and another filter', async () => {
  const { running, tokens, act, codeOf } = await demanding();
  await using _ = running;
  assert.deepEqual((await listed(running, tokens.admin, '')).value, []);
  const code = codeOf(await act(justification));
  const all = await listed(running, tokens.second, '');
  assert.deepEqual(
    all.value.map(({ id, requestJustification }) => [id, requestJustification]),
    [[code, 'für 契約']],
  );
  const none = await listed(running, tokens.admin, "?$filter=requestId eq 'another'");
  assert.deepEqual([none.status, none.value], [200, []]);
  assert.equal((await listed(running, tokens.admin, "?$filter=status eq 'approved'")).status, 400);
});

test('the control face plays the people, and refuses what they may not do', async () => {
  const { running, act, codeOf } = await demanding();
  await using _ = running;
  const { call, simulator } = running;
  const code = codeOf(await act(justification));
  const decide = async (body: object, of = code) =>
    (await call('POST', `/simulator/approvals/${of}`, { body: JSON.stringify(body) })).status;
  assert.equal(await decide({ do: 'approve', by: 'admin' }), 409, 'nobody decides about their own');
  assert.equal(await decide({ do: 'cancel', by: 'reader' }), 409);
  assert.equal(await decide({ do: 'complete' }), 409, 'not approved');
  assert.equal(await decide({ do: 'approve' }, 'another'), 409);
  assert.equal(await decide({ do: 'bless' }), 400);
  assert.equal(await decide({ do: 'approve', by: 'reader' }), 200);
  assert.equal(await decide({ do: 'reject' }), 409, 'decided');
  assert.equal(await decide({ do: 'complete' }), 200);
  assert.equal(simulator.acts()[0]?.application, 'Microsoft Intune admin center');
  const shown = (await call('GET', '/simulator/approvals')).json() as {
    demanded: boolean;
    requests: object[];
  };
  assert.deepEqual([shown.demanded, shown.requests.length], [true, 1]);
  const other = `/simulator/approvals?tenant=${simulator.otherTenantId}`;
  assert.equal((await call('PUT', other, { body: '{"demanded":true}' })).status, 204);
  assert.deepEqual((await call('GET', other)).json(), { demanded: true, requests: [] });
  simulator.reset();
  assert.deepEqual((await call('GET', '/simulator/approvals')).json(), { demanded: false, requests: [] });
});

test('three days end it, and one that ended makes way for another', async () => {
  let now = Date.parse('2026-03-01T12:00:00Z');
  const { running, act, codeOf } = await demanding({ now: () => now });
  await using _ = running;
  const { simulator } = running;
  const code = codeOf(await act(justification));
  simulator.decideApproval(code, 'approve');
  now += 3 * day - 1;
  assert.equal(simulator.approvalRequests()[0]?.status, 'approved');
  now += 1;
  assert.equal(simulator.approvalRequests()[0]?.status, 'expired');
  const again = await running.graphToken(await simulator.token('admin'));
  const headers = { ...bearer(again), ...justification };
  for (const verb of ['reject', 'cancel', 'expire'] as const) {
    const filed = await running.call('POST', `${settings}/disconnect`, { headers });
    assert.equal(filed.status, 412, verb);
    simulator.decideApproval(codeOf(filed), verb);
    assert.throws(() => simulator.decideApproval(codeOf(filed), 'approve'));
  }
  assert.deepEqual(
    simulator.approvalRequests().map(({ status }) => status),
    ['expired', 'rejected', 'cancelled', 'expired'],
  );
});
