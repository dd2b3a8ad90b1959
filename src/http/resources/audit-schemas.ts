import { z } from 'zod';
import { type AuditEvent, actions, actorKinds, eventKinds, results } from '../../core/audit/audit-event.ts';
import { type ChainStatus, chainStatuses } from '../../core/audit/audit-export.ts';
import { connectionState } from './connection.ts';
import { failureReason } from './failure-reason.ts';
import { id, nextCursor, operationStatus, time } from './operation-schemas.ts';

const auditEvent = z
  .object({
    id,
    time,
    event: z.enum(eventKinds),
    action: z.enum(actions).describe('What the caller set out to do.'),
    operationId: id.nullable().describe('What an attempt and its outcome have in common.'),
    tenantId: z.string(),
    actor: z.object({
      kind: z
        .enum(actorKinds)
        .describe(
          '`user`: a person; `agent`: an agent identity of Entra ID; `app`: an application by itself.',
        ),
      oid: z.string().describe('The object id; `system` and `operator` are no people of the tenant.'),
      tenantId: z.string(),
      name: z.string().nullable(),
      clientId: z.string().describe('The portal the caller came through.'),
    }),
    source: z.object({ address: z.string() }),
    requestId: z
      .string()
      .describe(
        "The id of the call, which Graph gets as `client-request-id` and Intune's own audit events have as `correlationId`.",
      ),
    graphRequestId: z.string().nullable(),
    reason: z.string().nullable(),
    ticket: z.string().nullable(),
    result: z.enum(results),
    value: z.string().nullable(),
    failure: failureReason.nullable(),
    move: z.object({ from: operationStatus.nullable(), to: operationStatus }).nullable(),
    explanation: z.string().nullable(),
    connection: connectionState.nullable(),
    durationMs: z.number().nullable(),
  })
  .meta({ id: 'AuditEvent', description: 'One line of the audit trail.' }) satisfies z.ZodType<AuditEvent>;

export const auditPage = z
  .object({ events: z.array(auditEvent).describe('Newest first.'), nextCursor })
  .meta({ id: 'AuditPage' });

export const chainStatus = z
  .object({
    chain: z.string(),
    length: z.int().describe('How many events it ever had.'),
    removedTo: z.int().nullable().describe('Up to which number retention removed them.'),
    lastCheckpoint: z
      .object({ number: z.int(), time, keyId: z.string().nullable(), signed: z.boolean() })
      .nullable(),
    firstSigned: z
      .object({ number: z.int(), time, keyId: z.string().nullable(), afterSeconds: z.int() })
      .nullable()
      .describe(
        'The first signed checkpoint of what is there, and how many seconds after the first event it was made: until then nothing proved the trail.',
      ),
    status: z
      .enum(chainStatuses)
      .describe(
        '`signed`: the last checkpoint covers all of it; `behind`: there is more since; `late`: the first checkpoint was made too long after the first event; `unsigned`: no known key signed any; `none`: there is none; `contradicted`: the trail does not continue what was signed before, so it is not signed any more.',
      ),
  })
  .meta({
    id: 'ChainStatus',
    description: 'How far the trail is covered by checkpoints.',
  }) satisfies z.ZodType<ChainStatus>;

const sealed = { statement: z.string(), signature: z.string().nullable() };
const digest = z.string().regex(/^[0-9a-f]{64}$/);

export const exportLine = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('header'),
      format: z.literal('chromeos-connector-bff audit export'),
      version: z.literal(1),
      chain: z.string(),
      from: z.int().describe('The first number; more than 1 where retention removed what was before.'),
      filter: z
        .record(z.string(), z.string())
        .nullable()
        .describe('What it was filtered by; `null`: nothing is left out.'),
      removal: z.object(sealed).nullable(),
    }),
    z.object({ type: z.literal('event'), number: z.int(), digest, event: auditEvent }),
    z.object({ type: z.literal('omitted'), number: z.int(), digest }),
    z.object({ type: z.literal('checkpoint'), ...sealed }),
    z.object({ type: z.literal('end'), number: z.int(), link: digest }),
  ])
  .meta({
    id: 'AuditExportLine',
    description:
      'One line of an export as `ndjson`: a header, each number of the chain once (an event, or its digest where the selection leaves it out), checkpoints after the event they are about, and the end. Without the end it is not complete.',
  });

export const ocsfLine = z
  .looseObject({
    class_uid: z.literal(6003),
    category_uid: z.literal(6),
    activity_id: z.int(),
    type_uid: z.int(),
    time: z.int().describe('In milliseconds since the epoch.'),
    severity_id: z.int(),
    status_id: z.int(),
    metadata: z.looseObject({ version: z.string(), uid: id, sequence: z.int() }),
    actor: z.looseObject({}),
    api: z.looseObject({ operation: z.string() }),
    src_endpoint: z.looseObject({}),
    unmapped: z.looseObject({}),
  })
  .meta({
    id: 'OcsfLine',
    description: 'One line of an export as `ocsf`: an OCSF 1.3 *API Activity* (class 6003).',
  });
