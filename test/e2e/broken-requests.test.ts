import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../support/processes.ts';
import { connectRaw, postHead, type RawConnection } from '../support/raw-http.ts';
import { hold, scene } from '../support/scene.ts';
import { bearer, connectionPath, disconnectPath, type TestService } from '../support/service.ts';

const portal = 'https://portal.example';
const it = scene({ environment: { CORS_ALLOWED_ORIGINS: portal } });

const intent = { reason: 'The contract ends', ticket: 'CHG-1' };
const whole = JSON.stringify(intent);
const json = { 'content-type': 'application/json' };
const chunked = { ...json, 'transfer-encoding': 'chunked' };
const inChunks = `${whole.length.toString(16)}\r\n${whole}\r\n0\r\n\r\n`;

const authorization = async () => ({ authorization: bearer(await it.simulator.token('admin')) });

/** The head of a disconnect. */
async function act(headers: Record<string, string | number>, path = disconnectPath): Promise<string> {
  return postHead(path, { ...(await authorization()), ...headers });
}

async function raw(
  bytes: string,
  work: (connection: RawConnection) => Promise<void>,
  on: TestService = it.service,
) {
  const connection = await connectRaw(on.url);
  try {
    connection.send(bytes);
    await work(connection);
  } finally {
    connection.close();
  }
}

/** A refusal that is ours: a problem with all that belongs to it. */
async function assertRefused(connection: RawConnection, status: number, code: string): Promise<void> {
  const answer = await connection.answer();
  assert.deepEqual([answer.status, answer.body.code], [status, code], answer.text);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.equal(answer.headers['client-request-id'], answer.body.requestId);
  assert.ok(answer.body.hint && answer.body.detail);
  const line = () => it.service.log.find(({ requestId }) => requestId === answer.body.requestId);
  await until('it is in the log', () => line() !== undefined);
  assert.deepEqual([line()?.failure, line()?.status], [code, status]);
}

/** What was asked for is on record, as one act, and the answer says so. */
async function assertDone(
  connection: RawConnection,
  expected: Record<string, string | null> = intent,
): Promise<void> {
  const { status, body, text } = await connection.answer();
  assert.equal(status, 200, text);
  const events = await it.events(String(body.operationId));
  assert.deepEqual(
    events.map(({ event }) => event),
    ['attempt', 'outcome'],
  );
  for (const { reason, ticket } of events) assert.deepEqual({ reason, ticket }, expected);
  assert.equal(it.asked('disconnect'), 1);
}

describe('bytes beyond the request', () => {
  const tails: [string, () => Promise<string>][] = [
    ['a body after Content-Length: 0', async () => (await act({ ...json, 'content-length': 0 })) + whole],
    ['a body where there should be none', async () => (await act(json)) + whole],
    [
      'one byte too many',
      async () => `${await act({ ...json, 'content-length': whole.length })}${whole}\u0001`,
    ],
    [
      'the body’s last byte left out of its length',
      async () => (await act({ ...json, 'content-length': whole.length - 1 })) + whole,
    ],
    ['junk after the last chunk', async () => `${await act(chunked)}${inChunks}junk`],
    [
      'a second request that is none',
      async () => `${await act({ ...json, 'content-length': 2 })}{}NO / HTTP/1.1\r\n\r\n`,
    ],
    [
      'a byte after Connection: close',
      async () => `${await act({ ...json, 'content-length': 2, connection: 'close' })}{}x`,
    ],
    [
      'a body without a length in HTTP/1.0',
      async () => (await act(json)).replace('HTTP/1.1', 'HTTP/1.0') + whole,
    ],
  ];
  for (const [name, bytes] of tails) {
    test(`are refused before anything is done, on record: ${name}`, async () => {
      await raw(await bytes(), async (connection) => {
        await assertRefused(connection, 400, 'request_malformed');
        await connection.closed();
        assert.equal(connection.rest(), '');
        assert.equal(it.asked('disconnect') + it.asked('token'), 0);
      });
    });
  }

  for (const tail of [
    '\u0001',
    'junk\r\n\r\n',
    'GET /',
    '{"reason":"another"}',
    'GET / HTTP/1.1\r\nHost : x\r\n\r\n',
  ]) {
    test(`change nothing in the answer once the attempt is on record: ${JSON.stringify(tail)}`, async () => {
      const held = hold(it.simulator, 'disconnect');
      await raw((await act({ ...json, 'content-length': whole.length })) + whole, async (connection) => {
        await held.arrived();
        connection.send(tail);
        // What comes on another connection since is read later.
        for (let call = 0; call < 3; call += 1) await it.service.api.get('/api/v1/me');
        held.release();
        await assertDone(connection);
        connection.finish();
        await connection.closed();
        assert.ok(!connection.rest().startsWith('HTTP/1.1 2'), connection.rest());
      });
    });
  }

  test('that come later, but before the attempt is on record, refuse the request too', async () => {
    const held = hold(it.simulator, 'list');
    const head = await act({ ...json, 'content-length': 0, 'idempotency-key': 'tail' });
    await raw(head, async (connection) => {
      await held.arrived();
      connection.send(whole);
      for (let call = 0; call < 3; call += 1) await it.service.api.get('/api/v1/me');
      held.release();
      await assertRefused(connection, 400, 'request_malformed');
      await connection.closed();
      assert.equal(it.asked('disconnect'), 0);
      const again = await it.disconnect({ headers: { 'idempotency-key': 'tail' }, body: intent });
      assert.equal(again.status, 200);
    });
  });

  test('do not reset the connection when more of them come after the answer', async () => {
    await raw((await act({ ...json, 'content-length': 0 })) + whole, async (connection) => {
      await assertRefused(connection, 400, 'request_malformed');
      // A reset is heard of when something is written after it.
      for (let more = 0; more < 2; more += 1) {
        connection.send('x'.repeat(1000));
        await it.service.api.get('/api/v1/me');
      }
      assert.equal(connection.failed, false);
    });
  });

  test('do not reset the connection under the answer, however many they are', async () => {
    await raw((await act({ ...json, 'content-length': 0 })) + 'x'.repeat(4_000_000), async (connection) => {
      await assertRefused(connection, 400, 'request_malformed');
    });
  });
});

describe('other shapes of a request', () => {
  const refused: [string, number, string, (head: typeof act) => Promise<string>][] = [
    [
      'both a length and chunks',
      400,
      'request_malformed',
      async (head) => (await head({ ...chunked, 'content-length': inChunks.length })) + inChunks,
    ],
    [
      'two lengths',
      400,
      'request_malformed',
      async (head) => `${await head({ 'content-length': '2\r\ncontent-length: 0' })}{}`,
    ],
    ['a length that is no number', 400, 'request_malformed', (head) => head({ 'content-length': '+2' })],
    [
      'another transfer coding',
      400,
      'request_malformed',
      async (head) => (await head({ ...json, 'transfer-encoding': 'gzip, chunked' })) + inChunks,
    ],
    [
      'chunks in HTTP/1.0',
      400,
      'request_malformed',
      async (head) => (await head(chunked)).replace('HTTP/1.1', 'HTTP/1.0') + inChunks,
    ],
    [
      'an expectation nobody can meet',
      400,
      'request_malformed',
      (head) => head({ expect: 'a-miracle', 'content-length': 0 }),
    ],
    [
      'no Host',
      400,
      'request_malformed',
      async (head) => (await head({ 'content-length': 0 })).replace(/host: .*\r\n/, ''),
    ],
    [
      'two Hosts',
      400,
      'request_malformed',
      (head) => head({ 'content-length': '0\r\nHost: another.example' }),
    ],
    [
      'a fragment that hides the query',
      400,
      'request_malformed',
      (head) => head({ 'content-length': 0 }, `${disconnectPath}#?dryRun=true`),
    ],
    ['a space before a colon', 400, 'request_malformed', (head) => head({ 'content-length ': 0 })],
    [
      'a header folded over two lines',
      400,
      'request_malformed',
      (head) => head({ 'if-match': '"a",\r\n "b"', 'content-length': 0 }),
    ],
    ['headers that are too large', 431, 'headers_too_large', (head) => head({ cookie: 'x'.repeat(17_000) })],
    [
      'a proxy’s request',
      400,
      'request_malformed',
      async () => 'CONNECT graph.example:443 HTTP/1.1\r\nHost: x\r\n\r\n',
    ],
    ['HTTP/2', 400, 'request_malformed', async () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['no HTTP at all', 400, 'request_malformed', async () => '\u0016\u0003\u0001 hello\r\n'],
  ];
  for (const [name, status, code, bytes] of refused) {
    test(`is refused, and nothing is done: ${name}`, async () => {
      await raw(await bytes(act), async (connection) => {
        await assertRefused(connection, status, code);
        assert.equal(it.asked('disconnect') + it.asked('token'), 0);
      });
    });
  }

  const done: [string, () => Promise<string>][] = [
    [
      'a chunked body with a trailer',
      async () => `${await act(chunked)}${inChunks.slice(0, -2)}x-checksum: 1\r\n\r\n`,
    ],
    [
      'many small chunks',
      async () => `${await act(chunked)}${[...whole].map((byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`,
    ],
    [
      'an upgrade that nobody offers',
      async () =>
        (await act({
          ...json,
          connection: 'upgrade',
          upgrade: 'websocket',
          'content-length': whole.length,
        })) + whole,
    ],
    [
      'Expect: 100-continue',
      async () => (await act({ ...json, expect: '100-continue', 'content-length': whole.length })) + whole,
    ],
    [
      'HTTP/1.0 with a length',
      async () =>
        (await act({ ...json, 'content-length': whole.length })).replace('HTTP/1.1', 'HTTP/1.0') + whole,
    ],
    [
      'an absolute address',
      async () =>
        (await act({ ...json, 'content-length': whole.length }, `http://service.example${disconnectPath}`)) +
        whole,
    ],
  ];
  for (const [name, bytes] of done) {
    test(`is done, with the whole intent: ${name}`, async () => {
      await raw(await bytes(), assertDone);
    });
  }

  test('two acts on one connection, one behind the other, are told apart', async () => {
    const one = (await act({ ...json, 'content-length': whole.length })) + whole;
    await raw(one + one, async (connection) => {
      const answers = [await connection.answer(), await connection.answer()];
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 409]);
      const [done] = answers.filter(({ status }) => status === 200);
      const [other] = answers.filter(({ status }) => status === 409);
      assert.equal(other?.body.operationId, done?.body.operationId);
      assert.equal(it.asked('disconnect'), 1);
    });
  });

  test('a condition behind thousands of headers counts', async () => {
    const many = 'a:\r\n'.repeat(3000);
    const head = (await act({ 'content-length': 0, 'if-match': '"another"' })).replace(
      'if-match',
      `${many}if-match`,
    );
    await raw(head, async (connection) => {
      const { status, body } = await connection.answer();
      assert.deepEqual([status, body.code], [412, 'connection_changed']);
      assert.equal(it.asked('disconnect'), 0);
    });
  });

  test('one that never ends is told so in time, and so is a body', async () => {
    const on = await it.start({ timings: { requestTimeoutMs: 200 } });
    const late: [string, string][] = [
      ['POST / HTTP/1.1\r\nHost: x\r\n', 'request_timeout'],
      [`${await act({ 'content-length': 9, ...json })}{`, 'body_incomplete'],
    ];
    for (const [bytes, code] of late) {
      await raw(
        bytes,
        async (connection) => {
          assert.equal((await connection.answer()).body.code, code);
          await connection.closed();
          assert.equal(connection.rest(), '');
        },
        on,
      );
    }
    // It had its answer before its body was there: a second one would be nobody's.
    await raw(
      postHead(disconnectPath, { 'content-length': 9 }),
      async (connection) => {
        assert.equal((await connection.answer()).status, 401);
        await connection.closed();
        assert.equal(connection.rest(), '');
      },
      on,
    );
  });

  test('a script of an allowed origin may read the refusal, and no other', async () => {
    for (const [origin, allowed] of [
      [portal, portal],
      ['https://elsewhere.example', undefined],
    ] as const) {
      await raw(`GET / HTTP/1.1\r\nOrigin: ${origin}\r\nbad header\r\n\r\n`, async (connection) => {
        const { headers } = await connection.answer();
        assert.deepEqual([headers['access-control-allow-origin'], headers.vary], [allowed, 'Origin']);
      });
    }
  });

  test('is refused on the management port too', async () => {
    const before = it.service.log.length;
    const { port } = new URL(it.service.management.get('/livez').url);
    const connection = await connectRaw(`http://localhost:${port}`);
    connection.send('nonsense\r\n\r\n');
    const { status, body } = await connection.answer();
    assert.deepEqual([status, body.code], [400, 'request_malformed']);
    const line = it.service.log.slice(before).find(({ requestId }) => requestId === body.requestId);
    assert.deepEqual([line?.route, line?.status], ['management', 400]);
    connection.close();
  });

  test('counts in the metrics', async () => {
    const count = () =>
      it.service.metric('chromeos_bff_http_request_duration_seconds_count', {
        route: 'unmatched',
        method: 'other',
        status: '400',
      });
    const before = await count();
    await raw('nonsense\r\n\r\n', async (connection) => {
      await connection.answer();
      assert.equal(await count(), before + 1);
    });
  });
});

describe('the whole query', () => {
  const query = (text: string) => it.disconnect({ query: text });

  test('dryRun is not lost behind a thousand ampersands, nor in another spelling', async () => {
    for (const text of [
      `?${'&'.repeat(1000)}dryRun=true`,
      `?${'&'.repeat(12_000)}dryRun=true`,
      '?%64ryRun=true',
      '?dryRun=%74rue',
    ]) {
      const { status, body } = await query(text);
      assert.deepEqual([status, body.dryRun], [200, true], text.slice(0, 20));
    }
    assert.equal(it.asked('disconnect'), 0);
  });

  const bad: [string, string][] = [
    ['?dryRun=false&dryRun=false', 'dryRun'],
    ['?dryRun=false&dryRun=true', 'dryRun'],
    [`?${'a&'.repeat(2000)}`, 'a'],
    ['?dryRun=false&dryrun=true', 'dryrun'],
    ['?dryRun', 'dryRun'],
    ['?dryRun=', 'dryRun'],
    ['?dryRun=TRUE', 'dryRun'],
    ['?dryRun[]=true', 'dryRun[]'],
    ['??dryRun=true', '?dryRun'],
    ['?dryRun;=true', 'dryRun;'],
    ['?+dryRun=true', ' dryRun'],
    ['?=true', ''],
    ['?__proto__=true', '__proto__'],
  ];
  for (const [text, field] of bad) {
    test(`is refused: ${text.slice(0, 40)}`, async () => {
      await raw(await act({ 'content-length': 0 }, disconnectPath + text), async (connection) => {
        const { status, body } = await connection.answer();
        const [error] = body.errors as { field: string }[];
        assert.deepEqual([status, body.code, error?.field], [400, 'request_invalid', field]);
        assert.equal(it.asked('disconnect'), 0);
      });
    });
  }

  const id = '11111111-2222-4333-8444-555555555555';
  for (const path of [
    '/api/v1/me',
    connectionPath,
    `/api/v1/operations/${id}`,
    '/api/v1/operations',
    '/api/v1/audit/events',
    '/api/v1/audit/verification',
    '/api/v1/audit/export',
  ]) {
    test(`is looked at everywhere: ${path}`, async () => {
      const answer = await it.get(`${path}?nonsense=1`, { as: path.includes('audit') ? 'auditor' : 'admin' });
      assert.deepEqual([answer.status, answer.body.errors?.[0].field], [400, 'nonsense']);
      assert.deepEqual(
        (await it.eventsOfCall(answer)).map(({ event, failure }) => `${event} ${failure}`),
        ['refused request_invalid'],
      );
    });
  }

  test('a filter of the trail that is given twice is refused', async () => {
    for (const path of [
      '/api/v1/audit/events?limit=1&limit=2',
      '/api/v1/audit/export?format=ndjson&format=ocsf',
    ]) {
      assert.equal((await it.get(path, { as: 'auditor' })).status, 400);
    }
  });
});

describe('callers who do not wait for their answers', () => {
  for (const way of ['finish', 'reset'] as const) {
    test(`count as aborted, never as the 200 that was not sent: ${way}`, async () => {
      const held = hold(it.simulator, 'list', 5);
      const count = (status: string) =>
        it.service.metric('chromeos_bff_http_request_duration_seconds_count', {
          route: connectionPath,
          status,
        });
      const before = { ok: await count('200'), aborted: await count('aborted') };
      const { authorization: token } = await authorization();
      const connections = await Promise.all([1, 2, 3, 4, 5].map(() => connectRaw(it.service.url)));
      for (const connection of connections) {
        connection.send(`GET ${connectionPath} HTTP/1.1\r\nHost: x\r\nAuthorization: ${token}\r\n\r\n`);
      }
      await until('all are under way', () => it.asked('list') === 5);
      for (const connection of connections) connection[way]();
      for (let call = 0; call < 3; call += 1) await it.service.api.get('/api/v1/me');
      held.release();
      await until('all are over', async () => (await count('aborted')) === before.aborted + 5);
      assert.equal(await count('200'), before.ok);
      for (const line of it.service.log.filter(({ route, aborted }) => route === connectionPath && aborted)) {
        assert.equal(line.status, undefined);
      }
      for (const connection of connections) connection.close();
    });
  }
});
