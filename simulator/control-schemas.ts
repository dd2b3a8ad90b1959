import { z } from 'zod';
import { type ApprovalVerb, approvalVerbs } from './approvals.ts';
import { type Endpoint, endpoints } from './calls.ts';
import { type PersonName, personNames, tenantIds } from './directory.ts';

/** What the control face accepts. A claims challenge may be JSON in a string or the object itself. */
const claimsJson = z.union([
  z.string().refine(isJson, 'must be JSON, e.g. {"access_token":{"acrs":{"essential":true,"value":"c1"}}}'),
  z.record(z.string(), z.unknown()).transform((value) => JSON.stringify(value)),
]);
const tenantId = z.enum(tenantIds as [string, ...string[]]);
const milliseconds = z.number().int().min(0);
const httpStatus = z.number().int().min(200).max(599);
const isTrue = z.literal(true);

export const faultSchema = z
  .strictObject({
    status: httpStatus.exactOptional(),
    body: z.string().exactOptional(),
    contentType: z.string().exactOptional(),
    headers: z.record(z.string(), z.string()).exactOptional(),
    retryAfter: z.string().exactOptional(),
    delayMs: milliseconds.exactOptional(),
    reset: isTrue.exactOptional(),
    hang: isTrue.exactOptional(),
    malformed: isTrue.exactOptional(),
    claimsChallenge: claimsJson.exactOptional(),
    entraError: z
      .strictObject({
        code: z.number().int(),
        error: z.string().exactOptional(),
        suberror: z.string().exactOptional(),
        claims: claimsJson.exactOptional(),
      })
      .exactOptional(),
    graphError: z
      .strictObject({
        status: httpStatus,
        code: z.string(),
        message: z.string().exactOptional(),
        intuneNested: z.boolean().exactOptional(),
      })
      .exactOptional(),
    intuneApproval: z.enum(['required', 'filed', 'pending']).exactOptional(),
    applies: z.boolean().exactOptional(),
    times: z.number().int().min(1).exactOptional(),
    tenantId: tenantId.exactOptional(),
  })
  .refine((fault) => Object.keys(fault).length > 0, 'an empty fault does nothing');

// Over HTTP there is no `undefined`: null leaves a claim or a header out.
const merged = z
  .record(z.string(), z.unknown())
  .transform((value) =>
    Object.fromEntries(Object.entries(value).map(([name, one]) => [name, one === null ? undefined : one])),
  );

const tokenMembers = {
  version: z.enum(['1.0', '2.0']).exactOptional(),
  kind: z.enum(['user', 'app-only', 'id-token', 'guest']).exactOptional(),
  key: z.enum(['current', 'unpublished']).exactOptional(),
  oid: z.string().exactOptional(),
};

export const tokenSchema = z.strictObject({
  ...tokenMembers,
  tenantId: z.string().exactOptional(),
  claims: merged.exactOptional(),
  header: merged.exactOptional(),
  expiresIn: z.number().int().exactOptional(),
});

export const tokenQuerySchema = z.strictObject({
  ...tokenMembers,
  tenant: z.string().exactOptional(),
  expiresIn: z.coerce.number().int().exactOptional(),
});

export const personSchema = z.strictObject({
  revoked: z.boolean().exactOptional(),
  mfaRequired: claimsJson.exactOptional(),
  consentMissing: z.boolean().exactOptional(),
  deviceNotCompliant: z.boolean().exactOptional(),
  entraErrorCode: z.number().int().exactOptional(),
  intuneRoleMissing: z.boolean().exactOptional(),
});

export const connectionSchema = z.strictObject({
  connection: z
    .strictObject({
      id: z.string().exactOptional(),
      ownerUserPrincipalName: z.string().exactOptional(),
      onboardingStatus: z.string().exactOptional(),
      lastModifiedDateTime: z.string().exactOptional(),
      lastDirectorySyncDateTime: z.string().exactOptional(),
    })
    .nullable()
    .exactOptional(),
  sequence: z.array(z.string().min(1)).min(1).exactOptional(),
  everyMs: milliseconds.min(1).exactOptional(),
});

export const rotationSchema = z.strictObject({
  tenantId: tenantId.exactOptional(),
  keepOld: z.boolean().exactOptional(),
});

export const secretsSchema = z.strictObject({
  accepted: z.array(z.string()),
  expired: z.array(z.string()).exactOptional(),
});

export const federatedCredentialSchema = z.strictObject({
  issuer: z.string(),
  subject: z.string(),
  jwks: z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) }),
});

export const federatedTokenQuerySchema = z.strictObject({
  subject: z.string().exactOptional(),
  audience: z.string().exactOptional(),
  issuer: z.string().exactOptional(),
  expiresIn: z.coerce.number().int().exactOptional(),
  key: z.enum(['current', 'unpublished']).exactOptional(),
});

export const approvalsSchema = z.strictObject({ demanded: z.boolean() });

export const approvalDecisionSchema = z.strictObject({
  do: z.enum(approvalVerbs as [ApprovalVerb, ...ApprovalVerb[]]),
  by: z.enum(personNames as [PersonName, ...PersonName[]]).exactOptional(),
});

export const tenantQuerySchema = z.strictObject({ tenant: tenantId.exactOptional() });

export const callsQuerySchema = z.strictObject({
  endpoint: z.enum([...endpoints, 'unknown']).exactOptional(),
  limit: z.coerce.number().int().min(1).exactOptional(),
});

export function isPersonName(name: string): name is PersonName {
  return (personNames as string[]).includes(name);
}

export function isEndpoint(name: string): name is Endpoint {
  return (endpoints as readonly string[]).includes(name);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
