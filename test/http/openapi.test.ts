import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { Dependencies } from '../../src/core/dependencies.ts';
import { createApiApp } from '../../src/http/api-app.ts';
import { catalogue } from '../../src/http/problems/catalogue.ts';
import { type Answer, complaintsAbout } from '../support/described-answers.ts';
import { documentOf, sampleInstallation } from '../support/openapi.ts';

describe('the OpenAPI document', () => {
  for (const [viewer, pages] of [
    [false, ['/openapi.json', '/docs/errors', '/docs/page.css']],
    [
      true,
      [
        '/openapi.json',
        '/docs/errors',
        '/docs/page.css',
        '/docs',
        '/docs/viewer.js',
        '/docs/swagger-ui-bundle.js',
        '/docs/swagger-ui.css',
      ],
    ],
  ] as const) {
    test(`lists what Express serves but for documentation, and nothing else; viewer: ${viewer}`, () => {
      const described = Object.entries(documentOf(sampleInstallation).paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method} ${path}`),
      );
      const documentation = pages.map((path) => `get ${path}`);
      assert.deepEqual([...described, ...documentation].toSorted(), routesServed(viewer).toSorted());
    });
  }

  describe('is one that clients are generated from', () => {
    const { paths, components } = documentOf(sampleInstallation);
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods));

    test('each kind of problem has one name', () => {
      const names = [...Object.keys(components.schemas), ...Object.keys(components.responses)];
      assert.deepEqual(
        names.filter((name) => !/^[A-Z][A-Za-z]+$/.test(name)),
        [],
      );
      const problem = { $ref: '#/components/schemas/Problem' };
      for (const { content = {} } of Object.values(components.responses)) {
        assert.deepEqual(
          Object.entries(content).map(([type, { schema }]) => [type, schema]),
          [
            ['application/problem+json', problem],
            ['application/json', problem],
          ],
        );
      }
      for (const { responses } of operations) {
        for (const [status, response] of Object.entries(responses)) {
          assert.equal('$ref' in response, Number(status) >= 400, status);
        }
      }
    });

    test('its booleans are booleans, and its patterns escape no slash', () => {
      const dryRun = operations.flatMap(({ parameters = [] }) =>
        parameters.filter(({ name }) => name === 'dryRun'),
      );
      assert.deepEqual(
        dryRun.map(({ schema }) => [schema.type, schema.default, schema.enum]),
        [['boolean', false, undefined]],
      );
      const patterns: string[] = [];
      JSON.stringify({ paths, components }, (key, value) => {
        if (key === 'pattern') patterns.push(value);
        return value;
      });
      assert.ok(patterns.length > 5);
      assert.deepEqual(
        patterns.filter((pattern) => pattern.includes('\\/')),
        [],
      );
    });

    test('which codes an operation has is there for programs, by status', () => {
      for (const { responses, 'x-problem-codes': codes } of operations) {
        const failing = Object.keys(responses).filter((status) => Number(status) >= 400);
        assert.deepEqual(Object.keys(codes), failing);
      }
    });
  });

  test('has the closed list of codes, and an example of each that can be brought about', () => {
    const { components } = documentOf(sampleInstallation);
    assert.deepEqual(components.schemas.ProblemCode?.enum, Object.keys(catalogue));
    const shown = Object.keys(components.examples ?? {});
    const ofNoOperation = ['not_found', 'method_not_allowed'];
    assert.deepEqual(
      [...shown, ...ofNoOperation, 'caller_gone', 'internal_error'].toSorted(),
      Object.keys(catalogue).toSorted(),
    );
  });

  test('gives every success of the API an example', () => {
    const without: string[] = [];
    for (const [path, methods] of Object.entries(documentOf(sampleInstallation).paths)) {
      if (!path.startsWith('/api/')) continue;
      for (const { operationId, responses } of Object.values(methods)) {
        for (const [status, response] of Object.entries(responses)) {
          const content = '$ref' in response ? {} : response.content;
          const [media] = Object.values(content ?? {});
          if (status.startsWith('2') && !('examples' in (media ?? {})))
            without.push(`${operationId} ${status}`);
        }
      }
    }
    assert.deepEqual(without, []);
  });

  // UPDATE_EXAMPLES=1 writes it: a change of the API shows in review, and portals generate types from it.
  test('is the one in docs/openapi.json', async () => {
    const file = new URL('../../docs/openapi.json', import.meta.url);
    const text = `${JSON.stringify(documentOf(sampleInstallation), null, 2)}\n`;
    if (process.env.UPDATE_EXAMPLES === '1') await writeFile(file, text);
    assert.equal(await readFile(file, 'utf8'), text);
  });
});

describe('an answer that is not as described is found', () => {
  const problem = (code: string, status: number) => ({
    type: `/docs/errors#${code}`,
    title: 'x',
    status,
    detail: 'x',
    instance: 'urn:uuid:x',
    code,
    requestId: '00000000-0000-4000-8000-000000000001',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    hint: 'x',
    error: {
      code,
      message: 'x',
      innerError: {
        'request-id': 'x',
        'client-request-id': '00000000-0000-4000-8000-000000000001',
        date: '2026-01-31T10:20:30.456Z',
      },
    },
  });
  const me = {
    oid: 'o',
    tenantId: '00000000-0000-4000-8000-000000000001',
    tenantDomain: null,
    name: null,
    roles: [],
    permissions: [],
    policy: null,
  };
  const headers = {
    'client-request-id': '00000000-0000-4000-8000-000000000001',
    'content-type': 'application/json; charset=utf-8',
  };
  const answer = (body: unknown, rest: Partial<Answer> = {}): Answer => ({
    method: 'GET',
    route: '/api/v1/me',
    status: 200,
    headers,
    body: Buffer.from(JSON.stringify(body)),
    ...rest,
  });
  const asProblem = { ...headers, 'content-type': 'application/problem+json' };

  test('one that is, is not complained of', () => {
    assert.deepEqual(complaintsAbout(answer(me)), []);
    const tokenMissing = { status: 401, headers: { ...asProblem, 'www-authenticate': 'Bearer realm="x"' } };
    assert.deepEqual(complaintsAbout(answer(problem('token_missing', 401), tokenMissing)), []);
    assert.deepEqual(
      complaintsAbout(answer(problem('not_found', 404), { route: null, status: 404, headers: asProblem })),
      [],
    );
  });

  for (const [what, given, complaint] of [
    [
      'a status',
      answer(problem('not_found', 404), { status: 404, headers: asProblem }),
      /404 is not described/,
    ],
    ['a property', answer({ ...me, shoeSize: 43 }), /additional properties.*shoeSize/],
    ['a missing property', answer({ ...me, roles: undefined }), /required property 'roles'/],
    ['a value', answer({ ...me, permissions: ['fly'] }), /permissions\/0 must be equal to one of/],
    ['a header', answer(me, { headers: { ...headers, 'x-new': '1' } }), /header x-new is not described/],
    [
      "a header's value",
      answer(me, { headers: { ...headers, ratelimit: '5' } }),
      /ratelimit {2}must match pattern/,
    ],
    [
      'a missing header',
      answer(me, { headers: { 'content-type': 'application/json' } }),
      /client-request-id is missing/,
    ],
    ['a type', answer(me, { headers: { ...headers, 'content-type': 'text/html' } }), /type text\/html/],
    [
      'a code that this operation does not have',
      answer(problem('own_approval', 403), { status: 403, headers: asProblem }),
      /403 own_approval is not described/,
    ],
    [
      'a code of another status',
      answer(problem('rate_limited', 503), { status: 503, headers: asProblem }),
      /503 rate_limited is not described/,
    ],
    [
      'a status in the body that is another',
      answer(problem('rate_limited', 503), { status: 429, headers: asProblem }),
      /the body has the status 503/,
    ],
    [
      'what answers where nothing is',
      answer({ message: 'gone fishing' }, { route: null, status: 404, headers: asProblem }),
      /required property 'code'/,
    ],
    [
      'a method that is not taken, without Allow',
      answer(problem('method_not_allowed', 405), { method: 'PUT', status: 405, headers: asProblem }),
      /header allow is missing/,
    ],
    [
      'a line of an export',
      answer(null, {
        route: '/api/v1/audit/export',
        headers: {
          ...headers,
          'content-type': 'application/x-ndjson',
          'content-disposition': 'attachment; filename="a"',
        },
        body: Buffer.from('{"type":"end","number":1}\n'),
      }),
      /a line .*required property 'link'/,
    ],
  ] as const) {
    test(what, () => assert.match(complaintsAbout(given).join('\n'), complaint));
  }
});

/** Every route of the API, from Express's own table, as the document spells it. */
function routesServed(viewer: boolean): string[] {
  const timing = { answerMs: 50_000 };
  const dependencies = { newId: () => '', access: {}, timing } as unknown as Dependencies;
  const app = createApiApp({
    dependencies,
    version: '',
    trustProxyHops: 0,
    onNoForwardedAddress: () => {},
    limits: { callerPerMinute: 0, addressPerMinute: 0, maxConcurrentRequests: 1 },
    corsAllowedOrigins: [],
    authorizationUri: () => '',
    installation: () => ({ ...sampleInstallation, viewer }),
    withinRequest: (_begun, next) => next(),
    onRequestDone: () => {},
  });
  const found: string[] = [];
  const visit = (layers: readonly Layer[]) => {
    for (const { route, handle } of layers) {
      if (handle?.stack) visit(handle.stack);
      if (route === undefined) continue;
      const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
      // What takes every method refuses those that are not listed.
      for (const { method } of route.stack) if (method !== undefined) found.push(`${method} ${path}`);
    }
  };
  visit((app.router as unknown as { stack: Layer[] }).stack);
  return found;
}

type Layer = {
  readonly route?: { readonly path: string; readonly stack: readonly { readonly method?: string }[] };
  readonly handle?: { readonly stack?: readonly Layer[] };
};
