import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { catalogue } from '../../src/http/problems/catalogue.ts';
import { scene } from '../support/scene.ts';

const viewerFiles = ['/docs', '/docs/viewer.js', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js'];

describe('what the service says of itself, to anyone', () => {
  const it = scene();

  test('its OpenAPI document, of this very installation', async () => {
    const { api } = it.service;
    const { body, headers } = await api
      .get('/openapi.json')
      .expect(200)
      .expect('content-type', /^application\/json/);
    assert.match(body.openapi, /^3\.1\./);
    assert.deepEqual(body.servers[0].url, '/');
    const { clientId } = it.simulator.registration;
    const { authorizationUrl, tokenUrl, scopes } =
      body.components.securitySchemes.entra.flows.authorizationCode;
    assert.deepEqual(Object.keys(scopes), [`api://${clientId}/access_as_user`]);
    for (const url of [authorizationUrl, tokenUrl]) assert.ok(url.startsWith(`${it.simulator.url}/`), url);
    const again = await api.get('/openapi.json').set('if-none-match', String(headers.etag));
    assert.deepEqual([again.status, again.text], [304, '']);
    const plain = await api.get('/openapi.json').set('accept-encoding', 'identity').expect(200);
    assert.deepEqual(plain.body, body);
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.notEqual(plain.headers.etag, headers.etag);
    const head = await api.head('/openapi.json').set('accept-encoding', 'gzip').expect(200);
    assert.equal(head.headers.etag, headers.etag);
    await api.post('/openapi.json').expect(405).expect('allow', 'GET, HEAD, OPTIONS');
  });

  test('what each error means, where its type leads', async () => {
    const { api } = it.service;
    const { body } = await api.get('/api/v1/me').expect(401);
    const [path, anchor] = body.type.split('#');
    const { text, headers } = await api
      .get(path)
      .expect(200)
      .expect('content-type', 'text/html; charset=utf-8');
    const anchors = [...text.matchAll(/<h3 id="(\w+)">/g)].map((match) => match[1]);
    assert.ok(anchors.includes(anchor));
    assert.deepEqual(anchors.toSorted(), Object.keys(catalogue).toSorted());
    // Without a script of any kind.
    assert.match(
      String(headers['content-security-policy']),
      /^default-src 'none'; style-src 'self'; img-src data:;/,
    );
    assert.doesNotMatch(text, /<script|style=/);
    await api
      .get('/docs/page.css')
      .expect(200)
      .expect('content-type', /^text\/css/);
  });

  test('a viewer that runs nothing but its own files', async () => {
    const { api } = it.service;
    const { text, headers } = await api.get('/docs').expect(200);
    assert.match(String(headers['content-security-policy']), /; script-src 'self'; connect-src 'self'$/);
    assert.doesNotMatch(String(headers['content-security-policy']), /unsafe/);
    const loaded = [...text.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map((match) => match[1] ?? '');
    assert.deepEqual(['/docs', ...loaded].toSorted(), viewerFiles.toSorted());
    for (const path of loaded) await api.get(path).expect(200);
  });

  test('no viewer where the installation has none', async () => {
    const on = await it.start({
      adjust: (settings) => ({ ...settings, server: { ...settings.server, docs: false } }),
    });
    for (const path of viewerFiles) {
      const { status, body } = await on.api.get(path);
      assert.deepEqual([status, body.code], [404, 'not_found'], path);
    }
    await on.api.get('/docs/errors').expect(200);
    const { body } = await on.api.get('/openapi.json').expect(200);
    assert.equal(body.paths['/docs'], undefined);
  });
});
