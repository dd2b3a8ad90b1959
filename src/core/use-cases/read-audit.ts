import { authorize } from '../access.ts';
import type { AuditPage, AuditQuery } from '../audit/audit-event.ts';
import { authenticate, type Call, record, refusalsOnRecord, type World } from '../call.ts';

/** Reads the audit trail of the caller's own tenant, and of no other. Reading is itself on the record,
 *  before the answer leaves. `readQuery` fails with what is wrong about the query. */
export async function readAudit(
  world: World,
  call: Call,
  readQuery: () => Omit<AuditQuery, 'tenantId'>,
): Promise<AuditPage> {
  const { caller } = await authenticate(world, call);
  const begun = world.clock();

  const page = await refusalsOnRecord(world, call, caller, 'read_audit', async () => {
    authorize(world.access, caller, 'read_audit');
    return world.audit.find({ ...readQuery(), tenantId: caller.tenantId });
  });

  await record(world, call, caller, {
    event: 'read',
    action: 'read_audit',
    result: 'succeeded',
    durationMs: world.clock() - begun,
  });
  return page;
}
