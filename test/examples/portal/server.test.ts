import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import request from 'supertest';
import { loadEnvironment } from '../../../examples/portal/server/environment.ts';
import { createPortalHandler } from '../../../examples/portal/server/handler.ts';

const variables = {
  PORTAL_API_BASE_URL: 'https://api.example/',
  PORTAL_AUTHORITY: 'https://login.example/tenant',
  PORTAL_CLIENT_ID: '5a1e0000-c11e-4000-8000-0000000000a1',
  PORTAL_API_SCOPE: 'api://service/access_as_user',
};

describe('the portal’s server', () => {
  let folder = '';
  let portal: ReturnType<typeof request>;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portal-'));
    await mkdir(join(folder, 'dist', 'assets'), { recursive: true });
    await writeFile(join(folder, 'secret.txt'), 'secret');
    await writeFile(join(folder, 'dist', 'index.html'), '<!doctype html><title>portal</title>');
    await writeFile(join(folder, 'dist', 'redirect.html'), '<!doctype html><title>redirect</title>');
    await writeFile(join(folder, 'dist', 'assets', 'index-abc.js'), 'export {};');
    const environment = loadEnvironment({ ...variables, PORTAL_SIGN_IN_ORIGIN: 'http://localhost:8444' });
    portal = request(createServer(createPortalHandler(environment, join(folder, 'dist'))));
  });
  after(() => rm(folder, { recursive: true }));

  test('tells the page what it needs, and nothing is kept', async () => {
    const { body, headers } = await portal.get('/config.json').expect(200);
    assert.deepEqual(body, {
      apiBaseUrl: 'https://api.example',
      authority: 'https://login.example/tenant',
      clientId: variables.PORTAL_CLIENT_ID,
      apiScope: variables.PORTAL_API_SCOPE,
      authorityMetadata: null,
    });
    assert.equal(headers['cache-control'], 'no-store');
  });

  test('lets the page load its own files and call the API and Entra ID, and nothing else', async () => {
    const { headers } = await portal.get('/').expect(200).expect('cache-control', 'no-store');
    assert.deepEqual(policyOf(headers), {
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'img-src': "'self'",
      'connect-src': "'self' https://api.example https://login.example http://localhost:8444",
      'frame-src': "'self' https://login.example http://localhost:8444",
      'frame-ancestors': "'none'",
      'form-action': "'none'",
      'base-uri': "'none'",
      'require-trusted-types-for': "'script'",
      'trusted-types': "'none'",
    });
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin-allow-popups');
  });

  test('lets the redirect page be framed by the portal, and talk to nobody', async () => {
    const { headers } = await portal.get('/redirect.html').expect(200);
    const policy = policyOf(headers);
    assert.equal(policy['frame-ancestors'], "'self'");
    assert.equal(policy['connect-src'], "'none'");
    assert.equal(headers['cross-origin-opener-policy'], 'unsafe-none');
  });

  test('has browsers keep what never changes', async () => {
    await portal
      .get('/assets/index-abc.js')
      .expect(200)
      .expect('content-type', /javascript/)
      .expect('cache-control', 'public, max-age=31536000, immutable');
  });

  for (const path of [
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/assets/%2e%2e/%2e%2e/secret.txt',
    '/%',
    '/nothing',
  ]) {
    test(`has nothing at ${path}`, async () => {
      const { text, headers } = await portal.get(path).expect(404);
      assert.equal(text, '');
      assert.ok(headers['content-security-policy']);
    });
  }

  test('takes nothing', async () => {
    await portal.post('/').expect(405).expect('allow', 'GET, HEAD');
  });
});

describe('its environment', () => {
  test('has defaults for what may be left out', () => {
    const { port, host, authorityMetadata, signInOrigin } = loadEnvironment(variables);
    assert.deepEqual([port, host, authorityMetadata, signInOrigin], [5173, 'localhost', null, null]);
  });

  test('complaints name every variable, and no value', () => {
    const wrong = {
      PORTAL_PORT: '70000',
      PORTAL_API_BASE_URL: 'http://api.example',
      PORTAL_CLIENT_ID: 'not-a-guid',
      PORTAL_AUTHORITY_METADATA: '{',
      PORTAL_SIGN_IN_ORIGIN: 'javascript:alert(1)',
    };
    assert.throws(
      () => loadEnvironment(wrong),
      ({ message }: Error) => {
        for (const name of [...Object.keys(wrong), 'PORTAL_AUTHORITY', 'PORTAL_API_SCOPE']) {
          assert.match(message, new RegExp(`\\b${name} `), name);
        }
        for (const value of Object.values(wrong)) assert.ok(!message.includes(value) || value === '{', value);
        return true;
      },
    );
  });

  test('plain HTTP is for this machine alone', () => {
    assert.equal(
      loadEnvironment({ ...variables, PORTAL_API_BASE_URL: 'http://localhost:8080' }).apiBaseUrl,
      'http://localhost:8080',
    );
  });
});

function policyOf(headers: Record<string, string>): Record<string, string> {
  const directives = (headers['content-security-policy'] ?? '')
    .split(';')
    .map((each) => each.trim().split(' '));
  return Object.fromEntries(directives.map(([name = '', ...values]) => [name, values.join(' ')]));
}
