import type { z } from 'zod';
import type {
  oas31,
  ZodOpenApiMediaTypeObject,
  ZodOpenApiOperationObject,
  ZodOpenApiPathsObject,
  ZodOpenApiResponseObject,
} from 'zod-openapi';
import { type RoleNames, rolesThatGrant } from '../../core/access.ts';
import { catalogue, type ProblemCode } from '../problems/catalogue.ts';
import { anyCall, signedIn } from '../problems/possible.ts';
import type { ProblemRow } from '../problems/problem-row.ts';
import { byStatus, problemResponses } from '../problems/problem-schema.ts';
import type { AnswerDescription, DescribedPaths, Description, Installation } from './description.ts';
import { answerExamples } from './examples.ts';
import { headersWith, type ResponseHeader } from './headers.ts';

/** Paths in OpenAPI's terms. */
export function described(installation: Installation, paths: DescribedPaths): ZodOpenApiPathsObject {
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, given]) => [method, operation(installation, given)]),
      ),
    ]),
  );
}

function operation(installation: Installation, given: Description): ZodOpenApiOperationObject {
  const { operationId, tag, summary, params, body } = given;
  const access = accessTo(installation, given.who);
  const problems = [...anyCall, ...access.problems, ...given.problems];
  return {
    operationId,
    tags: [tag],
    summary,
    description: [given.description, access.sentence, headersOf(given, problems), codesOf(problems)].join(
      '\n\n',
    ),
    security: access.security,
    ...(params !== undefined && { requestParams: params }),
    ...(body !== undefined && {
      requestBody: {
        description: body.description,
        required: body.required,
        content: { 'application/json': { schema: body.schema } },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(given.answers).map(([status, answer]) => [
          status,
          response(operationId, status, answer),
        ]),
      ),
      ...problemResponses(problems),
    },
    // For programs, what the descriptions of these answers say.
    'x-problem-codes': byStatus(problems),
  };
}

/** Some generators leave headers out, and what an operation says of its answers: they show its description. */
function headersOf({ params, answers }: Description, problems: readonly ProblemCode[]): string {
  const taken = Object.keys((params?.header as z.ZodObject | undefined)?.shape ?? {});
  const given = Object.values(answers).flatMap(({ headers = [] }) => headers);
  const waits = problems.some((code) => (catalogue[code] as ProblemRow).headers?.includes('retry-after'));
  const brought = [...new Set([...given, ...(waits ? ['retry-after' as const] : [])])].map(written);
  const listed = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');
  return [
    ...(taken.length > 0 ? [`Takes the headers ${listed(taken)}.`] : []),
    `May answer with the headers ${listed(brought)}.`,
  ].join(' ');
}

// As one writes it; upper and lower case are the same to HTTP.
function written(name: ResponseHeader): string {
  return name === 'etag' ? 'ETag' : name.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase());
}

function codesOf(problems: readonly ProblemCode[]): string {
  const lines = Object.entries(byStatus(problems)).map(
    ([status, codes]) => `${status} ${codes.map((code) => `\`${code}\``).join(', ')}`,
  );
  return `Problems: ${lines.join('; ')}.`;
}

type Access = {
  readonly sentence: string;
  readonly security: Record<string, string[]>[];
  readonly problems: readonly ProblemCode[];
};

function accessTo(
  { roleNames, scope }: { readonly roleNames: RoleNames; readonly scope: string },
  who: Description['who'],
): Access {
  const roles = who === 'user' ? [] : rolesThatGrant(roleNames, who);
  return {
    sentence:
      who === 'user'
        ? 'Any user whom an allowed portal has signed in may call.'
        : `Needs the app role ${roles.map((role) => `\`${role}\``).join(' or ')}.`,
    security: [{ entra: [scope] }, { bearer: roles }],
    problems: who === 'user' ? signedIn : [...signedIn, 'role_missing'],
  };
}

function response(
  operationId: string,
  status: string,
  { description, headers = [], type = 'application/json', schema }: AnswerDescription,
): ZodOpenApiResponseObject {
  if (schema === null) return { description, headers: headersWith(...headers) };
  const examples = answerExamples(operationId, status);
  const media: ZodOpenApiMediaTypeObject = {
    schema: schema as oas31.SchemaObject,
    ...(Object.keys(examples).length > 0 && { examples }),
  };
  return { description, headers: headersWith(...headers), content: { [type]: media } };
}
