import { gunzipSync } from 'node:zlib';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import {
  type DescribedOperation,
  type DescribedResponse,
  documentOf,
  sampleInstallation,
} from './openapi.ts';

/** An answer of the API, as it left the service. */
export type Answer = {
  readonly method: string;
  /** The pattern of the route that took the request; `null` where none did. */
  readonly route: string | null;
  readonly status: number;
  readonly headers: Readonly<Record<string, number | string | readonly string[] | undefined>>;
  readonly body: Buffer;
};

const document = documentOf(sampleInstallation);
// Whether the document is one is tested once, not by each process that uses it.
const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false, code: { optimize: false } });
formats.default(ajv);
ajv.addSchema(document, 'document');

// About the transport, caches and browsers; the same for every answer.
const undescribed = new Set([
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'access-control-max-age',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-security-policy',
  'content-type',
  'cross-origin-resource-policy',
  'referrer-policy',
  'strict-transport-security',
  'transfer-encoding',
  'vary',
  'x-content-type-options',
  'x-frame-options',
]);

// Pages, and the document itself: no operations of it.
const isDocumentation = (route: string | null) =>
  route === '/openapi.json' || /^\/docs(\/|$)/.test(route ?? '');

// What the document says in words of every resource.
const notAllowed = problemWith({ 405: ['method_not_allowed'] }, 'allow');
const unmatched = problemWith({
  400: ['request_malformed'],
  404: ['not_found'],
  429: ['rate_limited'],
  500: ['internal_error'],
  503: ['overloaded'],
});

/** How an answer differs from what the OpenAPI document says of it. */
export function complaintsAbout(answer: Answer): string[] {
  if (answer.method === 'OPTIONS' && answer.status === 204)
    return answer.body.length === 0 ? [] : ['has a body'];
  if (isDocumentation(answer.route) && answer.status < 400) return [];
  const { path, operation } = operationFor(answer);
  if (operation === undefined) {
    const generic = answer.status === 405 && answer.route !== null ? notAllowed : unmatched;
    return complaintsByHand(answer, generic);
  }
  const stated = operation.responses[answer.status];
  const shared = stated !== undefined && '$ref' in stated ? (stated.$ref.split('/').at(-1) ?? '') : null;
  const described = shared === null ? stated : document.components.responses[shared];
  if (described === undefined || '$ref' in described) return [`${answer.status} is not described`];
  const pointer =
    shared === null
      ? ['paths', path, methodOf(answer), 'responses', String(answer.status)]
      : ['components', 'responses', shared];
  return [
    ...headerComplaints(answer, described),
    ...bodyComplaints(answer, described, pointer),
    ...codeComplaints(answer, operation['x-problem-codes']),
  ];
}

function operationFor(answer: Answer) {
  const path = (answer.route ?? '').replaceAll(/:(\w+)/g, '{$1}');
  return { path, operation: document.paths[path]?.[methodOf(answer)] };
}

const methodOf = ({ method }: Answer) => (method === 'HEAD' ? 'get' : method.toLowerCase());

function headerComplaints({ headers }: Answer, described: DescribedResponse): string[] {
  const complaints: string[] = [];
  const declared = described.headers ?? {};
  for (const [name, value] of Object.entries(headers)) {
    if (undescribed.has(name)) continue;
    if (!(name in declared)) complaints.push(`header ${name} is not described`);
    else
      complaints.push(...against(['components', 'headers', name, 'schema'], [value].flat().join(', '), name));
  }
  for (const name of Object.keys(declared)) {
    const required = document.components.headers[name]?.required ?? false;
    if (required && headers[name] === undefined) complaints.push(`header ${name} is missing`);
  }
  return complaints;
}

function bodyComplaints(answer: Answer, described: DescribedResponse, pointer: string[]): string[] {
  const type = String(answer.headers['content-type'] ?? '').split(';')[0] ?? '';
  if (described.content === undefined) return answer.body.length === 0 ? [] : ['has a body'];
  const media = described.content[type];
  if (media === undefined) return [`the type ${type} is not described`];
  // Node lets nothing through.
  if (answer.method === 'HEAD') return [];
  const text = decoded(answer);
  const schema = [...pointer, 'content', type, 'schema'];
  if (type.endsWith('json') && media.schema.contentSchema === undefined)
    return against(schema, parsed(text), 'body');
  if (media.schema.contentSchema === undefined) return against(schema, text, 'body');
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => against([...schema, 'contentSchema'], parsed(line), 'a line'));
}

function codeComplaints(answer: Answer, codes: DescribedOperation['x-problem-codes']): string[] {
  if (answer.status < 400 || answer.method === 'HEAD') return [];
  const { code, status } = parsed(decoded(answer)) as { code: string; status: number };
  const complaints = codes[answer.status]?.includes(code)
    ? []
    : [`${answer.status} ${code} is not described`];
  return status === answer.status ? complaints : [...complaints, `the body has the status ${status}`];
}

function complaintsByHand(answer: Answer, generic: ReturnType<typeof problemWith>): string[] {
  const allowed = ['client-request-id', 'ratelimit', 'ratelimit-policy', 'retry-after', ...generic.headers];
  const strange = Object.keys(answer.headers).filter(
    (name) => !undescribed.has(name) && !allowed.includes(name),
  );
  const complaints = strange.map((name) => `header ${name} is not described`);
  for (const name of generic.headers) {
    if (answer.headers[name] === undefined) complaints.push(`header ${name} is missing`);
  }
  if (answer.method === 'HEAD') return complaints;
  const body = parsed(decoded(answer));
  complaints.push(...against(['components', 'schemas', 'Problem'], body, 'body'));
  const code = (body as { code?: string }).code ?? '';
  if (!generic.codes[answer.status]?.includes(code))
    complaints.push(`${answer.status} ${code} is not described`);
  return complaints;
}

function problemWith(codes: Readonly<Record<number, readonly string[]>>, ...headers: readonly string[]) {
  return { codes, headers };
}

function decoded({ headers, body }: Answer): string {
  return (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const validators = new Map<string, ValidateFunction>();

function against(pointer: readonly string[], value: unknown, what: string): string[] {
  const path = pointer
    .map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))
    .map(encodeURIComponent);
  const $ref = `document#/${path.join('/')}`;
  const validate = validators.get($ref) ?? ajv.compile({ $ref });
  validators.set($ref, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${what} ${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
