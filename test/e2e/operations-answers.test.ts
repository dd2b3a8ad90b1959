import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fault } from '../../simulator/simulator.ts';
import { faultsInTurn, operationsPath, scene, testAlone } from '../support/scene.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const connected = (onboardingStatus: string) => ({ onboardingStatus });

describe('before the act', () => {
  const it = scene();

  test('what was there is in the operation and in the attempt', async () => {
    const was = { ...it.simulator.connection() };
    const { body } = await it.disconnect({ body: { reason: 'moving on', ticket: 'CHG-1' } });
    const expected = {
      id: was.id,
      owner: was.ownerUserPrincipalName,
      status: was.onboardingStatus,
      lastModified: was.lastModifiedDateTime,
      lastDirectorySync: was.lastDirectorySyncDateTime,
    };
    const [attempt] = await it.events(body.operationId);
    assert.deepEqual(attempt?.connection, expected);
    const operation = await it.operation(body.operationId);
    assert.deepEqual(operation.body.connection, expected);
    assert.deepEqual([operation.body.reason, operation.body.ticket], ['moving on', 'CHG-1']);
  });

  const reads: [string, Fault, number, string, string?][] = [
    ['403', { graphError: { status: 403, code: 'Forbidden', intuneNested: true } }, 403, 'graph_forbidden'],
    ['401 with claims', { claimsChallenge: '{"access_token":{"nbf":1}}' }, 401, 'insufficient_claims'],
    ['429', { status: 429, retryAfter: '7' }, 429, 'graph_throttled', '7'],
    ['503', { status: 503, retryAfter: '9' }, 503, 'graph_unavailable', '9'],
    ['500', { status: 500 }, 503, 'graph_unavailable'],
    ['a reset', { reset: true }, 503, 'graph_unavailable'],
    ['silence', { hang: true }, 503, 'graph_unavailable'],
    ['HTML', { body: '<html>', contentType: 'text/html' }, 503, 'graph_unavailable'],
    ['half an answer', { malformed: true }, 503, 'graph_unavailable'],
    ['a member that is no connection', { body: '{"value":[{"name":"x"}]}' }, 503, 'graph_unavailable'],
    ['no collection', { body: '{"value":{}}' }, 503, 'graph_unavailable'],
  ];
  for (const [name, fault, status, code, retryAfter] of reads) {
    test(`a look that ends in ${name} refuses the call: ${status} ${code}, nothing done`, async () => {
      it.simulator.setFault('list', fault);
      const response = await it.disconnect();
      assert.deepEqual([response.status, response.body.code], [status, code]);
      assert.equal(response.headers['retry-after'], retryAfter);
      assert.equal(it.asked('disconnect'), 0);
      assert.deepEqual(
        (await it.eventsOfCall(response)).map(({ event }) => event),
        ['refused'],
      );
      assert.deepEqual((await it.get(operationsPath)).body.operations.filter(isOpen), []);
    });
  }

  test('what cannot be read is not taken for gone', async () => {
    const id = await it.acceptedOperation();
    it.simulator.setFault('list', { body: '{"value":[{}]}', times: 3 });
    await it.readConnection();
    await it.operation(id);
    await it.disconnect();
    assert.equal(await it.status(id), 'accepted');
  });

  test('no connection: 409 not_connected', async () => {
    it.simulator.setConnection(it.tenantId, null);
    const response = await it.disconnect();
    assert.deepEqual([response.status, response.body.code], [409, 'not_connected']);
    assert.equal(it.asked('disconnect'), 0);
  });
});

describe('what Graph’s 200 says', () => {
  const it = scene();

  for (const value of ['offboarding', 'inprogress']) {
    test(`${value}: accepted`, async () => {
      it.simulator.setSequence(it.tenantId, [value, 'offboarding']);
      const { status, body, headers } = await it.disconnect();
      assert.deepEqual([status, body], [200, { value, operationId: body.operationId }]);
      assert.equal(headers.location, `${operationsPath}/${body.operationId}`);
      assert.equal(await it.status(body.operationId), 'accepted');
      assert.equal(it.asked('list'), 1);
    });
  }

  test('failed: failed', async () => {
    it.simulator.setSequence(it.tenantId, ['failed', 'onboarded']);
    const { status, body } = await it.disconnect();
    assert.deepEqual(
      [status, body],
      [200, { value: 'failed', operationId: body.operationId, status: 'failed' }],
    );
    assert.equal(await it.status(body.operationId), 'failed');
    const [, outcome] = await it.events(body.operationId);
    assert.deepEqual([outcome?.event, outcome?.result, outcome?.value], ['outcome', 'failed', 'failed']);
  });

  for (const value of ['onboarded', 'unknown', 'unknownFutureValue', 'withdrawing']) {
    test(`${value}, and the connection shows it: accepted, concluded from reading`, async () => {
      it.simulator.setSequence(it.tenantId, [value, 'offboarding']);
      const { status, body } = await it.disconnect();
      assert.deepEqual(
        [status, body],
        [200, { value, operationId: body.operationId, concludedFrom: 'reading' }],
      );
      assert.equal(await it.status(body.operationId), 'accepted');
    });

    test(`${value}, and the connection does not show it: 200, and the operation is unknown`, async () => {
      it.simulator.setSequence(it.tenantId, [value, 'onboarded']);
      const { status, body } = await it.disconnect();
      assert.deepEqual([status, body], [200, { value, operationId: body.operationId, status: 'unknown' }]);
      assert.equal(await it.status(body.operationId), 'unknown');
      assert.equal(it.asked('disconnect'), 1);
    });
  }

  test('an unknown word is counted, in an answer and in a look; a known one is not', async () => {
    const count = () => it.service.metric('chromeos_bff_graph_unknown_values_total');
    const before = await count();
    it.simulator.setSequence(it.tenantId, ['withdrawing', 'offboarding']);
    await it.disconnect();
    assert.equal(await count(), before + 1);
    it.simulator.setConnection(it.tenantId, connected('withdrawn'));
    const { body } = await it.readConnection();
    assert.equal(body.value[0].onboardingStatus, 'withdrawn');
    // While an operation's end is open, a read looks a second time for its sake.
    assert.equal(await count(), before + 3);
    it.simulator.setConnection(it.tenantId, {});
    await it.readConnection();
    assert.equal(await count(), before + 3);
  });
});

// Much of this is waiting for the next try, a second at least.
describe('what is sent again', { concurrency: true }, () => {
  testAlone('twice at most', {}, async (it) => {
    it.simulator.setFault('disconnect', { status: 429, retryAfter: '0' });
    const response = await it.disconnect();
    assert.deepEqual([response.status, response.headers['retry-after']], [429, '1']);
    assert.equal(it.asked('disconnect'), 3);
    const [refused] = await it.query<{ status: string }>(
      "select status from operations where status = 'failed' order by position desc limit 1",
    );
    assert.ok(refused);
  });

  testAlone('never more than one a second, whatever is asked for', {}, async (it) => {
    for (const asked of [
      ['0', '0.001'],
      ['soon', 'Sat, 31 Jan 2026 12:00:00 GMT'],
    ]) {
      it.simulator.clearCalls();
      const refusals = [...asked, '0'].map((retryAfter) => ({ status: 429, retryAfter }));
      const end = faultsInTurn(it.simulator, 'disconnect', refusals);
      assert.equal((await it.disconnect()).status, 429);
      end();
      const times = it.simulator.calls
        .filter(({ endpoint }) => endpoint === 'disconnect')
        .map(({ at }) => at);
      assert.equal(times.length, 3);
      for (const [index, at] of times.slice(1).entries()) assert.ok(at - (times[index] ?? 0) >= 990);
    }
  });

  describe('and what is not', { concurrency: false }, () => {
    const it = scene();
    const soon = () => new Date(Date.now() + 1000).toUTCString();

    const again: [string, () => Fault][] = [
      ['429 without Retry-After', () => ({ status: 429 })],
      ['429 with Retry-After', () => ({ status: 429, retryAfter: '0' })],
      ['503 with seconds', () => ({ status: 503, retryAfter: '1' })],
      ['503 with an HTTP date', () => ({ status: 503, retryAfter: soon() })],
      ['429 with nonsense for Retry-After', () => ({ status: 429, retryAfter: 'later' })],
    ];
    for (const [name, fault] of again) {
      test(`${name}: once more, under the same id, and one outcome`, async () => {
        const end = faultsInTurn(it.simulator, 'disconnect', [fault()]);
        const response = await it.disconnect();
        end();
        assert.equal(response.status, 200, JSON.stringify(response.body));
        const ids = it.simulator.calls
          .filter(({ endpoint }) => endpoint === 'disconnect')
          .map(({ headers }) => headers['client-request-id']);
        const id = response.headers['client-request-id'];
        assert.deepEqual(ids, [id, id]);
        assert.deepEqual(
          (await it.events(response.body.operationId)).map(({ event }) => event),
          ['attempt', 'outcome'],
        );
        assert.equal(it.simulator.acts().length, 1);
      });
    }

    test('never connected: sent once more', async () => {
      const proxy = await startTcpProxy(it.simulator.port);
      // The look leaves no connection behind, and the first attempt at another one is refused.
      it.simulator.setFault('list', { headers: { connection: 'close' } });
      proxy.onConnection((number) => (number === 2 ? 'refuse' : 'pass'));
      try {
        const on = await it.start({
          environment: { GRAPH_BASE_URL: `https://localhost:${proxy.port}/beta` },
        });
        const response = await it.disconnect({ on });
        assert.equal(response.status, 200, JSON.stringify(response.body));
        assert.equal(proxy.connections(), 3);
        assert.equal(it.asked('disconnect'), 1);
      } finally {
        await proxy.close();
      }
    });

    const beyond: [string, () => string, RegExp][] = [
      ['seconds', () => '51', /^51$/],
      ['fractions of one', () => '51.02', /^52$/],
      ['two headers joined', () => '0,120', /^120$/],
      ['a date', () => new Date(Date.now() + 3_600_000).toUTCString(), /^3(600|5\d\d)$/],
      ['more than a day', () => '9'.repeat(30), /^86400$/],
    ];
    for (const [name, retryAfter, told] of beyond) {
      for (const status of [429, 503]) {
        test(`${status} with Retry-After as ${name}, beyond the deadline: told at once, in seconds`, async () => {
          it.simulator.setFault('disconnect', { status, retryAfter: retryAfter() });
          const response = await it.disconnect();
          assert.equal(response.status, status);
          assert.match(String(response.headers['retry-after']), told);
          assert.equal(it.asked('disconnect'), 1);
        });
      }
    }

    test('no retry begins after the deadline', async () => {
      const on = await it.start({ timings: { answerMs: 4500 } });
      it.simulator.setFault('disconnect', { status: 503, retryAfter: '1' });
      const response = await it.disconnect({ on });
      assert.deepEqual([response.status, response.body.code], [503, 'graph_unavailable']);
      assert.equal(it.asked('disconnect'), 1);
    });

    test('a retry that then goes wrong is as ambiguous as any', async () => {
      const end = faultsInTurn(it.simulator, 'disconnect', [
        { status: 429, retryAfter: '0' },
        { reset: true },
      ]);
      const response = await it.disconnect();
      end();
      assert.deepEqual([response.status, response.body.code], [502, 'outcome_unknown']);
      assert.equal(it.asked('disconnect'), 2);
    });
  });
});

const isOpen = ({ status }: { status: string }) => ['sent', 'accepted', 'unknown'].includes(status);
