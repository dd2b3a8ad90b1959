import type { EventSource } from '../audit/event-of.ts';
import type { Dependencies } from '../dependencies.ts';
import { settle } from '../operation/move.ts';

/** Ends the operations whose time is up: regularly, by any replica, each once. Gives how many. */
export async function sweep(dependencies: Dependencies): Promise<number> {
  let ended = 0;
  for (const operation of await dependencies.operations.overdue()) {
    const source = ourselves(operation.tenantId, dependencies.newId());
    const settled = await settle(dependencies, source, operation, null);
    if (settled.status !== operation.status) ended += 1;
  }
  return ended;
}

/** How the service itself is on the record, where nobody called. */
function ourselves(tenantId: string, requestId: string): EventSource {
  return {
    caller: {
      oid: 'system',
      tenantId,
      name: 'chromeos-connector-bff',
      clientId: 'system',
      kind: 'system',
    },
    requestId,
    address: 'internal',
  };
}
