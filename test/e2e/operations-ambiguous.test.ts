import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fault } from '../../simulator/simulator.ts';
import { faultsInTurn, operationsPath, scene } from '../support/scene.ts';

const connected = (onboardingStatus: string) => ({ onboardingStatus });

describe('what leaves the outcome open', () => {
  const it = scene({ timings: { graphTimeoutMs: 400 } });
  const ambiguous: [string, Fault][] = [
    ['a timeout', { hang: true }],
    ['a late answer', { status: 200, body: '{"value":"inprogress"}', delayMs: 900 }],
    ['a reset', { reset: true }],
    ['500', { status: 500 }],
    ['502', { status: 502, body: '<html>', contentType: 'text/html' }],
    ['504 with Retry-After', { status: 504, retryAfter: '0' }],
    ['503 without Retry-After', { status: 503 }],
    ['503 with nonsense for Retry-After', { status: 503, retryAfter: 'later' }],
    ['202', { status: 202, body: '{"value":"inprogress"}' }],
    ['204', { status: 204, body: '' }],
    ['206', { status: 206, body: '{"value":"inprogress"}' }],
    ['a redirect', { status: 307, headers: { location: '/beta/elsewhere' } }],
    ['an unreadable 200', { malformed: true }],
    ['an empty 200', { status: 200, body: '' }],
  ];

  for (const [name, fault] of ambiguous) {
    test(`${name}, and it was not done: sent once, 502 with the operation's link`, async () => {
      it.simulator.setFault('disconnect', fault);
      const { status, body, headers } = await it.disconnect();
      assert.deepEqual([status, body.code], [502, 'outcome_unknown']);
      assert.equal(headers.location, `${operationsPath}/${body.operationId}`);
      assert.match(body.hint, /do not repeat/i);
      assert.equal(await it.status(body.operationId), 'unknown');
      assert.equal(it.asked('disconnect'), 1);
      assert.equal(it.asked('list'), 2);
    });

    test(`${name}, and it was done: 200 with the status as read, marked as concluded from it`, async () => {
      it.simulator.setFault('disconnect', { ...fault, applies: true });
      const { status, body } = await it.disconnect();
      assert.deepEqual(
        [status, body],
        [200, { value: 'offboarding', operationId: body.operationId, concludedFrom: 'reading' }],
      );
      const operation = (await it.operation(body.operationId)).body;
      assert.equal(operation.concludedFrom, 'reading');
      assert.equal(it.asked('disconnect'), 1);
      const [, outcome] = await it.events(body.operationId);
      assert.deepEqual([outcome?.result, outcome?.value], ['accepted', 'offboarding']);
    });
  }

  test('the id is gone: done', async () => {
    it.simulator.setSequence(it.tenantId, ['inprogress', 'gone']);
    it.simulator.setFault('disconnect', { reset: true, applies: true });
    const { status, body } = await it.disconnect();
    assert.deepEqual([status, body.concludedFrom], [200, 'reading']);
    assert.equal(await it.status(body.operationId), 'accepted');
  });

  test('another connection stands there: that id is gone', async () => {
    const end = it.simulator.onCall((call) => {
      if (call.endpoint === 'disconnect') it.simulator.setConnection(it.tenantId, { id: 'another' });
    });
    it.simulator.setFault('disconnect', { reset: true });
    const { status, body } = await it.disconnect();
    end();
    assert.deepEqual([status, body.concludedFrom], [200, 'reading']);
  });

  for (const was of ['offboarding', 'inprogress']) {
    test(`${was} as before is no evidence`, async () => {
      it.simulator.setConnection(it.tenantId, connected(was));
      it.simulator.setFault('disconnect', { reset: true });
      const { status, body } = await it.disconnect();
      assert.deepEqual([status, body.code], [502, 'outcome_unknown']);
    });
  }

  test('turned to failed is no evidence that it was done', async () => {
    it.simulator.setSequence(it.tenantId, ['inprogress', 'failed']);
    it.simulator.setFault('disconnect', { reset: true, applies: true });
    const { status, body } = await it.disconnect();
    assert.deepEqual([status, body.code], [502, 'outcome_unknown']);
  });

  const blind: [string, Fault][] = [
    ['fails', { status: 500 }],
    ['is challenged', { claimsChallenge: '{"access_token":{}}' }],
    ['is silent', { hang: true }],
    ['is unreadable', { body: '{"value":[{"onboardingStatus":"offboarding"}]}' }],
  ];
  for (const [name, fault] of blind) {
    test(`the look afterwards ${name}: unknown, not anything else`, async () => {
      const end = faultsInTurn(it.simulator, 'list', [null, fault]);
      it.simulator.setFault('disconnect', { reset: true, applies: true });
      const { status, body } = await it.disconnect();
      end();
      assert.deepEqual([status, body.code], [502, 'outcome_unknown']);
      assert.equal(await it.status(body.operationId), 'unknown');
    });
  }

  test('the outcome cannot be written: the caller hears the truth, and so does the log', async () => {
    await it.query(
      "create function no_outcome() returns trigger language plpgsql as $$ begin raise exception using errcode = '57014'; end $$",
    );
    await it.query(
      "create trigger no_outcome before update on operations for each row when (new.status = 'accepted') execute function no_outcome()",
    );
    try {
      const { status, body } = await it.disconnect();
      assert.deepEqual([status, body.value], [200, 'inprogress']);
      assert.equal(await it.status(body.operationId), 'sent');
      assert.ok(
        it.service.log.some((line) => line.operationId === body.operationId && line.outcomeUnrecorded),
      );
      const waiting = it.service.log.find(({ kind }) => kind === 'outcome');
      assert.deepEqual([waiting?.failure, /57014/.test(String(waiting?.cause))], ['audit_unavailable', true]);
    } finally {
      await it.query('drop trigger no_outcome on operations');
      await it.query("update operations set status = 'accepted' where status = 'sent'");
    }
  });
});
