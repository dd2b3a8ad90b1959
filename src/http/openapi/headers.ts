import type { oas31 } from 'zod-openapi';

const text = { type: 'string' } as const;

/** What an answer may say in headers, by the header's name. Those `required` are there wherever they are
 *  declared. */
export const responseHeaders = {
  'client-request-id': {
    description:
      "The id we gave the call: Graph gets the same one, and Intune's own audit events have it as `correlationId`. In a repeated answer it is that of the first call.",
    required: true,
    schema: { type: 'string', format: 'uuid' },
  },
  'request-id': { description: "Graph's own id of the request, where Graph gave one.", schema: text },
  ratelimit: {
    description: 'What is left of each limit that holds (draft-ietf-httpapi-ratelimit-headers).',
    schema: {
      type: 'string',
      pattern: '^"(caller|address)";r=\\d+;t=\\d+(, "(caller|address)";r=\\d+;t=\\d+)?$',
    },
  },
  'ratelimit-policy': {
    description: 'The limits: calls (`q`) in a window of seconds (`w`).',
    schema: {
      type: 'string',
      pattern: '^"(caller|address)";q=\\d+;w=\\d+(, "(caller|address)";q=\\d+;w=\\d+)?$',
    },
  },
  etag: {
    description: 'The version of what was read, to send in `If-Match`.',
    schema: { type: 'string', pattern: '^"[^"]+"$' },
  },
  location: {
    description: 'Where the operation can be read.',
    schema: { type: 'string', format: 'uri-reference' },
  },
  'retry-after': {
    description: 'When to try again: seconds, or a date where another service said so.',
    schema: text,
  },
  'www-authenticate': {
    description:
      'The challenge (RFC 6750). With `error="insufficient_claims"`, `claims` holds what the next token must prove, base64 of JSON (RFC 9470).',
    schema: { type: 'string', pattern: '^Bearer realm="' },
  },
  'idempotency-replayed': {
    description: 'This is the first answer to the same request again.',
    schema: { type: 'string', const: 'true' },
  },
  'preference-applied': {
    description: 'How long the call was ready to wait, in seconds.',
    schema: { type: 'string', pattern: '^wait=\\d+$' },
  },
  accept: { description: 'The type a body must have.', required: true, schema: text },
  'content-disposition': {
    description: 'A name for the file.',
    required: true,
    schema: { type: 'string', pattern: '^attachment; filename="[\\w.-]+"$' },
  },
} satisfies Record<string, oas31.HeaderObject>;

export type ResponseHeader = keyof typeof responseHeaders;

const onEveryAnswer = ['client-request-id', 'ratelimit', 'ratelimit-policy'] as const;

/** The headers of an answer: those every one has, and these. */
export function headersWith(...names: readonly ResponseHeader[]): oas31.HeadersObject {
  return Object.fromEntries(
    [...onEveryAnswer, ...names].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}
