import type {
  oas31,
  ZodOpenApiMediaTypeObject,
  ZodOpenApiOperationObject,
  ZodOpenApiPathsObject,
  ZodOpenApiResponseObject,
} from 'zod-openapi';
import { type RoleNames, rolesThatGive } from '../../core/access.ts';
import type { ProblemCode } from '../problems/catalogue.ts';
import { anyCall, signedIn } from '../problems/possible.ts';
import { problemResponses } from '../problems/problem-schema.ts';
import type { AnswerDescription, DescribedPaths, Description, Installation } from './description.ts';
import { answerExamples } from './examples.ts';
import { headersWith } from './headers.ts';

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
  return {
    operationId,
    tags: [tag],
    summary,
    description: [given.description, access.words].filter((words) => words !== null).join('\n\n'),
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
      ...problemResponses([...anyCall, ...access.problems, ...given.problems]),
    },
  };
}

type Access = {
  readonly words: string | null;
  readonly security: Record<string, string[]>[];
  readonly problems: readonly ProblemCode[];
};

function accessTo(
  { roleNames, scope }: { readonly roleNames: RoleNames; readonly scope: string },
  who: Description['who'],
): Access {
  if (who === 'anyone') return { words: null, security: [], problems: [] };
  const roles = who === 'user' ? [] : rolesThatGive(roleNames, who);
  return {
    words:
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
