import type { AuditActors, AuditPage, AuditQuery } from '../audit/audit-event.ts';
import type { Dependencies } from '../dependencies.ts';
import { type Call, durationOf, frame, record } from '../frame.ts';

/** Reads the audit trail of the caller's own tenant, and of no other. Reading is itself on the record,
 *  before the answer leaves. `readQuery` fails with what is wrong with the query. */
export async function readAudit(
  dependencies: Dependencies,
  call: Call,
  readQuery: () => Omit<AuditQuery, 'tenantId'>,
): Promise<AuditPage> {
  const { value } = await frame(dependencies, call, {
    action: 'read_audit',
    permission: 'read_audit',
    read: readQuery,
    run: ({ caller }, query) => dependencies.audit.find({ ...query, tenantId: caller.tenantId }),
    record: (running) =>
      record(dependencies, running, {
        event: 'read',
        action: 'read_audit',
        result: 'succeeded',
        durationMs: durationOf(dependencies, running),
      }),
  });
  return value;
}

/** Finds people of the caller's own tenant by a part of their name, as far as names are recorded. It is on the record
 *  as reading the trail is. */
export async function findAuditActors(
  dependencies: Dependencies,
  call: Call,
  readQuery: () => { readonly name: string },
): Promise<AuditActors> {
  const { value } = await frame(dependencies, call, {
    action: 'read_audit',
    permission: 'read_audit',
    read: readQuery,
    run: ({ caller }, { name }) => dependencies.audit.findActors(caller.tenantId, name),
    record: (running) =>
      record(dependencies, running, {
        event: 'read',
        action: 'read_audit',
        result: 'succeeded',
        explanation: 'people by name',
        durationMs: durationOf(dependencies, running),
      }),
  });
  return value;
}
