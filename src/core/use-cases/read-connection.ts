import { eventOf } from '../audit/event-of.ts';
import type { Dependencies } from '../dependencies.ts';
import { nullIfFailed } from '../failure.ts';
import { type Call, durationOf, frame, type SignedInCall } from '../frame.ts';
import { awaitsOutcome } from '../operation/life.ts';
import { settle } from '../operation/move.ts';
import type { StoredOperation } from '../operation/operation.ts';
import type { ConnectionList } from '../ports.ts';

/** Reads the tenant's connection from Graph on the caller's behalf. The read is on the record before its
 *  answer leaves. Where an operation awaits its outcome it may settle it. Fails with any reason but
 *  `outcome_unknown`. */
export async function readConnection(
  dependencies: Dependencies,
  call: Call,
  readQuery: () => unknown,
): Promise<ConnectionList> {
  let open: StoredOperation | null = null;
  const { call: signedInCall, value: list } = await frame(dependencies, call, {
    action: 'read_connection',
    permission: 'read_connection',
    read: readQuery,
    run: (running) => readGraph(dependencies, running, call.requestId),
    record: async (running, { graph }) => {
      const event = eventOf(dependencies, running, {
        event: 'read',
        action: 'read_connection',
        result: 'succeeded',
        graphRequestId: graph.requestId,
        durationMs: durationOf(dependencies, running),
      });
      open = await dependencies.reads.append(event);
    },
  });
  await settleByAnotherRead(dependencies, signedInCall, open);
  return list;
}

/** What was seen may be from before the open operation began and says nothing about it: reads again. The
 *  answer is on the record already, so that a second read that fails does not fail the call; only a defect does. */
async function settleByAnotherRead(
  dependencies: Dependencies,
  call: SignedInCall,
  open: StoredOperation | null,
): Promise<void> {
  if (open === null || !awaitsOutcome(open)) return;
  const again = await nullIfFailed(readGraph(dependencies, call, dependencies.newId()));
  if (again !== null) await settle(dependencies, call, open, again.seen);
}

async function readGraph(
  dependencies: Dependencies,
  call: SignedInCall,
  requestId: string,
): Promise<ConnectionList> {
  const { signedIn, caller, deadline } = call;
  const token = await dependencies.identity.exchangeForRead(signedIn, call);
  return dependencies.connector.list({ token, requestId, tenantId: caller.tenantId, deadline });
}
