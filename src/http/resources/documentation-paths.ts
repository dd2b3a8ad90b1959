import type { oas31, ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { anyCall, type Installation } from '../openapi/described.ts';
import { headersWith } from '../openapi/headers.ts';
import { problemResponses } from '../problems/problem-schema.ts';

/** What anyone may read. */
export function documentationPaths({ viewer }: Installation): ZodOpenApiPathsObject {
  return {
    '/openapi.json': {
      get: file('readDocument', 'This document', 'application/json', { type: 'object' }),
    },
    '/docs/errors': { get: file('readErrors', 'What each problem means', 'text/html') },
    '/docs/page.css': { get: file('readStyle', 'The style of that page', 'text/css') },
    ...(viewer && {
      '/docs': { get: file('readViewer', 'This document, to read', 'text/html') },
      '/docs/viewer.js': { get: file('readViewerStart', 'Starts the viewer', 'text/javascript') },
      '/docs/swagger-ui-bundle.js': { get: file('readViewerScript', 'The viewer', 'text/javascript') },
      '/docs/swagger-ui.css': { get: file('readViewerStyle', "The viewer's style", 'text/css') },
    }),
  };
}

function file(
  operationId: string,
  summary: string,
  type: string,
  schema: oas31.SchemaObject = { type: 'string' },
): ZodOpenApiOperationObject {
  return {
    operationId,
    tags: ['documentation'],
    summary,
    description: 'Open to anyone.',
    security: [],
    responses: {
      200: { description: summary, headers: headersWith('etag'), content: { [type]: { schema } } },
      304: { description: 'It has not changed (`If-None-Match`).', headers: headersWith('etag') },
      ...problemResponses(anyCall),
    },
  };
}
