import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { exportPath, exportScene, lengthenTrail, linesIn } from '../support/audit-exports.ts';
import { until } from '../support/processes.ts';
import { resources } from '../support/resources.ts';
import { scene } from '../support/scene.ts';
import { connectionPath, eventsPath } from '../support/service.ts';

const everyMethod = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'trace'] as const;

describe('methods', () => {
  const it = scene();

  for (const [path, methods] of resources) {
    test(`${path} takes ${methods.join(' and ')}; any other is 405 with Allow`, async () => {
      const allow = [...methods, 'OPTIONS'].join(', ');
      for (const method of everyMethod) {
        if (methods.includes(method.toUpperCase())) continue;
        const { status, headers, body } = await it.service.api[method](path);
        assert.equal(status, method === 'options' ? 204 : 405, method);
        assert.equal(headers.allow, allow, method);
        if (method === 'options') assert.equal(headers['content-type'], undefined);
        // supertest reads no body of HEAD, as there is none.
        else if (method !== 'head') assert.equal(body.code, 'method_not_allowed');
      }
    });

    if (!methods.includes('HEAD')) continue;
    test(`${path}: HEAD has the headers of GET and no body`, async () => {
      const as = path.includes('/audit/') ? 'auditor' : 'admin';
      const plain = { 'accept-encoding': 'identity' };
      const fetched = await it.get(path, { as, headers: plain });
      const authorization = `Bearer ${await it.simulator.token(as)}`;
      const { status, headers, text } = await it.service.api.head(path).set({ authorization, ...plain });
      assert.deepEqual([status, text ?? ''], [fetched.status, '']);
      for (const name of ['content-type', 'etag', 'cache-control', 'vary', 'content-disposition']) {
        assert.equal(headers[name], fetched.headers[name], name);
      }
    });
  }
});

describe('headers of every answer', () => {
  const it = scene();

  const answers: [name: string, path: string, ask: Parameters<typeof it.get>[1]][] = [
    ['a success', connectionPath, {}],
    ['a refusal', eventsPath, { as: 'no-roles' }],
    ['nothing there', '/api/v1/nowhere', {}],
    ['a path that cannot be read', '/%ff', {}],
    ['an export', exportPath, { as: 'auditor' }],
  ];
  for (const [name, path, ask] of answers) {
    test(`${name}: kept by nobody, data and nothing else`, async () => {
      const { headers } = await it.get(path, ask);
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(
        headers['content-security-policy'],
        "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
      );
      assert.equal(headers['x-frame-options'], 'DENY');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
      assert.match(String(headers['strict-transport-security']), /^max-age=31536000/);
      assert.equal(headers['x-powered-by'], undefined);
      assert.equal(headers.server, undefined);
      assert.match(String(headers['client-request-id']), /^[0-9a-f-]{36}$/);
    });
  }

  test('a preflight and a 405 are kept by nobody either', async () => {
    for (const response of [
      await it.service.api.options(connectionPath),
      await it.service.api.put(connectionPath),
    ]) {
      assert.equal(response.headers['cache-control'], 'no-store');
    }
  });

  // What was done is told in the one form there is, rather than not at all (RFC 9110 12.5.1 allows that).
  for (const accept of [
    'text/html',
    'application/xml, text/*;q=0.5',
    'application/json;q=0',
    '*/*;q=0',
    'x',
  ]) {
    test(`Accept: ${accept} changes nothing about a success`, async () => {
      const { status, headers } = await it.get('/api/v1/me', { headers: { accept } });
      assert.deepEqual([status, headers['content-type']], [200, 'application/json; charset=utf-8']);
      const refused = await it.service.api.get('/api/v1/me').set('accept', accept);
      assert.equal(refused.status, 401);
      assert.match(String(refused.headers['content-type']), /^application\/(problem\+)?json/);
    });
  }
});

describe('conditional reads', () => {
  const it = scene();
  // As browsers send it for a script that gives the one header.
  const ifNoneMatch = (value: string) =>
    it.get(connectionPath, {
      headers: { 'if-none-match': value, 'cache-control': 'no-cache', pragma: 'no-cache' },
    });

  test('304 without a body while nothing has changed, 200 with the new tag afterwards', async () => {
    const first = await it.readConnection();
    const tag = String(first.headers.etag);
    for (const value of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const unchanged = await ifNoneMatch(value);
      assert.deepEqual([unchanged.status, unchanged.text], [304, ''], value);
      assert.equal(unchanged.headers.etag, tag);
      assert.equal(unchanged.headers['content-type'], undefined);
    }
    for (const value of ['"other"', 'x', '', tag.replaceAll('"', '')]) {
      assert.equal((await ifNoneMatch(value)).status, 200, value);
    }
    it.simulator.setConnection(it.tenantId, { onboardingStatus: 'failed' });
    const changed = await ifNoneMatch(tag);
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.etag, tag);
  });

  test('each is a read on the record, and Graph is asked', async () => {
    const tag = String((await it.readConnection()).headers.etag);
    it.simulator.clearCalls();
    const unchanged = await ifNoneMatch(tag);
    assert.equal(it.asked('list'), 1);
    const [event] = await it.eventsOfCall(unchanged);
    assert.deepEqual([event?.event, event?.action], ['read', 'read_connection']);
  });
});

describe('compression', () => {
  const it = exportScene();

  /** As sent: nothing is undone for us. */
  async function raw(path: string, headers: OutgoingHttpHeaders = {}): Promise<[IncomingMessage, Buffer]> {
    const [response] = await begun(path, headers);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return [response, Buffer.concat(chunks)];
  }

  function begun(path: string, headers: OutgoingHttpHeaders): Promise<[IncomingMessage]> {
    const authorization = it.auditor;
    return once(
      get(`${it.service.url}${path}`, { headers: { authorization, ...headers } }),
      'response',
    ) as Promise<[IncomingMessage]>;
  }

  const idle = () =>
    until(
      'the service is done with it',
      async () => (await it.service.metric('chromeos_bff_requests_in_flight')) === 0,
    );

  for (const path of [exportPath, `${exportPath}?format=ocsf`, eventsPath]) {
    test(`${path}: for those who take gzip, and the same text`, async () => {
      const [zipped, bytes] = await raw(path, { 'accept-encoding': 'gzip, br' });
      assert.equal(zipped.headers['content-encoding'], 'gzip');
      assert.match(String(zipped.headers.vary), /Accept-Encoding/);
      const text = gunzipSync(bytes).toString('utf8');
      assert.ok(bytes.length < text.length / 2, `${bytes.length} of ${text.length}`);
      if (path === exportPath) await it.verify(gunzipSync(bytes));
      else for (const line of text.trimEnd().split('\n')) JSON.parse(line);
    });

    test(`${path}: not for others`, async () => {
      for (const coding of [undefined, 'br', 'identity', 'gzip;q=0', '*;q=0']) {
        const [plain, bytes] = await raw(path, coding === undefined ? {} : { 'accept-encoding': coding });
        assert.equal(plain.headers['content-encoding'], undefined, coding);
        assert.match(String(plain.headers.vary), /Accept-Encoding/);
        assert.ok(bytes.toString('utf8').startsWith('{'));
      }
    });
  }

  test('a short list is sent as it is, and so is everything else', async () => {
    const take = { 'accept-encoding': 'gzip' };
    for (const path of [
      `${eventsPath}?limit=1`,
      '/api/v1/me',
      '/api/v1/audit/verification',
      '/api/v1/nowhere',
    ]) {
      const [response] = await raw(path, take);
      assert.equal(response.headers['content-encoding'], undefined, path);
    }
  });

  test('an export that fails at once is a problem, not a broken archive', async () => {
    await it.query('alter table audit_events rename to audit_events_gone');
    try {
      const [response, bytes] = await raw(exportPath, { 'accept-encoding': 'gzip' });
      assert.equal(response.statusCode, 503);
      assert.equal(response.headers['content-encoding'], undefined);
      assert.equal(JSON.parse(bytes.toString()).code, 'audit_unavailable');
    } finally {
      await it.query('alter table audit_events_gone rename to audit_events');
    }
  });

  test('HEAD of an export reads no trail', async () => {
    await it.query('alter table audit_checkpoints rename to audit_checkpoints_gone');
    try {
      await it.service.api.get(exportPath).set({ authorization: it.auditor }).expect(503);
      await it.service.api.head(exportPath).set({ authorization: it.auditor }).expect(200);
    } finally {
      await it.query('alter table audit_checkpoints_gone rename to audit_checkpoints');
    }
    const events = async () => linesIn(await it.exported()).filter(({ type }) => type === 'event').length;
    const before = await events();
    const head = await it.service.api
      .head(exportPath)
      .set({ authorization: it.auditor, 'accept-encoding': 'gzip' })
      .expect(200);
    assert.equal(head.headers['content-encoding'], 'gzip');
    assert.equal(head.headers['content-length'], undefined);
    // That it was asked for is on record, and so is the export that tells.
    assert.equal(await events(), before + 2);
  });

  test('a long export comes as it is read: what breaks midway is broken off, and nothing is left behind', async () => {
    await lengthenTrail(it.testEnvironment, it.tenantId);
    const [response] = await begun(exportPath, { 'accept-encoding': 'gzip' });
    response.once('data', () => response.pause());
    await once(response, 'pause');
    await it.query('alter table audit_events rename to audit_events_gone');
    try {
      const broken = once(response, 'end');
      response.resume();
      await assert.rejects(broken, { code: 'ECONNRESET' });
    } finally {
      await it.query('alter table audit_events_gone rename to audit_events');
    }
    await idle();
  });

  test('a caller who goes away ends the reading', async () => {
    const [response] = await begun(exportPath, { 'accept-encoding': 'gzip' });
    await once(response, 'data');
    response.on('error', () => {});
    response.destroy();
    await idle();
  });
});
