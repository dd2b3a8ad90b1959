import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../support/processes.ts';
import { faultsInTurn, hold, scene } from '../support/scene.ts';
import { bearer, connectionPath, type LogLine } from '../support/service.ts';

type Try = {
  host: string;
  method: string;
  path: string;
  status?: number;
  error?: string;
  unsent?: true;
  id?: string;
  exchangeOf?: string;
  as?: string;
};

describe('one id tells the whole way of a call', () => {
  const it = scene({ timings: { graphTimeoutMs: 2000 } });

  async function lineOf(requestId: string): Promise<LogLine & { tries?: Try[] }> {
    const found = () => it.service.log.find((line) => line.msg === 'request' && line.requestId === requestId);
    await until('the request is logged', () => found() !== undefined);
    return found() as LogLine & { tries?: Try[] };
  }

  test('each try, with what Entra ID and Graph call it', async () => {
    const end = faultsInTurn(it.simulator, 'disconnect', [
      { status: 503, headers: { 'retry-after': '1' } },
      { status: 429, headers: { 'retry-after': '1' } },
      null,
    ]);
    const endTokens = faultsInTurn(it.simulator, 'token', [{ status: 503 }, null]);
    const response = await it.disconnect();
    end();
    endTokens();
    assert.equal(response.status, 200);
    const requestId = String(response.headers['client-request-id']);
    const { tries = [] } = await lineOf(requestId);
    const of = (path: RegExp) => tries.filter((one) => path.test(one.path));
    const host = new URL(it.simulator.url).host;
    assert.ok(tries.every((one) => one.host === host));
    assert.deepEqual(
      of(/\/token$/).map(({ method, status }) => [method, status]),
      [
        ['POST', 503],
        ['POST', 200],
      ],
    );
    assert.deepEqual(
      of(/\/disconnect$/).map(({ method, status }) => [method, status]),
      [
        ['POST', 503],
        ['POST', 429],
        ['POST', 200],
      ],
    );
    assert.equal(of(/\/disconnect$/).at(-1)?.id, response.headers['request-id']);
    // What acts heard the call's own id, in whatever place it is given; reads have one each.
    const outbound = it.simulator.calls.filter(({ endpoint }) => /^(token|disconnect|list)$/.test(endpoint));
    assert.equal(outbound.length, tries.length);
    for (const { endpoint, headers, body } of outbound) {
      const sentAs = endpoint === 'list' ? of(/Settings$/)[0]?.as : requestId;
      assert.equal(headers['client-request-id'], sentAs);
      const inBody = new URLSearchParams(body).get('client-request-id');
      assert.ok(inBody === null || inBody === requestId, 'MSAL sends no id of its own');
    }
  });

  test('a refusal of Entra ID has its trace id, in the line of the call and in that of the try', async () => {
    it.simulator.setPerson('admin', { revoked: true });
    const { body } = await it.disconnect();
    const { tries = [] } = await lineOf(body.requestId);
    const told = it.service.log.find(
      (line) => line.msg === 'token exchange failed' && line.requestId === body.requestId,
    );
    assert.match(String(told?.entraTraceId), /^[\w-]{36}$/);
    assert.deepEqual(
      tries.map(({ status, id }) => [status, id]),
      [[400, told?.entraTraceId]],
    );
    assert.equal(told?.entraCorrelationId, body.requestId);
  });

  test('our own credential refused: the line has the call’s id', async () => {
    it.simulator.setSecrets(['another one']);
    const { body } = await it.disconnect();
    const told = it.service.log.find(({ msg }) => msg === 'Entra ID refused our own credential');
    assert.deepEqual([told?.requestId, told?.tenantId], [body.requestId, it.tenantId]);
  });

  test('a try without an answer says how far it came', async () => {
    it.simulator.setFault('list', { reset: true });
    const { body } = await it.readConnection({ as: 'reader' });
    const { tries = [] } = await lineOf(body.requestId);
    const last = tries.at(-1);
    assert.match(String(last?.error), /^(ECONNRESET|UND_ERR_SOCKET)$/);
    assert.equal(last?.status, undefined);
    assert.equal(last?.unsent, undefined);
  });

  test('who waits for another call’s exchange names that call', async () => {
    const token = bearer(await it.simulator.token('reader'));
    const read = () => it.service.api.get(connectionPath).set('authorization', token);
    const held = hold(it.simulator, 'token');
    const first = read().then((response) => response);
    await held.arrived();
    const second = read().then((response) => response);
    await until(
      'the second waits for it',
      async () =>
        (await it.service.metric('chromeos_bff_token_exchange_cache_total', { result: 'shared' })) === 1,
    );
    held.release();
    const ids = (await Promise.all([first, second])).map(({ headers }) =>
      String(headers['client-request-id']),
    );
    const lines = [await lineOf(ids[0] ?? ''), await lineOf(ids[1] ?? '')];
    assert.deepEqual(lines[1]?.tries?.[0], { exchangeOf: ids[0] });
    assert.match(String(lines[0]?.tries?.[0]?.path), /\/token$/);
  });

  test('a call that asks nobody has none, and what it kept is let go of', async () => {
    const response = await it.get('/api/v1/me');
    assert.equal((await lineOf(String(response.headers['client-request-id']))).tries, undefined);
  });
});
