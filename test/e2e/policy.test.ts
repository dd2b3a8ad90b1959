import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { otherTenantId, registration } from '../../simulator/directory.ts';
import { bothTenants, scene } from '../support/scene.ts';

const pattern = /^(?:CHG-\d{4})$/u;

describe('what a tenant demands of a disconnect', () => {
  const it = scene({ environment: bothTenants });

  test('nothing, unless said', async () => {
    assert.equal((await it.disconnect()).status, 200);
  });

  test('a reason: missing, empty and blank are none', async () => {
    const on = await it.start({ timings: { policy: { reasonRequired: true } } });
    for (const body of [undefined, {}, { reason: '' }, { reason: ' \t\n\u00a0' }, { ticket: 'CHG-0001' }]) {
      const { status, body: answer } = await it.disconnect({ on, ...(body && { body }) });
      assert.deepEqual([status, answer.errors?.[0].field], [400, 'reason']);
    }
    assert.equal(it.asked('list') + it.asked('token'), 0);
    assert.equal((await it.disconnect({ on, body: { reason: 'moving on' } })).status, 200);
  });

  test('a ticket that matches as a whole', async () => {
    const on = await it.start({ timings: { policy: { ticketRequired: true, ticketPattern: pattern } } });
    for (const ticket of [
      '',
      ' ',
      'CHG-1',
      'xCHG-0001',
      'CHG-0001x',
      'CHG-0001\n',
      'chg-0001',
      'a\nCHG-0001',
    ]) {
      const { status, body } = await it.disconnect({ on, body: { ticket } });
      assert.deepEqual([status, body.errors?.[0].field], [400, 'ticket'], JSON.stringify(ticket));
    }
    assert.equal((await it.disconnect({ on })).status, 400);
    assert.equal((await it.disconnect({ on, body: { ticket: 'CHG-0001' } })).status, 200);
  });

  test('a ticket of any form; a form without a demand', async () => {
    await it.beside({ policy: { ticketRequired: true } }, async (on) => {
      assert.equal((await it.disconnect({ on })).status, 400);
      assert.equal((await it.disconnect({ on, body: { ticket: 'anything' } })).status, 200);
    });
    await it.testEnvironment.closeOperations();
    it.simulator.setConnection(it.tenantId, {});
    const on = await it.start({ timings: { policy: { ticketPattern: pattern } } });
    assert.equal((await it.disconnect({ on, body: { ticket: 'anything' } })).status, 400);
    assert.equal((await it.disconnect({ on })).status, 200);
  });

  test('a step-up: the challenge asks for exactly that context, and a token that proves it passes', async () => {
    const on = await it.start({ timings: { policy: { stepUp: 'c1' } } });
    for (const claims of [{}, { acrs: [] }, { acrs: ['c2', 'c11'] }, { acrs: 'p1' }]) {
      const { status, body, headers } = await it.disconnect({ on, token: { claims } });
      assert.deepEqual([status, body.code], [401, 'insufficient_claims']);
      const challenge = /error="insufficient_claims", claims="([^"]+)"/.exec(
        String(headers['www-authenticate']),
      );
      assert.deepEqual(JSON.parse(Buffer.from(challenge?.[1] ?? '', 'base64').toString()), {
        access_token: { acrs: { essential: true, value: 'c1' } },
      });
    }
    assert.equal(it.asked('token'), 0);
    const proven = await it.disconnect({ on, token: { claims: { acrs: ['p1', 'c1'] } } });
    assert.equal(proven.status, 200, JSON.stringify(proven.body));
  });

  test('an idempotency key', async () => {
    const on = await it.start({ timings: { policy: { idempotencyKeyRequired: true } } });
    const { status, body } = await it.disconnect({ on });
    assert.deepEqual([status, body.code], [400, 'idempotency_key_required']);
    assert.equal((await it.disconnect({ on, headers: { 'idempotency-key': 'k' } })).status, 200);
  });

  test('a tenant’s own demands replace those for all, each by itself', async () => {
    const tenants = { [otherTenantId]: { reasonRequired: false, ticketRequired: true } };
    const on = await it.start({
      timings: { policy: { reasonRequired: true, ifMatchRequired: true }, tenants },
    });
    const fields = async (tenantId: string, body: object, headers = {}) => {
      const { status, body: answer } = await it.disconnect({ on, token: { tenantId }, body, headers });
      return [status, answer.errors?.[0].field];
    };
    assert.deepEqual(await fields(it.tenantId, { ticket: 't' }), [400, 'reason']);
    assert.deepEqual(await fields(otherTenantId, { reason: 'r' }), [400, 'ticket']);
    assert.deepEqual(await fields(otherTenantId, { ticket: 't' }), [428, undefined]);
    assert.deepEqual(await fields(otherTenantId, { ticket: 't' }, { 'if-match': '*' }), [200, undefined]);
    assert.deepEqual(await fields(it.tenantId, { reason: 'r' }, { 'if-match': '*' }), [200, undefined]);
  });

  test('the profile tells beforehand what will be demanded, the ticket’s form as it was written', async () => {
    const policy = { ticketPattern: /^(?:CHG-\d{4,}|INC-(?:\d)+)$/u, stepUp: 'c1', approvalRequired: true };
    await it.beside({ policy }, async (on) => {
      const { body } = await it.get('/api/v1/me', { on });
      assert.deepEqual(body.policy, {
        reasonRequired: false,
        ticketRequired: false,
        ticketPattern: 'CHG-\\d{4,}|INC-(?:\\d)+',
        stepUp: 'c1',
        approvalRequired: true,
        idempotencyKeyRequired: false,
        ifMatchRequired: false,
      });
      assert.equal((await it.get('/api/v1/me', { on, as: 'reader' })).body.policy, null);
    });
    assert.equal((await it.get('/api/v1/me')).body.policy.ticketPattern, null);
  });

  test('what is demanded of the act holds for executing it too', async () => {
    const policy = {
      approvalRequired: true,
      stepUp: 'c1',
      ifMatchRequired: true,
      idempotencyKeyRequired: true,
    };
    const on = await it.start({ timings: { policy } });
    const token = { claims: { acrs: ['c1'] } };
    const headers = { 'if-match': '*', 'idempotency-key': 'k' };
    const { body } = await it.disconnect({ on, token, headers });
    const path = `/api/v1/operations/${body.operationId}`;
    await it.approve(body.operationId, { on });
    assert.equal((await it.post(`${path}/execute`, { on, headers })).body.code, 'insufficient_claims');
    assert.equal((await it.post(`${path}/execute`, { on, token })).status, 428);
    assert.equal(
      (await it.post(`${path}/execute`, { on, token, headers: { 'if-match': '"x"' } })).status,
      412,
    );
    assert.equal((await it.post(`${path}/execute`, { on, token, headers: { 'if-match': '*' } })).status, 200);
  });
});

describe('the switch', () => {
  const it = scene({ environment: bothTenants });
  const turn = (enabled: boolean, tenantId: string, reason = 'migration weekend') =>
    it.query(
      'insert into disconnect_switches (id, tenant_id, enabled, reason, changed_by, changed_at) values ($1, $2, $3, $4, $5, now())',
      [randomUUID(), tenantId, enabled, reason, 'an operator'],
    );
  const elsewhere = { token: { tenantId: otherTenantId } };

  for (const [name, scope] of [
    ['one tenant', registration.tenantId],
    ['all', '*'],
  ] as const) {
    test(`off for ${name}: 403 with the reason, at the next call of every replica; on again: on`, async () => {
      const other = await it.start();
      await turn(false, scope);
      for (const on of [it.service, other]) {
        const response = await it.disconnect({ on });
        assert.deepEqual([response.status, response.body.code], [403, 'disconnect_disabled']);
        assert.match(response.body.detail, /migration weekend/);
        const [event] = await it.eventsOfCall(response);
        assert.deepEqual([event?.event, event?.failure], ['refused', 'disconnect_disabled']);
      }
      assert.equal(it.asked('disconnect') + it.asked('list'), 0);
      const there = await it.disconnect(elsewhere);
      assert.equal(there.status, scope === '*' ? 403 : 200);
      await turn(true, scope);
      assert.equal((await it.disconnect()).status, 200);
    });
  }

  test('reading, approving and dry runs go on; executing does not', async () => {
    const on = await it.start({ timings: { policy: { approvalRequired: true } } });
    const { body } = await it.disconnect({ on });
    await turn(false, it.tenantId, 'an incident');
    const path = `/api/v1/operations/${body.operationId}`;
    assert.equal((await it.approve(body.operationId, { on })).status, 200);
    assert.equal((await it.readConnection({ on })).status, 200);
    const run = await it.disconnect({ query: '?dryRun=true' });
    assert.ok(run.body.checks.some(({ code }: { code: string }) => code === 'disconnect_disabled'));
    assert.equal((await it.post(`${path}/execute`, { on })).body.code, 'disconnect_disabled');
    assert.equal(await it.status(body.operationId), 'approved');
    await turn(true, it.tenantId);
    assert.equal((await it.post(`${path}/execute`, { on })).status, 200);
  });

  test('switched off while the connection was being looked at: not sent', async () => {
    const end = it.simulator.onCall(async ({ endpoint }) => {
      if (endpoint === 'list') await turn(false, '*');
    });
    const { status, body } = await it.disconnect();
    end();
    await turn(true, '*');
    assert.deepEqual([status, body.code], [403, 'disconnect_disabled']);
    assert.equal(it.asked('disconnect'), 0);
  });

  test('switched off while it was executed: not sent', async () => {
    const on = await it.start({ timings: { policy: { approvalRequired: true } } });
    const { body } = await it.disconnect({ on });
    const path = `/api/v1/operations/${body.operationId}`;
    await it.approve(body.operationId, { on });
    const end = it.simulator.onCall(async ({ endpoint }) => {
      if (endpoint === 'list') await turn(false, '*');
    });
    const response = await it.post(`${path}/execute`, { on });
    end();
    await turn(true, '*');
    assert.deepEqual([response.status, response.body.code], [403, 'disconnect_disabled']);
    assert.equal(it.asked('disconnect'), 0);
    assert.equal(await it.status(body.operationId), 'approved');
  });
});
