import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import type request from 'supertest';
import examples from '../../src/http/openapi/examples.json' with { type: 'json' };
import { catalogue } from '../../src/http/problems/catalogue.ts';
import { normalized } from '../support/normalized.ts';
import { connectRaw, postHead } from '../support/raw-http.ts';
import { hold, operationsPath, scene } from '../support/scene.ts';
import { bearer, connectionPath, disconnectPath, eventsPath } from '../support/service.ts';

const file = new URL('../../src/http/openapi/examples.json', import.meta.url);

const it = scene();

type Answers = Record<string, Record<string, Record<string, unknown>>>;
const answers: Answers = {};
const problems: Record<string, unknown> = {};

function answered(operationId: string, name: string, { status, body, text, type }: request.Response): void {
  assert.ok(status < 300, `${operationId} ${name}: ${status} ${text}`);
  const byStatus = answers[operationId] ?? {};
  const value = normalized(type === 'application/x-ndjson' ? text : body);
  answers[operationId] = { ...byStatus, [status]: { ...byStatus[status], [name]: value } };
}

function refused(
  code: keyof typeof catalogue,
  { status, body }: Pick<request.Response, 'status' | 'body'>,
): void {
  assert.deepEqual([status, body.code], [catalogue[code].status, code], JSON.stringify(body));
  problems[code] = normalized(body);
}

/** Each step begins with a fresh connection, no operation and no fault. */
async function fresh(): Promise<void> {
  await it.testEnvironment.closeOperations();
  it.simulator.reset();
}

const auditor = { as: 'auditor' } as const;
const second = { as: 'second-admin' } as const;
const why = { body: { reason: 'The contract with Google ends', ticket: 'CHG-4711' } };

async function readings(): Promise<void> {
  answered('readProfile', 'admin', await it.get('/api/v1/me'));
  answered('findAuditActors', 'ada', await it.get('/api/v1/audit/actors?name=ada', auditor));
  const { api } = it.service;
  const authorization = bearer(await it.simulator.token('auditor'));
  const text = (path: string) => api.get(path).set({ authorization }).buffer(true);
  answered('exportAudit', 'ndjson', await text('/api/v1/audit/export'));
  answered('readVerification', 'notYet', await it.get('/api/v1/audit/verification', auditor));
  answered('readConnection', 'connected', await it.readConnection({ as: 'reader' }));
  it.simulator.setConnection(it.tenantId, null);
  answered('readConnection', 'notConnected', await it.readConnection({ as: 'reader' }));
}

async function disconnects(): Promise<void> {
  await fresh();
  answered('disconnect', 'dryRun', await it.disconnect({ ...why, query: '?dryRun=true' }));
  await it.beside({ policy: { ticketPattern: /^CHG-\d+$/ } }, async (on) => {
    const body = { ...why.body, ticket: 'the one from Monday' };
    answered('disconnect', 'dryRunRefused', await it.disconnect({ body, query: '?dryRun=true', on }));
  });
  const accepted = await it.disconnect(why);
  answered('disconnect', 'accepted', accepted);
  const { operationId } = accepted.body;
  answered('readOperation', 'open', await it.operation(operationId));
  answered('listOperations', 'one', await it.get(`${operationsPath}?limit=1`));
  answered('readAudit', 'ofOneOperation', await it.get(`${eventsPath}?operationId=${operationId}`, auditor));
  it.simulator.setConnection(it.tenantId, null);
  answered('readOperation', 'completed', await it.operation(operationId));

  await fresh();
  it.simulator.setSequence(it.tenantId, ['failed', 'onboarded']);
  answered('disconnect', 'failed', await it.disconnect());
  await fresh();
  it.simulator.setSequence(it.tenantId, ['onboarded', 'offboarding']);
  answered('disconnect', 'concludedFromReading', await it.disconnect());
}

async function approvals(): Promise<void> {
  await fresh();
  await it.beside({ policy: { approvalRequired: true } }, async (on) => {
    const asked = await it.disconnect({ ...why, on });
    answered('disconnect', 'awaitingApproval', asked);
    const { operationId } = asked.body;
    const path = `${operationsPath}/${operationId}`;
    const yes = { body: { reason: 'Agreed in the change board' }, on };
    const seen = { headers: { 'if-match': String((await it.operation(operationId, second)).headers.etag) } };
    answered('approve', 'approved', await it.post(`${path}/approve`, { ...second, ...yes, ...seen }));
    refused('operation_changed', await it.post(`${path}/approve`, { ...second, ...yes, ...seen }));
    refused('operation_not_allowed', await it.post(`${path}/reject`, { ...second, ...yes }));
    refused('not_the_requester', await it.post(`${path}/execute`, { ...second, on }));
    answered('execute', 'accepted', await it.post(`${path}/execute`, { on }));

    await fresh();
    const other = await it.disconnect({ on });
    const no = { body: { reason: 'Not before the audit' }, on };
    answered(
      'reject',
      'rejected',
      await it.post(`${operationsPath}/${other.body.operationId}/reject`, { ...second, ...no }),
    );
    await fresh();
    const back = await it.disconnect({ on });
    const typo = { body: { reason: 'The wrong ticket' }, on };
    answered(
      'withdraw',
      'withdrawn',
      await it.post(`${operationsPath}/${back.body.operationId}/withdraw`, typo),
    );
    await fresh();
    const own = await it.disconnect({ ...second, on });
    refused(
      'own_approval',
      await it.post(`${operationsPath}/${own.body.operationId}/approve`, { ...second, ...yes }),
    );
  });
}

async function approvalsInIntune(): Promise<void> {
  await fresh();
  it.simulator.demandApproval(true);
  const filed = await it.disconnect(why);
  answered('disconnect', 'awaitingIntuneApproval', filed);
  const { operationId, approvalCode } = filed.body;
  const path = `${operationsPath}/${operationId}`;
  refused('decided_in_intune', await it.post(`${path}/execute`));
  it.simulator.decideApproval(approvalCode, 'approve');
  answered('readOperation', 'approvedInIntune', await it.operation(operationId));
  answered('execute', 'acceptedAfterIntune', await it.post(`${path}/execute`));
  it.simulator.demandApproval(false);

  await fresh();
  await it.beside({ policy: { approvalRequired: true } }, async (on) => {
    it.simulator.demandApproval(true);
    const { body } = await it.disconnect({ ...why, on });
    const { operationId: own } = body;
    const yes = { body: { reason: 'Agreed in the change board' }, on };
    assert.equal((await it.approve(own, { ...second, ...yes })).status, 200);
    const filedAgain = await it.post(`${operationsPath}/${own}/execute`, { on });
    answered('execute', 'awaitingIntuneApproval', filedAgain);
  });
}

async function badRequests(): Promise<void> {
  await fresh();
  const { api } = it.service;
  const authorization = bearer(await it.simulator.token('admin'));
  const post = () => api.post(disconnectPath).set({ authorization });
  refused('request_invalid', await it.disconnect({ query: '?dryrun=true' }));
  await brokenRequests(authorization);
  refused('body_not_json', await post().type('json').send('{"reason":'));
  refused(
    'body_too_large',
    await post()
      .type('json')
      .send(JSON.stringify({ reason: 'x'.repeat(20_000) })),
  );
  refused('media_type_unsupported', await post().type('text/plain').send('now'));
  refused('not_found', await api.get('/api/v1/nowhere'));
  refused('method_not_allowed', await api.delete(connectionPath));
  await it.beside({ policy: { idempotencyKeyRequired: true } }, async (on) => {
    refused('idempotency_key_required', await it.disconnect({ on }));
  });
  await it.beside({ policy: { ifMatchRequired: true } }, async (on) => {
    refused('precondition_required', await it.disconnect({ on }));
  });
  const keyed = { headers: { 'idempotency-key': '8e03978e-40d5-43dd-bc93-6894a57f9324' } };
  const held = hold(it.simulator, 'disconnect');
  const first = it.disconnect(keyed);
  await held.arrived();
  refused('idempotency_key_in_use', await it.disconnect(keyed));
  held.release();
  await first;
  refused('idempotency_key_reused', await it.disconnect({ ...keyed, ...why }));
}

async function brokenRequests(authorization: string): Promise<void> {
  await it.beside({ requestTimeoutMs: 200 }, async (on) => {
    const broken: [keyof typeof catalogue, string][] = [
      ['request_malformed', `${postHead(disconnectPath, { authorization, 'content-length': 0 })}{}`],
      ['body_incomplete', `${postHead(disconnectPath, { authorization, 'content-length': 9 })}{`],
      ['headers_too_large', postHead(disconnectPath, { cookie: 'x'.repeat(17_000) })],
      ['request_timeout', 'POST '],
    ];
    for (const [code, bytes] of broken) {
      const connection = await connectRaw(on.url);
      connection.send(bytes);
      refused(code, await connection.answer());
      connection.close();
    }
  });
}

async function badSignIns(): Promise<void> {
  await fresh();
  const { api } = it.service;
  refused('token_missing', await api.get('/api/v1/me'));
  refused('invalid_token', await it.get('/api/v1/me', { token: { expiresIn: -3600 } }));
  refused('insufficient_scope', await it.get('/api/v1/me', { token: { claims: { scp: undefined } } }));
  const stranger = '5a1e0000-dead-4000-8000-000000000000';
  refused('portal_not_allowed', await it.get('/api/v1/me', { token: { claims: { azp: stranger } } }));
  refused('guest_not_allowed', await it.get('/api/v1/me', { as: 'guest' }));
  refused('role_missing', await it.disconnect({ as: 'reader' }));
  const entra = (code: number) => ({ entraError: { code }, times: 1 });
  for (const [code, fault] of [
    ['insufficient_claims', { claimsChallenge: '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}' }],
    ['consent_required', entra(65001)],
    ['tenant_setup_required', entra(650052)],
    ['access_blocked', entra(53000)],
    ['exchange_refused', { status: 400, body: JSON.stringify({ error: 'unheard_of' }), times: 1 }],
    ['exchange_misconfigured', entra(70011)],
    ['identity_throttled', { status: 429, retryAfter: '60' }],
    ['identity_unavailable', { status: 503, retryAfter: '60' }],
    ['credential_rejected', { entraError: { code: 7000222 } }],
  ] as const) {
    it.simulator.setFault('token', fault);
    refused(code, await it.disconnect());
    it.simulator.clearFaults();
  }
  it.simulator.setFault('keys', { status: 503 });
  const on = await it.start({ unready: true });
  refused('signing_keys_unavailable', await it.get('/api/v1/me', { on }));
}

async function graphSays(): Promise<void> {
  await fresh();
  for (const [code, fault] of [
    ['graph_token_rejected', { status: 401 }],
    ['graph_forbidden', { status: 403 }],
    ['graph_not_found', { status: 404 }],
    ['graph_conflict', { status: 409 }],
    ['graph_rejected', { status: 400 }],
    ['graph_throttled', { status: 429, retryAfter: '17' }],
    ['graph_unavailable', { status: 503 }],
  ] as const) {
    it.simulator.setFault('list', fault);
    refused(code, await it.readConnection());
  }
  await fresh();
  it.simulator.setFault('disconnect', { reset: true, times: 1 });
  refused('outcome_unknown', await it.disconnect());
  refused('operation_in_progress', await it.disconnect(second));
  await fresh();
  it.simulator.setFault('disconnect', { intuneApproval: 'pending', times: 1 });
  refused('intune_approval_pending', await it.disconnect());
  const filedWithoutCode = { status: 412, headers: { 'x-msft-approval-code': '' }, times: 1 };
  await fresh();
  it.simulator.setFault('disconnect', filedWithoutCode);
  refused('intune_approval_filed', await it.disconnect());
  await fresh();
  it.simulator.demandApproval(true);
  await it.beside({ policy: { intuneApproval: 'never' } }, async (on) => {
    refused('intune_approval_required', await it.disconnect({ on }));
  });
  refused('operation_not_found', await it.operation('00000000-0000-4000-8000-000000000000'));
  await fresh();
  refused('connection_changed', await it.disconnect({ headers: { 'if-match': '"an earlier one"' } }));
  it.simulator.setConnection(it.tenantId, null);
  refused('not_connected', await it.disconnect());
}

async function outOfOrder(): Promise<void> {
  await fresh();
  await it.query("insert into audit_losses (chain, number, link) values ($1, 1000, '\\x00')", [it.tenantId]);
  refused('history_lost', await it.disconnect());
  await it.query('update audit_losses set acknowledged_at = now()');
  await it.beside({ limits: { callerPerMinute: 1 } }, async (on) => {
    await it.get('/api/v1/me', { on });
    refused('rate_limited', await it.get('/api/v1/me', { on }));
  });
  await it.beside({ limits: { maxConcurrentRequests: 1 } }, async (on) => {
    const held = hold(it.simulator, 'list');
    const waiting = it.readConnection({ on });
    await held.arrived();
    refused('overloaded', await it.get('/api/v1/me', { on }));
    held.release();
    await waiting;
  });
  // Less than Graph may take and what has to come after.
  await it.beside({ answerMs: 3500 }, async (on) => refused('not_sent_in_time', await it.disconnect({ on })));
  const toggle = (enabled: boolean) =>
    it.query(
      'insert into disconnect_switches (id, tenant_id, enabled, reason, changed_by, changed_at) values (gen_random_uuid(), $1, $2, $3, $4, now())',
      [it.tenantId, enabled, 'the rollout is being looked at until Friday', 'operator'],
    );
  await toggle(false);
  refused('disconnect_disabled', await it.disconnect());
  await toggle(true);
  await it.query('alter table audit_events rename to gone');
  refused('audit_unavailable', await it.get(eventsPath, auditor));
  await it.query('alter table gone rename to audit_events');
}

// UPDATE_EXAMPLES=1 writes them down. A defect has none, since nobody can bring one about, and what is told
// to a caller who went away is heard by nobody.
test('the examples in the document are what the service answers', { timeout: 120_000 }, async () => {
  const steps = [readings, disconnects, approvals, approvalsInIntune, badRequests, badSignIns, graphSays];
  for (const step of [...steps, outOfOrder]) {
    await step();
  }
  const found = { problems, answers };
  if (process.env.UPDATE_EXAMPLES === '1') await writeFile(file, `${JSON.stringify(found, null, 2)}\n`);
  else assert.deepEqual(found, examples);
  const without = Object.keys(catalogue).filter((code) => !(code in problems));
  assert.deepEqual(without, ['caller_gone', 'internal_error']);
});
