import { authorize } from '../access.ts';
import type { AuditSelection, ChainStatus, ExportEntry } from '../audit/audit-export.ts';
import { authenticate, type Call, record, refusalsOnRecord, type World } from '../call.ts';

/** Exports the chain of the caller's own tenant. That it was asked for is on the record before anything
 *  leaves, and so is part of what is exported. `readSelection` fails with what is wrong about the query.
 *  The entries fail with `audit_unavailable`, at the first or at any later one. */
export async function exportAudit(
  world: World,
  call: Call,
  format: string,
  readSelection: () => Omit<AuditSelection, 'tenantId'>,
): Promise<AsyncIterable<ExportEntry>> {
  const { caller } = await authenticate(world, call);

  const selection = await refusalsOnRecord(world, call, caller, 'read_audit', async () => {
    authorize(world.access, caller, 'read_audit');
    return { ...readSelection(), tenantId: caller.tenantId };
  });

  await record(world, call, caller, {
    event: 'read',
    action: 'read_audit',
    result: 'succeeded',
    explanation: `an export as ${format}`,
  });
  return world.audit.export(selection);
}

/** How well the chain of the caller's own tenant is covered by its checkpoints. */
export async function readChainStatus(world: World, call: Call): Promise<ChainStatus> {
  const { caller } = await authenticate(world, call);
  const begun = world.clock();

  const status = await refusalsOnRecord(world, call, caller, 'read_audit', async () => {
    authorize(world.access, caller, 'read_audit');
    return world.audit.status(caller.tenantId);
  });

  await record(world, call, caller, {
    event: 'read',
    action: 'read_audit',
    result: 'succeeded',
    explanation: 'the status of the last checkpoint',
    durationMs: world.clock() - begun,
  });
  return status;
}
