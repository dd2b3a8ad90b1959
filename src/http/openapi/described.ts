import type { z } from 'zod';
import type {
  ZodOpenApiMediaTypeObject,
  ZodOpenApiOperationObject,
  ZodOpenApiResponseObject,
} from 'zod-openapi';
import { type RoleNames, rolesThatGive } from '../../core/access.ts';
import type { Permission } from '../../core/permission.ts';
import type { ProblemCode } from '../problems/catalogue.ts';
import { problemResponses } from '../problems/problem-schema.ts';
import { answerExamples } from './examples.ts';
import { headersWith, type ResponseHeader } from './headers.ts';

/** What of an installation the document tells. */
export type Installation = {
  readonly version: string;
  readonly roleNames: RoleNames;
  /** The delegated scope with its resource, as a portal asks for it: `api://{id}/access_as_user`. */
  readonly scope: string;
  readonly authorizationUrl: string;
  readonly tokenUrl: string;
  /** Whether the viewer is served. */
  readonly viewer: boolean;
};

/** A success, and what it brings. */
type AnswerDescription = {
  readonly description: string;
  readonly headers?: readonly ResponseHeader[];
  /** `null` where it has no body. */
  readonly schema: z.ZodType | null;
};

type Description = {
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description: string;
  /** Who may call; `user` is any whom an allowed portal signed in. */
  readonly who: Permission | 'user';
  readonly params?: ZodOpenApiOperationObject['requestParams'];
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean; readonly description: string };
  readonly answers: Readonly<Record<string, AnswerDescription>>;
  /** What can go wrong besides what can for every call of a signed-in user. */
  readonly problems: readonly ProblemCode[];
};

/** For every call, whoever makes it. */
export const anyCall = [
  'request_malformed',
  'request_timeout',
  'headers_too_large',
  'rate_limited',
  'overloaded',
  'internal_error',
] as const satisfies ProblemCode[];

const signedIn = [
  'request_invalid',
  'token_missing',
  'invalid_token',
  'insufficient_scope',
  'portal_not_allowed',
  'guest_not_allowed',
  'signing_keys_unavailable',
  'audit_unavailable',
] as const satisfies ProblemCode[];

/** Where a token is exchanged on behalf of the caller. */
export const onBehalfOf = [
  'insufficient_claims',
  'consent_required',
  'tenant_setup_required',
  'access_blocked',
  'exchange_refused',
  'exchange_misconfigured',
  'credential_rejected',
  'identity_throttled',
  'identity_unavailable',
] as const satisfies ProblemCode[];

/** Where Graph is asked. */
export const fromGraph = [
  'graph_token_rejected',
  'graph_forbidden',
  'graph_not_found',
  'graph_conflict',
  'graph_rejected',
  'graph_throttled',
  'graph_unavailable',
] as const satisfies ProblemCode[];

/** Where there may be a body. */
export const withBody = [
  'body_incomplete',
  'body_not_json',
  'body_too_large',
  'media_type_unsupported',
  'caller_gone',
] as const satisfies ProblemCode[];

/** An operation of a signed-in user, in OpenAPI's terms. */
export function described(installation: Installation, given: Description): ZodOpenApiOperationObject {
  const { operationId, tag, summary, who, params, body, problems } = given;
  const roles = who === 'user' ? [] : rolesThatGive(installation.roleNames, who);
  const roleWords =
    roles.length === 0
      ? 'Any user whom an allowed portal has signed in may call.'
      : `Needs the app role ${roles.map((role) => `\`${role}\``).join(' or ')}.`;
  return {
    operationId,
    tags: [tag],
    summary,
    description: `${given.description}\n\n${roleWords}`,
    security: [{ entra: [installation.scope] }, { bearer: roles }],
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
        Object.entries(given.answers).map(([status, answer]) => [status, json(operationId, status, answer)]),
      ),
      ...problemResponses([...anyCall, ...signedIn, ...(who === 'user' ? [] : roleMissing), ...problems]),
    },
  };
}

const roleMissing: readonly ProblemCode[] = ['role_missing'];

function json(
  operationId: string,
  status: string,
  { description, headers = [], schema }: AnswerDescription,
): ZodOpenApiResponseObject {
  if (schema === null) return { description, headers: headersWith(...headers) };
  const examples = answerExamples(operationId, status);
  const media: ZodOpenApiMediaTypeObject = { schema, ...(Object.keys(examples).length > 0 && { examples }) };
  return { description, headers: headersWith(...headers), content: { 'application/json': media } };
}
