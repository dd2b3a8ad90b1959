import { authorize } from '../access.ts';
import { authenticate, type Call, record, refusalsOnRecord, type World } from '../call.ts';
import { settleByReading } from '../operation/moving.ts';
import { endIsOpen } from '../operation/operation.ts';
import type { ConnectionList } from '../ports.ts';

/** Reads the tenant's connection from Graph on the caller's behalf. The read is on the record before its
 *  answer leaves. Where an operation's end is open it may settle it. Fails with any reason but
 *  `outcome_unknown`. */
export async function readConnection(world: World, call: Call): Promise<ConnectionList> {
  const signedIn = await authenticate(world, call);
  const { caller } = signedIn;
  const begun = world.clock();

  const read = async (requestId: string): Promise<ConnectionList> => {
    const token = await world.identity.exchangeForRead(signedIn, call);
    return world.connector.list({ token, requestId, tenantId: caller.tenantId, deadline: call.deadline });
  };
  const list = await refusalsOnRecord(world, call, caller, 'read_connection', async () => {
    authorize(world.access, caller, 'read_connection');
    return read(call.requestId);
  });
  const open = await record(world, call, caller, {
    event: 'read',
    action: 'read_connection',
    result: 'succeeded',
    graphRequestId: list.graph.requestId,
    durationMs: world.clock() - begun,
  });
  if (open === null || !endIsOpen(open)) return list;

  // What was seen may be from before the operation began and says nothing about it: look again.
  const again = await read(world.newId()).catch(() => null);
  if (again !== null) await settleByReading(world, call, caller, open, again.seen);
  return list;
}
