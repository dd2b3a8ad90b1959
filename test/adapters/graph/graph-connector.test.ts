import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGraphConnector } from '../../../src/adapters/graph/graph-connector.ts';
import {
  createHttpClient,
  type HttpClient,
  RequestFailed,
} from '../../../src/adapters/outbound/http-client.ts';
import { CallFailed, type Failure } from '../../../src/core/failure.ts';
import type { Connector, GraphAct } from '../../../src/core/ports.ts';
import { Secret } from '../../../src/core/secret.ts';
import { type Peer, startPeer } from '../outbound/peer.ts';

const settings = '/beta/deviceManagement/chromeOSOnboardingSettings';
const list = '{"value":[{"id":"one","onboardingStatus":"onboarded"}]}';

describe('the connector', () => {
  let peer: Peer;
  let http: HttpClient;
  let connector: Connector;
  let received: { method?: string; url?: string; headers: IncomingMessage['headers']; body: string }[];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  before(async () => {
    peer = await startPeer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        received.push({ method, url, headers, body });
        answer(request, response);
      });
    });
  });
  after(() => peer?.close());
  beforeEach(() => {
    received = [];
    http = createHttpClient({ https: null, exceptions: null });
    connector = connectorWith(10_000);
  });
  afterEach(() => http.close());

  const connectorWith = (timeoutMs: number) =>
    createGraphConnector({ baseUrl: `http://localhost:${peer.port}/beta`, http, timeoutMs, clock: Date.now });
  const call = (leftMs = 10_000, permit: GraphAct['permit'] = async () => {}): GraphAct => ({
    proof: null,
    token: new Secret('the-token'),
    requestId: 'our-id',
    tenantId: 'tenant',
    deadline: { leftMs: () => leftMs },
    permit,
  });
  const says = (text: string, status = 200, headers: Record<string, string> = {}) => {
    answer = (_request, response) => response.writeHead(status, headers).end(text);
  };
  const failureOf = async (calling: Promise<unknown>): Promise<Failure> => {
    try {
      await calling;
    } catch (error) {
      assert.ok(error instanceof CallFailed, String(error));
      return error.failure;
    }
    assert.fail('it went well');
  };

  test('disconnects as Microsoft documents it: no body, no content type, one request', async () => {
    says('{"value":"inprogress"}', 200, { 'request-id': 'their-id' });
    const answered = await connector.disconnect(call());
    assert.deepEqual(
      [answered.value, answered.graph.requestId, answered.graph.status],
      ['inprogress', 'their-id', 200],
    );
    assert.equal(received.length, 1);
    const [{ method, url, headers, body } = assert.fail()] = received;
    assert.deepEqual([method, url, body], ['POST', `${settings}/disconnect`, '']);
    assert.deepEqual(
      [headers.authorization, headers.accept, headers['client-request-id'], headers['content-type']],
      ['Bearer the-token', 'application/json', 'our-id', undefined],
    );
    assert.equal(headers['accept-encoding'], 'identity');
  });

  test('shows Intune why, or under which code it was approved, and nothing where it was not asked', async () => {
    says('{"value":"inprogress"}');
    const code = '7f1c2b7e-51a4-4a0e-9b1e-2f6d1c0c7b11';
    for (const proof of [{ justification: 'für 契約' }, { code }, null]) {
      await connector.disconnect({ ...call(), proof });
    }
    const shown = received.map(({ headers }) => [
      headers['x-msft-approval-justification'],
      headers['x-msft-approval-code'],
    ]);
    const base64 = Buffer.from('für 契約', 'utf8').toString('base64');
    assert.deepEqual(shown, [
      [base64, undefined],
      [undefined, code],
      [undefined, undefined],
    ]);
  });

  test('a refusal of a proven act says more than one of another', async () => {
    for (const [status, text] of [
      [200, '{}'],
      [412, ''],
    ] as const) {
      says(text, status);
      const filed = status === 412 ? 'intune_approval_filed' : 'outcome_unknown';
      const proven = { ...call(), proof: { justification: 'why' } };
      assert.equal((await failureOf(connector.disconnect(proven))).reason, filed);
      const plain = status === 412 ? 'graph_rejected' : 'outcome_unknown';
      assert.equal((await failureOf(connector.disconnect(call()))).reason, plain);
    }
  });

  test('asks Intune for one request by its code, and reads its word', async () => {
    const code = '7f1c2b7e-51a4-4a0e-9b1e-2f6d1c0c7b11';
    says(JSON.stringify({ value: [{ requestId: code.toUpperCase(), status: 'escalated' }] }));
    assert.equal(await connector.approvalRequest({ ...call(), code }), 'escalated');
    const [{ method, url, headers } = assert.fail()] = received;
    const path = '/beta/deviceManagement/operationApprovalRequests';
    assert.deepEqual([method, url], ['GET', `${path}?$filter=requestId%20eq%20'${code}'`]);
    assert.deepEqual([headers.authorization, headers['client-request-id']], ['Bearer the-token', 'our-id']);
    says('<html></html>');
    const failure = await failureOf(connector.approvalRequest({ ...call(), code }));
    assert.deepEqual(
      [failure.reason, 'cause' in failure && failure.cause],
      ['graph_unavailable', 'Graph answered 200 with something that is not a list of requests'],
    );
    says('{}', 403);
    assert.equal((await failureOf(connector.approvalRequest({ ...call(), code }))).reason, 'graph_forbidden');
  });

  test('lists', async () => {
    says(list, 200, { 'request-id': 'their-id' });
    const { value, seen, graph } = await connector.list(call());
    assert.deepEqual(value, [{ id: 'one', onboardingStatus: 'onboarded' }]);
    assert.deepEqual([seen.members.length, graph.requestId], [1, 'their-id']);
    assert.deepEqual([received[0]?.method, received[0]?.url], ['GET', settings]);
  });

  test('lists anew each time, and parses each text once', async () => {
    says(list);
    const first = await connector.list(call());
    const second = await connector.list(call());
    assert.equal(received.length, 2);
    assert.equal(first.seen, second.seen);
    says('{"value":[]}');
    assert.deepEqual((await connector.list(call())).seen.members, []);
  });

  test('acts on a connection of its own that ends with it; reads share theirs', async () => {
    says('{"value":"inprogress"}');
    const before = peer.sockets.length;
    for (let count = 0; count < 2; count += 1) await connector.disconnect(call());
    assert.equal(peer.sockets.length, before + 2);
  });

  test('a word that the database cannot hold is made one that it can', async () => {
    says('{"value":"a\\u0000\\ud800b"}');
    assert.equal((await connector.disconnect(call())).value, 'a\ufffd\ufffdb');
  });

  for (const text of [
    '',
    '{}',
    '{"value":1}',
    '{"value":""}',
    '{"value":null}',
    `{"value":"${'x'.repeat(129)}"}`,
  ]) {
    test(`a 200 with ${text.slice(0, 30)} leaves unknown what was done`, async () => {
      says(text, 200, { 'request-id': 'their-id' });
      const failure = await failureOf(connector.disconnect(call()));
      assert.deepEqual(failure, {
        reason: 'outcome_unknown',
        graph: {
          status: 200,
          code: null,
          requestId: 'their-id',
          date: failure.reason === 'outcome_unknown' && failure.graph.date,
        },
        cause: 'Graph answered 200 with something that is not a status',
        operationId: null,
      });
    });
  }

  test('a 200 without a status that names an approval says that a request was filed', async () => {
    says('{}', 200, { 'x-msft-approval-code': '7f1c2b7e-51a4-4a0e-9b1e-2f6d1c0c7b11' });
    assert.equal((await failureOf(connector.disconnect(call()))).reason, 'intune_approval_filed');
  });

  test('a list that cannot be read is not taken for an empty one', async () => {
    says('{"value":[],"@odata.nextLink":"x"}', 200, { 'request-id': 'their-id' });
    const failure = await failureOf(connector.list(call()));
    assert.ok(failure.reason === 'graph_unavailable');
    assert.deepEqual(
      [failure.graph.requestId, failure.retryAfterMs, failure.cause],
      ['their-id', null, 'Graph answered 200 with something that is not a collection'],
    );
  });

  test('a refusal tells an act from a read', async () => {
    says('', 500);
    assert.equal((await failureOf(connector.disconnect(call()))).reason, 'outcome_unknown');
    assert.equal((await failureOf(connector.list(call()))).reason, 'graph_unavailable');
  });

  test('a Retry-After as a date is reckoned from now', async () => {
    says('', 429, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
    const failure = await failureOf(connector.list(call()));
    const waitMs = failure.reason === 'graph_throttled' ? (failure.retryAfterMs ?? 0) : 0;
    assert.ok(waitMs > 30_000 && waitMs <= 60_000);
  });

  test('no answer to an act leaves unknown what was done; to a read it says nothing', async () => {
    answer = (request) => request.socket.destroy();
    const act = await failureOf(connector.disconnect(call()));
    assert.deepEqual(act, {
      reason: 'outcome_unknown',
      graph: { status: null, code: null, requestId: null, date: null },
      cause: 'UND_ERR_SOCKET after the request was sent',
      operationId: null,
    });
    const read = await failureOf(connector.list(call()));
    assert.equal(read.reason, 'graph_unavailable');
  });

  test('an act that could not be sent was not done', async () => {
    const nobody = createGraphConnector({
      baseUrl: 'http://localhost:1',
      http,
      timeoutMs: 5000,
      clock: Date.now,
    });
    const failure = await failureOf(nobody.disconnect(call()));
    assert.equal(failure.reason, 'graph_unavailable');
    assert.match(failure.reason === 'graph_unavailable' ? failure.cause : '', /before anything was sent$/);
  });

  test('what kept an answer from coming is kept for the log', async () => {
    answer = (request) => request.socket.destroy();
    for (const calling of [() => connector.disconnect(call()), () => connector.list(call())]) {
      await assert.rejects(
        calling,
        (error) => error instanceof CallFailed && error.cause instanceof RequestFailed,
      );
    }
  });

  test('an act that is not permitted fails with the reason, and is not sent', async () => {
    const refusal = new CallFailed({ reason: 'disconnect_disabled', because: 'switched off' });
    const failure = await failureOf(connector.disconnect(call(10_000, () => Promise.reject(refusal))));
    assert.deepEqual(failure, refusal.failure);
    assert.equal(received.length, 0);
  });

  test('a defect of ours while an act or a read is sent is not taken for a failure of Graph', async () => {
    const defect = new TypeError('a defect of ours');
    await assert.rejects(connector.disconnect(call(10_000, () => Promise.reject(defect))), defect);
    const broken = { ...http, send: () => Promise.reject(defect) };
    const { list } = createGraphConnector({
      http: broken,
      baseUrl: 'http://localhost',
      timeoutMs: 1,
      clock: Date.now,
    });
    await assert.rejects(list(call(10_000)), defect);
  });

  for (const [name, timeoutMs, leftMs] of [
    ['its own time', 100, 60_000],
    ['the call’s time', 60_000, 100],
  ] as const) {
    test(`ends when ${name} is up`, async () => {
      answer = () => {};
      const begun = performance.now();
      const slow = connectorWith(timeoutMs);
      assert.equal((await failureOf(slow.list(call(leftMs)))).reason, 'graph_unavailable');
      assert.equal((await failureOf(slow.disconnect(call(leftMs)))).reason, 'outcome_unknown');
      assert.ok(performance.now() - begun < 30_000);
    });
  }

  test('is not begun without time', async () => {
    assert.equal((await failureOf(connector.disconnect(call(0)))).reason, 'graph_unavailable');
    assert.equal(received.length, 0);
  });

  test('a read whose kept connection is closed under it is sent once more', async () => {
    says(list);
    await connector.list(call());
    // The pool has its connection back.
    await nextTurn();
    let closed = 0;
    answer = (request, response) => {
      if (closed > 0) return void response.end(list);
      closed += 1;
      request.socket.destroy();
    };
    assert.equal((await connector.list(call())).seen.members.length, 1);
    assert.deepEqual([closed, received.length], [1, 3]);
  });
});
