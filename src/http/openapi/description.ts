import type { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import type { RoleNames } from '../../core/access.ts';
import type { Permission } from '../../core/permission.ts';
import type { ProblemCode } from '../problems/catalogue.ts';
import type { ResponseHeader } from './headers.ts';

/** What the document says about an installation. */
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

/** A success, with its headers and schema. */
export type AnswerDescription = {
  readonly description: string;
  readonly headers?: readonly ResponseHeader[];
  /** `application/json` unless it says so. */
  readonly type?: string;
  /** The schema that checks it, or a JSON Schema; `null` where it has no body. */
  readonly schema: z.ZodType | Readonly<Record<string, unknown>> | null;
};

/** One method of a path, in data: `document.ts` makes OpenAPI of it. */
export type Description = {
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description: string;
  /** Who may call; `user` is any whom an allowed portal signed in. */
  readonly who: Permission | 'user';
  readonly params?: ZodOpenApiOperationObject['requestParams'];
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean; readonly description: string };
  readonly answers: Readonly<Record<string, AnswerDescription>>;
  /** What can go wrong besides what can for every call, or for every call of a signed-in user. */
  readonly problems: readonly ProblemCode[];
};

/** The methods of paths, as OpenAPI spells the paths. */
export type DescribedPaths = Readonly<
  Record<string, { readonly get?: Description; readonly post?: Description }>
>;
