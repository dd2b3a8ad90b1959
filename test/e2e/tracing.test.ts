import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { people } from '../../simulator/directory.ts';
import { until } from '../support/processes.ts';
import { scene } from '../support/scene.ts';
import { assertNoSecret, connectionPath, disconnectPath } from '../support/service.ts';
import { startServiceProcess } from '../support/service-process.ts';

type OtlpSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[];
};

/** What a collector is, as far as we know it. */
async function startReceiver() {
  const spans: OtlpSpan[] = [];
  const paths = new Set<string>();
  const bodies: string[] = [];
  const server = http.createServer(async (request, response) => {
    paths.add(`${request.method} ${request.url}`);
    const body = (await json(request)) as {
      resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[];
    };
    bodies.push(JSON.stringify(body));
    for (const resource of body.resourceSpans) {
      for (const scope of resource.scopeSpans) spans.push(...scope.spans);
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    paths,
    bodies,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const attribute = (span: OtlpSpan | undefined, key: string) => {
  const value = span?.attributes.find((candidate) => candidate.key === key)?.value;
  return value?.stringValue ?? value?.intValue;
};
const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';

describe('tracing', () => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  const it = scene({
    environment: async () => {
      receiver = await startReceiver();
      return { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    },
  });
  after(() => receiver?.close());

  test('a disconnect is one trace, from the portal to Graph, under the ids of its log line', async () => {
    const token = await it.simulator.token('admin');
    const traceparents: unknown[] = [];
    const stopWatching = it.simulator.onCall(async ({ endpoint, headers }) => {
      if (endpoint === 'disconnect') traceparents.push(headers.traceparent);
    });
    const answer = await it.disconnect({
      token,
      headers: { traceparent: `00-${traceId}-${parentId}-01` },
      body: { reason: 'a reason nobody else may read' },
    });
    stopWatching();
    assert.equal(answer.status, 200);
    const line = it.service.log.findLast(({ msg }) => msg === 'request');
    assert.equal(line?.traceId, traceId);

    await until('its spans have come', () => receiver.spans.some(({ spanId }) => spanId === line?.spanId));
    const spans = receiver.spans.filter((span) => span.traceId === traceId);
    const server = spans.find(({ spanId }) => spanId === line?.spanId);
    assert.equal(server?.parentSpanId, parentId);
    assert.equal(server?.kind, 2);
    assert.equal(server?.name, `POST ${disconnectPath}`);
    assert.equal(attribute(server, 'client-request-id'), answer.headers['client-request-id']);
    assert.equal(attribute(server, 'operation-id'), answer.body.operationId);
    assert.equal(attribute(server, 'http.response.status_code'), 200);

    const named = (name: string) => spans.find((span) => span.name === name);
    for (const name of ['validate token', 'exchange token', 'operation open', 'graph disconnect']) {
      assert.equal(named(name)?.parentSpanId, server?.spanId, name);
    }
    assert.ok(named('operation move to accepted'));
    const toGraph = spans.find(
      (span) => span.kind === 3 && span.parentSpanId === named('graph disconnect')?.spanId,
    );
    assert.deepEqual(traceparents, [`00-${traceId}-${toGraph?.spanId}-01`]);
    assert.equal(attribute(toGraph, 'client-request-id'), answer.headers['client-request-id']);
    assert.ok(spans.some((span) => span.kind === 3 && span.parentSpanId === named('exchange token')?.spanId));

    assert.deepEqual([...receiver.paths], ['POST /v1/traces']);
    assertNoSecret(receiver.bodies.join(), [
      token,
      'a reason nobody',
      people.admin.givenName,
      people.admin.mailbox,
      it.simulator.registration.clientSecret,
    ]);
  });

  test('a problem has the trace id; a caller who does not keep the trace gets no spans', async () => {
    const other = '1af7651916cd43dd8448eb211c80319c';
    const { body } = await it.service.api
      .get(connectionPath)
      .set('traceparent', `00-${other}-${parentId}-00`)
      .expect(401);
    assert.equal(body.traceId, other);
    const kept = await it.service.api.get(connectionPath).expect(401);
    await until('the next one has come', () =>
      receiver.spans.some((span) => span.traceId === kept.body.traceId),
    );
    assert.ok(!receiver.spans.some((span) => span.traceId === other));
    const span = receiver.spans.find((candidate) => candidate.traceId === kept.body.traceId);
    assert.equal(attribute(span, 'error.type'), 'token_missing');
  });

  test('background work makes no spans', () => {
    assert.ok(receiver.spans.every(({ kind, parentSpanId }) => kind === 2 || parentSpanId !== undefined));
  });

  test('a receiver that is away costs no call, and stopping does not wait for it', async () => {
    const service = await startServiceProcess(it.testEnvironment, {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    });
    await until('it answers', async () => {
      const answer = await fetch(`${service.url}${connectionPath}`);
      return answer.status === 401;
    });
    await until('it is logged', () =>
      service.log.some(({ msg }) => msg === 'spans could not be handed over'),
    );
    service.child.kill('SIGTERM');
    assert.equal(await service.ended(), 0);
  });

  test('the spans of the last calls are handed over while stopping', async () => {
    const another = await startReceiver();
    const service = await startServiceProcess(it.testEnvironment, {
      OTEL_EXPORTER_OTLP_ENDPOINT: another.url,
    });
    const answer = await fetch(`${service.url}${connectionPath}`);
    const { traceId: last } = (await answer.json()) as { traceId: string };
    service.child.kill('SIGTERM');
    assert.equal(await service.ended(), 0);
    assert.ok(another.spans.some((span) => span.traceId === last));
    another.close();
  });

  test('without a receiver: the same ids in log and problem, and nothing is sent along', async () => {
    const on = await it.start({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: '' } });
    const { body } = await on.api
      .get(connectionPath)
      .set('traceparent', `00-${traceId}-${parentId}-01`)
      .expect(401);
    assert.equal(body.traceId, traceId);
    assert.equal(on.log.findLast(({ msg }) => msg === 'request')?.traceId, traceId);
    await it.readConnection({ on, as: 'reader' });
    assert.ok(it.simulator.calls.length > 0);
    assert.ok(it.simulator.calls.every(({ headers }) => headers.traceparent === undefined));
  });
});
