import { authorize } from './access.ts';
import { authenticate, type Call, record, refusalsOnRecord, type World } from './call.ts';
import { settleByReading } from './operations/moving.ts';
import type { ConnectionList } from './ports.ts';

/** Reads the tenant's connection from Graph on the caller's behalf. What is seen settles an operation
 *  whose end is open. The read is on the record before its answer leaves. Fails with any reason but
 *  `outcome_unknown`. */
export async function readConnection(world: World, call: Call): Promise<ConnectionList> {
  const signedIn = await authenticate(world, call);
  const { caller } = signedIn;
  const begun = world.clock();

  const { open, list } = await refusalsOnRecord(world, call, caller, 'read_connection', async () => {
    authorize(world.access, caller, 'read_connection');
    const token = await world.identity.exchangeForRead(signedIn);
    // From before the read: what is seen says nothing about an operation that begins meanwhile.
    const open = await world.operations.findOpen(caller.tenantId);
    const { requestId } = call;
    return { open, list: await world.connector.list({ token, requestId, tenantId: caller.tenantId }) };
  });

  if (open !== null) await settleByReading(world, call, caller, open, list.seen);
  await record(world, call, caller, {
    event: 'read',
    action: 'read_connection',
    result: 'succeeded',
    graphRequestId: list.graph.requestId,
    durationMs: world.clock() - begun,
  });
  return list;
}
