import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type request from 'supertest';
import { until } from '../support/processes.ts';
import { resources } from '../support/resources.ts';
import { hold, operationsPath, scene } from '../support/scene.ts';
import { connectionPath, disconnectPath, type TestService } from '../support/service.ts';

const portal = 'https://portal.example.com';
const second = 'http://localhost:5173';
const environment = { CORS_ALLOWED_ORIGINS: `${portal}, ${second}` };

const strangers = [
  'https://evil.example.com',
  'http://portal.example.com',
  'https://portal.example.com:8443',
  'https://portal.example.com.evil.example',
  'https://PORTAL.example.com',
  'https://portal.example.com/',
  `${portal}, ${second}`,
  'http://localhost:5174',
  'null',
  '*',
];

const lists = (value: unknown) => String(value).split(', ');

/** As a browser asks before a call that it would not make for any page. */
function preflight(
  on: TestService,
  path: string,
  origin: string,
  method = 'GET',
  headers = 'authorization,content-type,idempotency-key',
) {
  return on.api
    .options(path)
    .set('origin', origin)
    .set('access-control-request-method', method)
    .set('access-control-request-headers', headers);
}

function assertNotReadable({ headers }: request.Response, what?: string): void {
  const told = Object.keys(headers).filter((name) => name.startsWith('access-control-'));
  assert.deepEqual(told, [], what);
}

describe('calls from a page on another origin', () => {
  const it = scene({ environment });

  for (const [path, methods] of resources) {
    test(`a preflight for ${path}: these methods, without a token`, async () => {
      for (const origin of [portal, second]) {
        const { status, headers, text } = await preflight(it.service, path, origin, methods[0]);
        assert.deepEqual([status, text], [204, '']);
        assert.equal(headers['access-control-allow-origin'], origin);
        assert.deepEqual(lists(headers['access-control-allow-methods']), methods);
        assert.deepEqual(lists(headers.allow), [...methods, 'OPTIONS']);
        assert.equal(headers['access-control-max-age'], '7200');
        assert.ok(lists(headers.vary).includes('Origin'));
        const taken = lists(headers['access-control-allow-headers']).map((name) => name.toLowerCase());
        for (const name of ['authorization', 'content-type', 'idempotency-key', 'if-match', 'prefer']) {
          assert.ok(taken.includes(name), name);
        }
        assert.equal(headers['access-control-allow-credentials'], undefined);
      }
    });
  }

  // As browsers ask: lower-case names, in order, without blanks.
  const libraries: [name: string, headers: string][] = [
    ['Application Insights', 'authorization,request-context,request-id,traceparent'],
    ['Sentry', 'authorization,baggage,sentry-trace'],
    ['OpenTelemetry', 'authorization,b3,baggage,traceparent,tracestate,x-b3-sampled,x-b3-traceid'],
    ['Datadog', 'x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority,x-datadog-trace-id'],
    ['whatever comes next', "x-!#$%&'*+.^_`|~0-9a-z"],
  ];
  for (const [name, asked] of libraries) {
    test(`a preflight with the headers of a tracing library is answered: ${name}`, async () => {
      for (const path of [connectionPath, '/api/v1/nowhere']) {
        const { status, headers } = await preflight(it.service, path, portal, 'GET', asked);
        assert.equal(status, 204);
        const taken = lists(headers['access-control-allow-headers']).map((one) => one.toLowerCase());
        for (const one of asked.split(',')) assert.ok(taken.includes(one), one);
        assert.equal(new Set(taken).size, taken.length, 'each once');
        assert.ok(lists(headers.vary).includes('Access-Control-Request-Headers'));
        assert.equal(headers['access-control-allow-credentials'], undefined);
        const foreign = await preflight(it.service, path, 'https://evil.example.com', 'GET', asked);
        assertNotReadable(foreign);
      }
    });
  }

  test('what is no header name is not told back', async () => {
    const asked = 'x-good, x bad, (x), , x:y, "x", x;y, x@y, X-GOOD, Authorization';
    const { headers } = await preflight(it.service, connectionPath, portal, 'GET', asked);
    const usual = await preflight(it.service, connectionPath, portal);
    const names = (response: request.Response['headers']) => lists(response['access-control-allow-headers']);
    assert.deepEqual(names(headers), [...names(usual.headers), 'x-good', 'X-GOOD']);
  });

  test('a preflight is answered beyond every limit, and leaves no trace in Entra, Graph or the record', async () => {
    const limits = { addressPerMinute: 1, callerPerMinute: 1 };
    const on = await it.start({ timings: { limits } });
    const events = () => it.query('select count(*) from audit_events');
    it.simulator.clearCalls();
    for (let count = 0; count < 3; count += 1) {
      assert.equal((await preflight(on, disconnectPath, portal, 'POST')).status, 204);
    }
    assert.equal((await it.get('/api/v1/me', { on })).status, 200);
    const before = await events();
    assert.equal((await preflight(on, disconnectPath, portal, 'POST')).status, 204);
    assert.deepEqual(await events(), before);
    assert.equal(it.simulator.calls.length, 0);
  });

  test('an answer can be read, with the headers a portal needs', async () => {
    const { status, headers } = await it.get(connectionPath, { headers: { origin: portal } });
    assert.equal(status, 200);
    assert.equal(headers['access-control-allow-origin'], portal);
    assert.equal(headers['access-control-allow-credentials'], undefined);
    assert.ok(lists(headers.vary).includes('Origin'));
    assert.deepEqual(lists(headers['access-control-expose-headers']).toSorted(), [
      'Content-Disposition',
      'ETag',
      'Idempotency-Replayed',
      'Location',
      'Preference-Applied',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'WWW-Authenticate',
      'client-request-id',
      'request-id',
    ]);
  });

  // Each way a call ends without doing anything: a script must be able to read why.
  const refusals: [name: string, status: number, call: (on: TestService) => PromiseLike<request.Response>][] =
    [
      ['no token', 401, ({ api }) => api.get('/api/v1/me').set('origin', portal)],
      [
        'a bad token',
        401,
        ({ api }) => api.get('/api/v1/me').set({ origin: portal, authorization: 'Bearer x' }),
      ],
      [
        'no role',
        403,
        (on) => it.get('/api/v1/audit/events', { on, as: 'no-roles', headers: { origin: portal } }),
      ],
      ['nothing there', 404, ({ api }) => api.get('/api/v1/nowhere').set('origin', portal)],
      [
        'a path that cannot be read',
        404,
        ({ api }) => api.get('/api/v1/operations/%ff').set('origin', portal),
      ],
      [
        'no such operation',
        404,
        (on) => it.get(resources[3]?.[0] ?? '', { on, headers: { origin: portal } }),
      ],
      ['no such method', 405, ({ api }) => api.delete('/api/v1/me').set('origin', portal)],
      [
        'a body in another type',
        415,
        (on) =>
          it.post(disconnectPath, {
            on,
            body: 'x' as never,
            headers: { origin: portal, 'content-type': 'text/plain' },
          }),
      ],
      ['a bad query', 400, (on) => it.get(`${operationsPath}?status=x`, { on, headers: { origin: portal } })],
      [
        'another state',
        412,
        (on) => it.post(disconnectPath, { on, headers: { origin: portal, 'if-match': '"x"' } }),
      ],
      [
        'Graph away',
        503,
        (on) => {
          it.simulator.setFault('list', { status: 503 });
          return it.get(connectionPath, { on, headers: { origin: portal } });
        },
      ],
    ];
  for (const [name, expected, call] of refusals) {
    test(`a refusal can be read: ${name}`, async () => {
      const { status, body, headers } = await call(it.service);
      assert.equal(status, expected);
      assert.ok(body.code);
      assert.equal(headers['access-control-allow-origin'], portal);
      assert.ok(lists(headers['access-control-expose-headers']).includes('WWW-Authenticate'));
      assert.ok(lists(headers.vary).includes('Origin'));
    });
  }

  test('a refusal can be read: too many calls, of an address and of a caller', async () => {
    for (const limits of [{ addressPerMinute: 1 }, { callerPerMinute: 1 }]) {
      await it.beside({ limits }, async (on) => {
        await it.get('/api/v1/me', { on });
        const { status, headers } = await it.get('/api/v1/me', { on, headers: { origin: portal } });
        assert.equal(status, 429);
        assert.equal(headers['access-control-allow-origin'], portal);
      });
    }
  });

  test('a refusal can be read: too many at once; and its preflight is answered', async () => {
    const on = await it.start({ timings: { limits: { maxConcurrentRequests: 1 }, graphTimeoutMs: 15_000 } });
    const held = hold(it.simulator, 'list');
    const waiting = it.readConnection({ on });
    await held.arrived();
    const { status, body, headers } = await it.disconnect({ on, headers: { origin: portal } });
    assert.deepEqual([status, body.code], [503, 'overloaded']);
    assert.equal(headers['access-control-allow-origin'], portal);
    assert.equal((await preflight(on, disconnectPath, portal, 'POST')).status, 204);
    held.release();
    assert.equal((await waiting).status, 200);
    await until('there is room', async () => (await it.get('/api/v1/me', { on })).status === 200);
  });

  test('a preflight for a path that is not there is answered, so that the script hears the 404', async () => {
    const { status, headers } = await preflight(it.service, '/api/v1/nowhere', portal);
    assert.equal(status, 204);
    assert.deepEqual(lists(headers['access-control-allow-methods']), ['GET', 'HEAD', 'POST']);
    assert.equal((await it.service.api.options('/api/v1/nowhere').set('origin', portal)).status, 404);
  });

  for (const origin of strangers) {
    test(`another origin reads nothing, and is not refused: ${origin}`, async () => {
      const asked = await preflight(it.service, disconnectPath, origin, 'POST');
      assertNotReadable(asked, 'preflight');
      assert.ok(lists(asked.headers.vary).includes('Origin'));
      const answered = await it.get('/api/v1/me', { headers: { origin } });
      assert.equal(answered.status, 200);
      assertNotReadable(answered, 'answer');
      assert.ok(lists(answered.headers.vary).includes('Origin'));
      assertNotReadable(await it.service.api.get('/api/v1/me').set('origin', origin), 'refusal');
      assertNotReadable(await preflight(it.service, '/api/v1/nowhere', origin), 'nowhere');
    });
  }

  test('a call without an origin has no such headers, and is kept apart in caches', async () => {
    const answered = await it.get('/api/v1/me');
    assertNotReadable(answered);
    assert.ok(lists(answered.headers.vary).includes('Origin'));
  });
});

describe('without CORS_ALLOWED_ORIGINS', () => {
  const it = scene();

  test('no origin reads anything', async () => {
    for (const origin of [portal, second, 'null']) {
      assertNotReadable(await preflight(it.service, disconnectPath, origin, 'POST'));
      assertNotReadable(await it.get('/api/v1/me', { headers: { origin } }));
    }
  });
});
