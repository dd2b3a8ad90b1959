import { authorize } from './access.ts';
import { authenticate, type Call, record, refusalsOnRecord, type World } from './call.ts';
import type { ConnectionList } from './ports.ts';

/** Reads the tenant's connection from Graph on the caller's behalf. The read is on the record before
 *  its answer leaves. Fails with any reason but `outcome_unknown`. */
export async function readConnection(world: World, call: Call): Promise<ConnectionList> {
  const signedIn = await authenticate(world, call);
  const { caller } = signedIn;
  const begun = world.clock();

  const list = await refusalsOnRecord(world, call, caller, 'read_connection', async () => {
    authorize(world.access, caller, 'read_connection');
    const token = await world.identity.exchangeForRead(signedIn);
    return world.connector.list({ token, requestId: call.requestId, tenantId: caller.tenantId });
  });

  await record(world, call, caller, {
    event: 'read',
    action: 'read_connection',
    result: 'succeeded',
    graphRequestId: list.graph.requestId,
    durationMs: world.clock() - begun,
  });
  return list;
}
