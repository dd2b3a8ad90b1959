import type { oas31, ZodOpenApiPathsObject } from 'zod-openapi';
import { apiPath } from '../api-path.ts';
import { described, type Installation } from '../openapi/described.ts';
import { answerExamples } from '../openapi/examples.ts';
import { headersWith } from '../openapi/headers.ts';
import { auditQuery } from './audit.ts';
import { exportQuery } from './audit-export.ts';
import { auditPage, chainStatus } from './audit-schemas.ts';
import { profile } from './profile-schema.ts';

const tag = 'audit';

// The library does not know the last word, which JSON Schema has.
const exportFile = {
  type: 'string',
  description: 'A JSON object a line, of one of these two kinds.',
  contentMediaType: 'application/x-ndjson',
  contentSchema: {
    anyOf: [{ $ref: '#/components/schemas/AuditExportLine' }, { $ref: '#/components/schemas/OcsfLine' }],
  },
} as oas31.SchemaObject;

/** The record, and who is asking. */
export function auditPaths(installation: Installation): ZodOpenApiPathsObject {
  const exported = described(installation, {
    operationId: 'exportAudit',
    tag,
    summary: 'Take the whole trail away',
    description:
      "The trail of the caller's own tenant, oldest first, a JSON object a line. As `ndjson` it ends with a line of type `end`, and without that it is not complete; `npm run audit:verify` proves it offline. As `ocsf` each event is an OCSF 1.3 *API Activity*.",
    who: 'read_audit',
    params: { query: exportQuery },
    answers: {},
    problems: [],
  });
  return {
    [`${apiPath}/audit/events`]: {
      get: described(installation, {
        operationId: 'readAudit',
        tag,
        summary: 'Read the audit trail',
        description:
          "The trail of the caller's own tenant and of no other. Reading it is itself on the record.",
        who: 'read_audit',
        params: { query: auditQuery },
        answers: { 200: { description: 'A page.', schema: auditPage } },
        problems: [],
      }),
    },
    [`${apiPath}/audit/export`]: {
      get: {
        ...exported,
        responses: {
          200: {
            description: 'The trail, streamed. A connection that ends early means that it is not complete.',
            headers: headersWith('content-disposition'),
            content: {
              'application/x-ndjson': { schema: exportFile, examples: answerExamples('exportAudit', '200') },
            },
          },
          ...exported.responses,
        },
      },
    },
    [`${apiPath}/audit/verification`]: {
      get: described(installation, {
        operationId: 'readVerification',
        tag,
        summary: 'How well the trail is proven',
        description: "How far the trail of the caller's own tenant is covered by signed checkpoints.",
        who: 'read_audit',
        answers: { 200: { description: 'The state of its chain.', schema: chainStatus } },
        problems: [],
      }),
    },
    [`${apiPath}/me`]: {
      get: described(installation, {
        operationId: 'readProfile',
        tag: 'caller',
        summary: 'Who I am and what I may do',
        description: 'So that a portal can show the right buttons.',
        who: 'user',
        answers: { 200: { description: 'The caller.', schema: profile } },
        problems: [],
      }),
    },
  };
}
