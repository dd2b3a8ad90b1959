import type { EventSource } from '../audit/event-of.ts';
import type { Dependencies } from '../dependencies.ts';
import { settle } from '../operation/move.ts';

/** Ends the operations whose time is up: regularly, by any replica, each once. Returns how many. One that cannot be
 *  ended does not keep the others from it; where there was one, this fails at the end with what stopped the first. */
export async function sweep(dependencies: Dependencies): Promise<number> {
  let ended = 0;
  const failures: unknown[] = [];
  for (const operation of await dependencies.operations.overdue()) {
    const source = ourselves(operation.tenantId, dependencies.newId());
    try {
      const settled = await settle(dependencies, source, operation, null);
      if (settled.status !== operation.status) ended += 1;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
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
