import { readFileSync } from 'node:fs';
import type { Installation } from '../../src/http/openapi/description.ts';
import { openApiDocument } from '../../src/http/openapi/document.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** An installation as docs/openapi.json shows it. */
export const sampleInstallation: Installation = {
  version,
  roleNames: {
    read: 'ChromeOS.Read',
    disconnect: 'ChromeOS.Disconnect',
    approve: 'ChromeOS.Approve',
    audit: 'Audit.Read',
  },
  scope: 'api://11111111-1111-4111-8111-111111111111/access_as_user',
  authorizationUrl: 'https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize',
  tokenUrl: 'https://login.microsoftonline.com/organizations/oauth2/v2.0/token',
  viewer: false,
};

type Header = { readonly required?: boolean; readonly schema: unknown };
type Media = { readonly schema: { readonly contentSchema?: unknown } };
export type DescribedResponse = {
  readonly headers?: Readonly<Record<string, { readonly $ref: string }>>;
  readonly content?: Readonly<Record<string, Media>>;
};
export type DescribedOperation = {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, DescribedResponse | { readonly $ref: string }>>;
  readonly parameters?: readonly {
    readonly name: string;
    readonly schema: Readonly<Record<string, unknown>>;
  }[];
  readonly 'x-problem-codes': Readonly<Record<string, readonly string[]>>;
};

/** As much of an OpenAPI document as the tests read. */
export type OpenApiDocument = {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly enum?: readonly string[] }>>;
    readonly headers: Readonly<Record<string, Header>>;
    readonly responses: Readonly<Record<string, DescribedResponse>>;
    readonly examples?: Readonly<Record<string, unknown>>;
  };
};

export function documentOf(installation: Installation): OpenApiDocument {
  // As it arrives: without what JSON has no form for.
  return JSON.parse(JSON.stringify(openApiDocument(installation)));
}
