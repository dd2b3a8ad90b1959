import { z } from 'zod';
import { type CreateDocumentOptions, createDocument, createSchema } from 'zod-openapi';
import { problem, sharedProblemResponses } from '../problems/problem-schema.ts';
import { auditActorPaths } from '../resources/audit-actors.ts';
import { auditEventPaths } from '../resources/audit-events.ts';
import { auditExportPaths } from '../resources/audit-export.ts';
import { exportLine, ocsfLine } from '../resources/audit-schemas.ts';
import { auditVerificationPaths } from '../resources/audit-verification.ts';
import { connectionPaths } from '../resources/connection.ts';
import { decisionPaths } from '../resources/decision.ts';
import { disconnectPaths } from '../resources/disconnect.ts';
import { executionPaths } from '../resources/execution.ts';
import { operationPaths } from '../resources/operations.ts';
import { profilePaths } from '../resources/profile.ts';
import { withdrawalPaths } from '../resources/withdrawal.ts';
import { described } from './described.ts';
import type { Installation } from './description.ts';
import { problemExamples } from './examples.ts';
import { responseHeaders } from './headers.ts';

const options: CreateDocumentOptions = { override: ({ jsonSchema }) => simplifyPattern(jsonSchema) };

const description = `Portals disconnect Intune's ChromeOS connector through this API, on behalf of the signed-in admin: once, on purpose, and on the record.

Every call needs an Entra ID access token of a user, for this API, from a portal that may call. Where an answer is a problem, branch on its \`code\`; what each means, what the user sees and what to do is at [/docs/errors](/docs/errors).

What is generated from this document leaves out this document and the pages under \`/docs\`, which are open to anyone. Besides what is listed here, every resource answers \`OPTIONS\` with \`Allow\`, those that take \`GET\` take \`HEAD\` too, other methods are answered with the problem \`method_not_allowed\` and other paths with \`not_found\`. A parameter that is unknown or given twice is refused everywhere. A request that is not valid HTTP, or is followed by what is not, is answered with a problem too, and the connection is closed. \`traceparent\` is continued where it is valid.`;

/** The OpenAPI document of this installation: made of the schemas that requests are checked with. */
export function openApiDocument(installation: Installation): object {
  const { version, scope, authorizationUrl, tokenUrl } = installation;
  const document = createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'ChromeOS connector',
        version,
        description,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'Where this document comes from.' }],
      tags: [
        { name: 'connection', description: "Intune's connection to Google's ChromeOS management." },
        { name: 'operations', description: 'What becomes of a disconnect.' },
        { name: 'audit', description: 'The record.' },
        { name: 'caller', description: 'Who asks.' },
      ],
      paths: described(installation, {
        ...connectionPaths,
        ...disconnectPaths,
        ...operationPaths,
        ...decisionPaths,
        ...withdrawalPaths,
        ...executionPaths,
        ...auditEventPaths,
        ...auditActorPaths,
        ...auditExportPaths,
        ...auditVerificationPaths,
        ...profilePaths,
      }),
      components: {
        headers: responseHeaders,
        responses: sharedProblemResponses,
        examples: examplesOfOperations,
        securitySchemes: {
          entra: {
            type: 'oauth2',
            description: 'Sign-in with Entra ID, authorization code with PKCE.',
            flows: {
              authorizationCode: {
                authorizationUrl,
                tokenUrl,
                scopes: { [scope]: 'Call this API as the signed-in user.' },
              },
            },
          },
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description:
              'The access token itself; the names are app roles (claim `roles`), one of which it must carry.',
          },
        },
      },
    },
    options,
  );
  const { components, ...rest } = document;
  const schemas = { ...components?.schemas, ...referredTo };
  return { ...rest, components: { ...components, schemas } };
}

// Those of no operation are in the description above.
const { not_found: _a, method_not_allowed: _b, ...examplesOfOperations } = problemExamples;

// What paths refer to by name only.
const { components: referredTo } = createSchema(z.union([problem, exportLine, ocsfLine]), { opts: options });

// A format says it shorter than the expression it is checked with. A slash is nothing special in a pattern, but
// JavaScript writes it as `\/`, and generators that write JavaScript escape it again.
function simplifyPattern(schema: { format?: string; pattern?: string }): void {
  if (schema.format === 'date-time' || schema.format === 'uuid') delete schema.pattern;
  else if (schema.pattern !== undefined) schema.pattern = schema.pattern.replaceAll('\\/', '/');
}
