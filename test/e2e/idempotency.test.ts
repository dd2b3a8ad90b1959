import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type request from 'supertest';
import { otherTenantId, people } from '../../simulator/directory.ts';
import type { Fault } from '../../simulator/simulator.ts';
import { bothTenants, faultsInTurn, hold, holdAnswers, operationsPath, scene } from '../support/scene.ts';

const keyed = (key: string) => ({ 'idempotency-key': key });

/** What a repetition has in common with the first answer: all but when it was written. */
function answerOf({ status, body, headers }: request.Response) {
  const { error, traceId: _ours, ...rest } = body;
  const innerError = error && { ...error.innerError, date: undefined };
  const told = ['location', 'request-id', 'client-request-id', 'content-type'];
  return {
    status,
    body: { ...rest, error: error && { ...error, innerError } },
    headers: told.map((name) => headers[name]),
  };
}

describe('Idempotency-Key', () => {
  const it = scene({
    environment: bothTenants,
    timings: { graphTimeoutMs: 500 },
  });

  for (const [form, value] of [
    ['a quoted string', '"8e03978e-40d5-43dd-bc93-6894a57f9324"'],
    ['a bare token', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['one character', 'k'],
    ['255 characters', `"${'k'.repeat(255)}"`],
    ['all that is visible', "!#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~"],
  ] as const) {
    test(`${form} is a key: the first answer comes again`, async () => {
      const first = await it.disconnect({ headers: keyed(value) });
      assert.equal(first.status, 200, JSON.stringify(first.body));
      assert.equal(first.headers['idempotency-replayed'], undefined);
      const again = await it.disconnect({ headers: keyed(value) });
      assert.equal(again.headers['idempotency-replayed'], 'true');
      assert.deepEqual(answerOf(again), answerOf(first));
      assert.equal(it.asked('disconnect'), 1);
    });
  }

  test('quoted and bare are the same key', async () => {
    await it.disconnect({ headers: keyed('"one"') });
    const again = await it.disconnect({ headers: keyed('one') });
    assert.equal(again.headers['idempotency-replayed'], 'true');
  });

  for (const [form, value] of [
    ['nothing', ''],
    ['an empty string', '""'],
    ['256 characters', 'k'.repeat(256)],
    ['256 characters in quotes', `"${'k'.repeat(256)}"`],
    ['a space', 'a b'],
    ['a tab', 'a\tb'],
    ['a quote left open', '"abc'],
    ['a quote inside', '"a"b"'],
    ['not ASCII', 'schl\u00fcssel'],
    ['parameters', '"abc";a=1'],
  ] as const) {
    test(`${form} is no key: 400, nothing done`, async () => {
      const response = await it.disconnect({ headers: keyed(value) });
      assert.deepEqual(
        [response.status, response.body.code, response.body.errors?.[0].field],
        [400, 'request_invalid', 'Idempotency-Key'],
      );
      assert.equal(it.asked('disconnect') + it.asked('list'), 0);
    });
  }

  test('two keys are none', async () => {
    const { api } = it.service;
    const response = await api
      .post('/api/v1/deviceManagement/chromeOSOnboardingSettings/disconnect')
      .set('authorization', `Bearer ${await it.simulator.token('admin')}`)
      .set('idempotency-key', ['a', 'b'] as unknown as string);
    assert.equal(response.status, 400);
  });

  for (const [what, change] of [
    ['reason', { body: { reason: 'another' } }],
    ['ticket', { body: { reason: 'the first', ticket: 'CHG-1' } }],
    ['If-Match', { body: { reason: 'the first' }, headers: { 'if-match': '*' } }],
    ['body', {}],
  ] as const) {
    test(`another ${what} with the same key: 422, nothing done`, async () => {
      await it.disconnect({ headers: keyed('k'), body: { reason: 'the first' } });
      const headers = { ...keyed('k'), ...('headers' in change ? change.headers : {}) };
      const other = await it.disconnect({ ...change, headers });
      assert.deepEqual([other.status, other.body.code], [422, 'idempotency_key_reused']);
      assert.equal(other.headers['idempotency-replayed'], undefined);
      assert.equal(it.asked('disconnect'), 1);
    });
  }

  test('a key is the caller’s own, in their tenant', async () => {
    await it.disconnect({ headers: keyed('k') });
    const colleague = await it.disconnect({ as: 'second-admin', headers: keyed('k') });
    assert.deepEqual([colleague.status, colleague.body.code], [409, 'operation_in_progress']);
    const { oid } = people.admin;
    const elsewhere = await it.disconnect({ headers: keyed('k'), token: { tenantId: otherTenantId, oid } });
    assert.equal(elsewhere.status, 200, JSON.stringify(elsewhere.body));
    assert.equal(elsewhere.headers['idempotency-replayed'], undefined);
  });

  test('while the first is running: 409 with Retry-After, and then its answer', async () => {
    const held = hold(it.simulator, 'disconnect');
    const first = it.disconnect({ headers: keyed('k') });
    await held.arrived();
    const second = await it.disconnect({ headers: keyed('k') });
    assert.deepEqual([second.status, second.body.code], [409, 'idempotency_key_in_use']);
    assert.match(String(second.headers['retry-after']), /^\d+$/);
    held.release();
    const again = await first.then(() => it.disconnect({ headers: keyed('k') }));
    assert.deepEqual(answerOf(again), answerOf(await first));
    assert.equal(it.asked('disconnect'), 1);
  });

  test('sent twice at once: one answer, and one "still running" or the same answer', async () => {
    for (let round = 0; round < 5; round += 1) {
      const key = keyed(`round-${round}`);
      const both = await Promise.all([it.disconnect({ headers: key }), it.disconnect({ headers: key })]);
      const kinds = both.map(({ status, body }) => (status === 200 ? 'answered' : body.code)).sort();
      assert.ok(
        kinds[0] === 'answered' && ['answered', 'idempotency_key_in_use'].includes(kinds[1]),
        JSON.stringify(kinds),
      );
      for (const { status, headers } of both) if (status === 409) assert.ok(headers['retry-after']);
      assert.equal(it.asked('disconnect'), round + 1);
      await it.query("update operations set status = 'completed' where status = 'accepted'");
      it.simulator.setConnection(it.tenantId, {});
    }
  });

  test('the second of two, overtaken while it looked, hears the first answer too', async () => {
    const held = holdAnswers(it.simulator, 'list');
    const slow = it.disconnect({ headers: keyed('k') });
    await held.arrived();
    const quick = await it.disconnect({ headers: keyed('k') });
    held.release();
    const again = await slow;
    assert.deepEqual(answerOf(again), answerOf(quick));
    assert.equal(again.headers['idempotency-replayed'], 'true');
  });

  test('replaying an answer that settled otherwise since: still the first answer', async () => {
    const first = await it.disconnect({ headers: keyed('k') });
    it.simulator.setConnection(it.tenantId, null);
    await it.readConnection();
    assert.equal(await it.status(first.body.operationId), 'completed');
    assert.deepEqual(answerOf(await it.disconnect({ headers: keyed('k') })), answerOf(first));
  });

  test('an unknown outcome is kept: 502 again, and never sent again, even once it is settled', async () => {
    it.simulator.setFault('disconnect', { reset: true, times: 1 });
    const first = await it.disconnect({ headers: keyed('k') });
    assert.deepEqual([first.status, first.body.code], [502, 'outcome_unknown']);
    const again = await it.disconnect({ headers: keyed('k') });
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.deepEqual(answerOf(again), answerOf(first));
    it.simulator.setConnection(it.tenantId, { onboardingStatus: 'failed' });
    await it.readConnection();
    assert.equal(await it.status(first.body.operationId), 'failed');
    assert.deepEqual(answerOf(await it.disconnect({ headers: keyed('k') })), answerOf(first));
    assert.equal(it.asked('disconnect'), 1);
  });

  test('concluded from reading: replayed with where it was concluded from', async () => {
    it.simulator.setFault('disconnect', { reset: true, applies: true, times: 1 });
    const first = await it.disconnect({ headers: keyed('k') });
    assert.deepEqual([first.status, first.body.concludedFrom], [200, 'reading']);
    assert.deepEqual(answerOf(await it.disconnect({ headers: keyed('k') })), answerOf(first));
  });

  for (const value of ['failed', 'onboarded'] as const) {
    test(`Graph’s 200 with ${value} is kept`, async () => {
      it.simulator.setSequence(it.tenantId, [value, 'onboarded']);
      const first = await it.disconnect({ headers: keyed('k') });
      assert.deepEqual([first.status, first.body.value], [200, value]);
      const again = await it.disconnect({ headers: keyed('k') });
      assert.equal(again.headers['idempotency-replayed'], 'true');
      assert.deepEqual(answerOf(again), answerOf(first));
      assert.equal(it.asked('disconnect'), 1);
    });
  }

  const freeing: [string, 'disconnect' | 'list' | 'token', Fault][] = [
    ['refused', 'disconnect', { graphError: { status: 403, code: 'Forbidden' } }],
    ['challenged by Graph', 'disconnect', { claimsChallenge: '{"access_token":{}}' }],
    ['challenged by Entra', 'token', { claimsChallenge: '{"access_token":{}}' }],
    ['throttled', 'disconnect', { status: 429, retryAfter: '120' }],
    ['unavailable', 'disconnect', { status: 503, retryAfter: '120' }],
    ['refused before the act', 'list', { status: 500 }],
  ];
  for (const [name, endpoint, fault] of freeing) {
    test(`a call that was ${name} frees its key, also for another request`, async () => {
      it.simulator.setFault(endpoint, fault);
      const first = await it.disconnect({ headers: keyed('k') });
      assert.notEqual(first.status, 200);
      it.simulator.clearFaults();
      const second = await it.disconnect({ headers: keyed('k'), body: { reason: 'now' } });
      assert.equal(second.status, 200, JSON.stringify(second.body));
      assert.equal(second.headers['idempotency-replayed'], undefined);
    });
  }

  test('a call without the right body, without a role or with no connection frees its key', async () => {
    const wrong = await it.disconnect({ headers: keyed('k'), body: { nonsense: 1 } as object });
    assert.equal(wrong.status, 400);
    it.simulator.setConnection(it.tenantId, null);
    assert.equal((await it.disconnect({ headers: keyed('k') })).body.code, 'not_connected');
    it.simulator.setConnection(it.tenantId, {});
    assert.equal((await it.disconnect({ headers: keyed('k') })).status, 200);
  });

  test('a key is kept for its time, and then free', async () => {
    const rewind = (interval: string) =>
      it.query('update operations set idempotency_expires_at = idempotency_expires_at - $1::interval', [
        interval,
      ]);
    const first = await it.disconnect({ headers: keyed('k') });
    await rewind('23 hours 59 minutes');
    assert.deepEqual(answerOf(await it.disconnect({ headers: keyed('k') })), answerOf(first));
    await rewind('2 minutes');
    const after = await it.disconnect({ headers: keyed('k'), body: { reason: 'another' } });
    assert.deepEqual([after.status, after.body.code], [409, 'operation_in_progress']);
    await it.query("update operations set status = 'completed' where status = 'accepted'");
    it.simulator.setConnection(it.tenantId, {});
    const fresh = await it.disconnect({ headers: keyed('k'), body: { reason: 'another' } });
    assert.deepEqual([fresh.status, fresh.headers['idempotency-replayed']], [200, undefined]);
  });

  test('a replay is on the record as one, under its own request id, and reads nothing', async () => {
    const first = await it.disconnect({ headers: keyed('k') });
    it.simulator.clearCalls();
    await it.disconnect({ headers: keyed('k') });
    assert.deepEqual(
      (await it.events(first.body.operationId)).map(({ event }) => event),
      ['attempt', 'outcome', 'replayed'],
    );
    assert.equal(it.simulator.calls.length, 0);
  });

  test('a call that waits between retries is still running', async () => {
    const end = faultsInTurn(it.simulator, 'disconnect', [{ status: 503, retryAfter: '1' }]);
    const first = it.disconnect({ headers: keyed('k') });
    while (it.asked('disconnect') === 0) await new Promise(setImmediate);
    const second = await it.disconnect({ headers: keyed('k') });
    assert.equal(second.body.code, 'idempotency_key_in_use');
    assert.equal((await first).status, 200);
    end();
  });

  describe('where an approval is needed', () => {
    test('the wish is answered again, also after it was executed; the act is done once', async () => {
      const on = await it.start({ timings: { policy: { approvalRequired: true } } });
      const first = await it.disconnect({ on, headers: keyed('k') });
      assert.equal(first.status, 202);
      assert.deepEqual(answerOf(await it.disconnect({ on, headers: keyed('k') })), answerOf(first));
      const path = `${operationsPath}/${first.body.operationId}`;
      await it.approve(first.body.operationId, { on });
      assert.equal((await it.post(`${path}/execute`, { on })).status, 200);
      const again = await it.disconnect({ on, headers: keyed('k') });
      assert.deepEqual([again.status, again.body], [202, first.body]);
      assert.equal(again.headers['idempotency-replayed'], 'true');
      assert.equal(it.asked('disconnect'), 1);
    });

    test('a rejected wish frees its key', async () => {
      const on = await it.start({ timings: { policy: { approvalRequired: true } } });
      const first = await it.disconnect({ on, headers: keyed('k') });
      const path = `${operationsPath}/${first.body.operationId}`;
      const rejected = await it.post(`${path}/reject`, {
        on,
        as: 'second-admin',
        body: { reason: 'not today' },
      });
      assert.equal(rejected.status, 200);
      const second = await it.disconnect({ on, headers: keyed('k') });
      assert.equal(second.status, 202);
      assert.notEqual(second.body.operationId, first.body.operationId);
    });
  });
});
