import { Router } from 'express';
import { z } from 'zod';
import { ndjsonLineOf } from '../../audit-verification/format/export-entry.ts';
import type { AuditEvent } from '../../core/audit/audit-event.ts';
import type { ExportEntry } from '../../core/audit/audit-export.ts';
import type { Dependencies } from '../../core/dependencies.ts';
import { printable } from '../../core/text.ts';
import { exportAudit } from '../../core/use-cases/export-audit.ts';
import { gzipped, takesGzip } from '../answer/compressed.ts';
import { sendStreamed } from '../answer/streamed.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths } from '../openapi/description.ts';
import { queryOf, queryParameters } from '../request/query.ts';
import { auditSelection } from './audit-events.ts';
import { methodNotAllowed } from './method-not-allowed.ts';
import { ocsfOf } from './ocsf.ts';

const formats = ['ndjson', 'ocsf'] as const;
type Format = (typeof formats)[number];

const exportQuery = z.strictObject({
  ...auditSelection,
  format: z
    .enum(formats, `must be one of ${formats.join(', ')}`)
    .default('ndjson')
    .meta({ description: '`ndjson` verifies offline; `ocsf` is for a SIEM.' }),
});

// Lines are written in batches of about this many characters: a write for each line would cost too much.
const chunkLength = 64 * 1024;

/** The audit trail as a download. `version` is ours, for formats that include it. */
export function auditExportRoutes(dependencies: Dependencies, version: string): Router {
  const router = Router();

  router
    .route(`${apiPath}/audit/export`)
    .get(async (request, response) => {
      const named = queryParameters(request).get('format') === 'ocsf' ? 'ocsf' : 'ndjson';
      const entries = await exportAudit(dependencies, callOf(request, response), named, () => {
        const { format: _format, ...selection } = queryOf(request, exportQuery);
        return selection;
      });
      const day = new Date(dependencies.clock()).toISOString().slice(0, 10);
      const compressed = takesGzip(request, response);
      const headers = {
        'content-type': 'application/x-ndjson; charset=utf-8',
        'content-disposition': `attachment; filename="audit-${day}${named === 'ocsf' ? '.ocsf' : ''}.ndjson"`,
        ...(compressed && { 'content-encoding': 'gzip' }),
      };
      const chunks = chunksOf(linesOf(entries, named, version));
      if (request.method === 'HEAD') response.set(headers).end();
      else await sendStreamed(response, headers, compressed ? gzipped(chunks) : chunks);
    })
    .all(methodNotAllowed('GET', 'HEAD'));

  return router;
}

async function* linesOf(
  entries: AsyncIterable<ExportEntry>,
  format: Format,
  version: string,
): AsyncGenerator<string> {
  for await (const entry of entries) {
    if (format === 'ndjson') yield `${ndjsonLineOf(entry)}\n`;
    // Only the events have a form in OCSF.
    else if (entry.type === 'event') {
      const event = ocsfOf(JSON.parse(entry.text) as AuditEvent, entry.number, version);
      yield `${printable(JSON.stringify(event))}\n`;
    }
  }
}

async function* chunksOf(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let chunk = '';
  for await (const line of lines) {
    chunk += line;
    if (chunk.length < chunkLength) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}

// The library's types lack the last keyword, which JSON Schema has.
const exportFile = {
  type: 'string',
  description: 'A JSON object a line, of one of these two kinds.',
  contentMediaType: 'application/x-ndjson',
  contentSchema: {
    anyOf: [{ $ref: '#/components/schemas/AuditExportLine' }, { $ref: '#/components/schemas/OcsfLine' }],
  },
};

export const auditExportPaths: DescribedPaths = {
  [`${apiPath}/audit/export`]: {
    get: {
      operationId: 'exportAudit',
      tag: 'audit',
      summary: 'Export the audit trail',
      description:
        "The trail of the caller's own tenant, oldest first, a JSON object a line. As `ndjson` it ends with a line of type `end`, and without that it is not complete; `npm run audit:verify` proves it offline. As `ocsf` each event is an OCSF 1.3 *API Activity*.",
      who: 'read_audit',
      params: { query: exportQuery },
      answers: {
        200: {
          description: 'The trail, streamed. A connection that ends early means that it is not complete.',
          headers: ['content-disposition'],
          type: 'application/x-ndjson',
          schema: exportFile,
        },
      },
      problems: [],
    },
  },
};
