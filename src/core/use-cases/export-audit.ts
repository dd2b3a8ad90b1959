import type { AuditSelection, ChainStatus, ExportEntry } from '../audit/audit-export.ts';
import type { Dependencies } from '../dependencies.ts';
import { type Call, durationOf, frame, record } from '../frame.ts';

/** Exports the chain of the caller's own tenant. That it was asked for is on the record before anything
 *  leaves, and so is part of what is exported. `readSelection` fails with what is wrong with the query.
 *  The entries fail with `audit_unavailable`, at the first or at any later one. */
export async function exportAudit(
  dependencies: Dependencies,
  call: Call,
  format: string,
  readSelection: () => Omit<AuditSelection, 'tenantId'>,
): Promise<AsyncIterable<ExportEntry>> {
  const { value: selection } = await frame(dependencies, call, {
    action: 'read_audit',
    permission: 'read_audit',
    read: readSelection,
    run: async ({ caller }, asked) => ({ ...asked, tenantId: caller.tenantId }),
    record: (running) =>
      record(dependencies, running, {
        event: 'read',
        action: 'read_audit',
        result: 'succeeded',
        explanation: `an export as ${format}`,
      }),
  });
  return dependencies.audit.export(selection);
}

/** How well the chain of the caller's own tenant is covered by its checkpoints. */
export async function readChainStatus(
  dependencies: Dependencies,
  call: Call,
  readQuery: () => unknown,
): Promise<ChainStatus> {
  const { value } = await frame(dependencies, call, {
    action: 'read_audit',
    permission: 'read_audit',
    read: readQuery,
    run: ({ caller }) => dependencies.audit.status(caller.tenantId),
    record: (running) =>
      record(dependencies, running, {
        event: 'read',
        action: 'read_audit',
        result: 'succeeded',
        explanation: 'the status of the last checkpoint',
        durationMs: durationOf(dependencies, running),
      }),
  });
  return value;
}
