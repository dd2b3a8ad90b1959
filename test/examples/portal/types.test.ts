import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { typesOf } from '../../../examples/portal/tools/types-of.ts';
import { openApiDocument } from '../../../src/http/openapi/document.ts';

const installation = {
  version: '0',
  scope: 'api://service/access_as_user',
  authorizationUrl: 'https://login.example/authorize',
  tokenUrl: 'https://login.example/token',
  viewer: false,
  roleNames: { read: 'Read', disconnect: 'Disconnect', approve: 'Approve', audit: 'Audit' },
};

// UPDATE_EXAMPLES=1 writes them.
test('the portal’s types are those of the OpenAPI document', async () => {
  const file = new URL('../../../examples/portal/src/api/types.ts', import.meta.url);
  const types = typesOf(openApiDocument(installation));
  if (process.env.UPDATE_EXAMPLES === '1') await writeFile(file, types);
  assert.equal(await readFile(file, 'utf8'), types, 'run npm run openapi');
});

test('what is not understood is not left out in silence', () => {
  const document = (schema: object) => ({ components: { schemas: { Thing: schema } } });
  assert.throws(() => typesOf(document({ type: 'file' })), /Thing has the type file/);
  assert.throws(
    () => typesOf(document({ type: 'object', properties: { a: { $ref: 'other.json#/b' } } })),
    /Thing\.a refers to other\.json#\/b/,
  );
});
