import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { operationsPath, scene } from '../support/scene.ts';

describe('dryRun', () => {
  const it = scene();
  type Check = { name: string; result: string; code: string | null };
  const checksOf = (body: { checks: Check[] }) =>
    Object.fromEntries(body.checks.map(({ name, result, code }) => [name, code ?? result]));
  const nothingDone = async () => {
    assert.equal(it.asked('disconnect'), 0);
    const { body } = await it.get(operationsPath);
    const ids = body.operations.filter(({ status }: { status: string }) => status === 'sent');
    assert.deepEqual(ids, []);
  };

  test('everything but the act: all checks, the connection, its ETag, what would happen', async () => {
    const response = await it.disconnect({ query: '?dryRun=true' });
    const { status, body, headers } = response;
    assert.equal(status, 200);
    assert.deepEqual([body.dryRun, body.would], [true, 'disconnect']);
    assert.match(body.consequence, /cannot be undone/);
    assert.deepEqual(checksOf(body), {
      role: 'passed',
      enabled: 'passed',
      on_behalf_of: 'passed',
      connection_readable: 'passed',
      connected: 'passed',
      no_open_operation: 'passed',
      intune_right_to_disconnect: 'write_permission_not_verifiable',
      intune_approval: 'intune_may_ask_for_approval',
    });
    const right = body.checks.find(({ name }: Check) => name === 'intune_right_to_disconnect');
    assert.equal(right.result, 'not_checkable');
    const read = await it.readConnection();
    assert.deepEqual(body.connection, read.body.value[0]);
    assert.equal(headers.etag, read.headers.etag);
    await nothingDone();
    const events = await it.eventsOfCall(response);
    assert.deepEqual(
      events.map(({ event, result, operationId }) => [event, result, operationId]),
      [['dry_run', 'succeeded', null]],
    );
  });

  for (const query of [
    '?dryRun=TRUE',
    '?dryRun=True',
    '?dryRun=1',
    '?dryRun=yes',
    '?dryRun=',
    '?dryRun',
    '?dryRun=true&dryRun=true',
    '?dryRun=false&dryRun=true',
    '?dryRun=true&dryRun=false',
    '?dryRun=false&dryRun=false',
    '?dryRun=true%20',
    '?dryrun=true',
    '?DRYRUN=true',
    '?dry-run=true',
    '?dryRun[]=true',
    '?%64ryRun=maybe',
    '?dryRun=true&force=true',
    '?whatIf=true',
    '?__proto__=true',
  ]) {
    test(`${query} never disconnects: 400`, async () => {
      const { status, body } = await it.disconnect({ query });
      assert.deepEqual([status, body.code], [400, 'request_invalid']);
      await nothingDone();
    });
  }

  for (const query of ['?%64ryRun=true', '/?dryRun=true', '?dryRun=tru%65']) {
    test(`${query} is a dry run, however it is written`, async () => {
      const { status, body } = await it.disconnect({ query });
      assert.deepEqual([status, body.dryRun], [200, true]);
      await nothingDone();
    });
  }

  test('dryRun=false is the act', async () => {
    const { status, body } = await it.disconnect({ query: '?dryRun=false' });
    assert.deepEqual([status, body.value], [200, 'inprogress']);
  });

  test('dryRun in the body is refused', async () => {
    const { status } = await it.disconnect({ body: { dryRun: true } as object });
    assert.equal(status, 400);
    await nothingDone();
  });

  test('nothing connected', async () => {
    it.simulator.setConnection(it.tenantId, null);
    const { body } = await it.disconnect({ query: '?dryRun=true' });
    assert.deepEqual([body.would, body.connection], ['be_refused', null]);
    assert.equal(checksOf(body).connected, 'not_connected');
  });

  test('the connection cannot be read: what follows from it is not checkable', async () => {
    it.simulator.setFault('list', { status: 403 });
    const response = await it.disconnect({ query: '?dryRun=true' });
    const { body } = response;
    assert.equal(body.would, 'be_refused');
    const checks = checksOf(body);
    assert.deepEqual(
      [checks.connection_readable, checks.connected, checks.no_open_operation],
      ['graph_forbidden', 'not_reached', 'not_reached'],
    );
    const [event] = await it.eventsOfCall(response);
    assert.deepEqual([event?.event, event?.result], ['dry_run', 'refused']);
  });

  test('no consent', async () => {
    it.simulator.setPerson('admin', { consentMissing: true });
    const { status, body } = await it.disconnect({ query: '?dryRun=true' });
    assert.deepEqual([status, checksOf(body).on_behalf_of], [200, 'consent_required']);
  });

  for (const [name, code, happens] of [
    [
      'a challenge',
      'insufficient_claims',
      () => it.simulator.setFault('token', { claimsChallenge: '{"access_token":{}}' }),
    ],
    ['a revoked sign-in', 'invalid_token', () => it.simulator.setPerson('admin', { revoked: true })],
    [
      'a token that Graph does not take',
      'graph_token_rejected',
      () => it.simulator.setFault('list', { status: 401 }),
    ],
  ] as const) {
    test(`${name} leads to signing in, as with any call`, async () => {
      happens();
      const { status, body, headers } = await it.disconnect({ query: '?dryRun=true' });
      assert.deepEqual([status, body.code], [401, code]);
      assert.match(String(headers['www-authenticate']), /^Bearer .*error="/);
    });
  }

  test('a check fails with the very code, words and members that the disconnect is refused with', async () => {
    const told = ({
      code,
      title,
      detail,
      hint,
      errors,
      operationId,
      operation,
    }: Record<string, unknown>) => ({
      code,
      title,
      detail,
      hint,
      errors,
      operationId,
      operation,
    });
    const policy = { ticketRequired: true, ticketPattern: /^CHG-\d+$/ };
    const on = await it.start({ timings: { policy } });
    const compare = async (body: { ticket: string }) => {
      const run = await it.disconnect({ query: '?dryRun=true', on, body });
      const failed = run.body.checks.filter(({ result }: Check) => result === 'failed');
      assert.equal(failed.length, 1);
      const refused = await it.disconnect({ on, body });
      assert.deepEqual(told(failed[0]), told(refused.body));
      return refused.body;
    };
    const pattern = await compare({ ticket: 'a wrong one' });
    assert.deepEqual(pattern.errors, [{ field: 'ticket', message: 'must match ^CHG-\\d+$' }]);
    await it.unknownOperation();
    const busy = await compare({ ticket: 'CHG-2' });
    assert.deepEqual([busy.code, typeof busy.operationId], ['operation_in_progress', 'string']);
  });

  test('a key that was used: what became of its request would be told again, or it would be refused', async () => {
    const keyed = { headers: { 'idempotency-key': 'used' } };
    await it.disconnect(keyed);
    const again = await it.disconnect({ ...keyed, query: '?dryRun=true' });
    assert.equal(again.body.would, 'repeat_first_answer');
    assert.match(again.body.consequence, /first answer/);
    const other = await it.disconnect({ ...keyed, query: '?dryRun=true', body: { reason: 'another' } });
    assert.deepEqual(
      [other.body.would, checksOf(other.body).idempotency_key_unused],
      ['be_refused', 'idempotency_key_reused'],
    );
    assert.equal(it.asked('disconnect'), 1);
  });

  test('another operation is open; one that would make way is not in the way, and is left as it is', async () => {
    const id = await it.acceptedOperation();
    const busy = await it.disconnect({ query: '?dryRun=true' });
    assert.equal(checksOf(busy.body).no_open_operation, 'operation_in_progress');
    it.simulator.setConnection(it.tenantId, { id: 'another' });
    const free = await it.disconnect({ query: '?dryRun=true' });
    assert.equal(checksOf(free.body).no_open_operation, 'passed');
    assert.equal(await it.status(id), 'accepted');
  });

  test('one of unknown end is in the way, unless it is taken over from', async () => {
    const id = await it.unknownOperation();
    const query = '?dryRun=true';
    assert.equal(checksOf((await it.disconnect({ query })).body).no_open_operation, 'operation_in_progress');
    const over = await it.disconnect({ query, body: { supersedes: id } });
    assert.equal(checksOf(over.body).no_open_operation, 'passed');
    assert.equal((await it.operation(id)).body.supersededBy, null);
  });

  test('one whose time is up is not in the way', async () => {
    const on = await it.start({ timings: { policy: { approvalRequired: true }, sweepMs: 600_000 } });
    const { body } = await it.disconnect({ on });
    await it.query("update operations set expires_at = now() - interval '1 second' where id = $1", [
      body.operationId,
    ]);
    const run = await it.disconnect({ query: '?dryRun=true', on });
    assert.equal(checksOf(run.body).no_open_operation, 'passed');
    assert.equal(await it.status(body.operationId), 'awaiting_approval');
    assert.equal((await it.disconnect({ on })).status, 202);
  });

  test('If-Match', async () => {
    const { headers } = await it.readConnection();
    const run = async (etag: string) =>
      checksOf((await it.disconnect({ query: '?dryRun=true', headers: { 'if-match': etag } })).body)
        .unchanged;
    assert.equal(await run(String(headers.etag)), 'passed');
    assert.equal(await run('"another"'), 'connection_changed');
    assert.equal(await run('*'), 'passed');
  });

  test('policy: each demand is a check; a second person would be asked', async () => {
    const policy = {
      reasonRequired: true,
      ticketRequired: true,
      idempotencyKeyRequired: true,
      ifMatchRequired: true,
      approvalRequired: true,
    };
    const on = await it.start({ timings: { policy } });
    const bare = await it.disconnect({ query: '?dryRun=true', on });
    const { reason, ticket, idempotency_key, if_match } = checksOf(bare.body);
    assert.deepEqual(
      [reason, ticket, idempotency_key, if_match, bare.body.would],
      [
        'request_invalid',
        'request_invalid',
        'idempotency_key_required',
        'precondition_required',
        'be_refused',
      ],
    );
    const full = await it.disconnect({
      query: '?dryRun=true',
      on,
      body: { reason: 'r', ticket: 't' },
      headers: { 'idempotency-key': 'k', 'if-match': '*' },
    });
    assert.equal(full.body.would, 'ask_for_approval');
    // A dry run uses up no key.
    const real = await it.disconnect({
      on,
      body: { reason: 'another', ticket: 't' },
      headers: { 'idempotency-key': 'k', 'if-match': '*' },
    });
    assert.equal(real.status, 202);
  });

  test('who may not disconnect may not try', async () => {
    const response = await it.disconnect({ as: 'reader', query: '?dryRun=true' });
    assert.deepEqual([response.status, response.body.code], [403, 'role_missing']);
    assert.equal(it.asked('list'), 0);
  });
});
