import type { Call, World } from '../call.ts';
import type { Caller } from '../caller.ts';
import { deadlineAt } from '../deadline.ts';
import { endOverdue } from '../operation/moving.ts';

/** Ends the operations whose time is up: regularly, by any replica, each once. Gives how many. */
export async function sweep(world: World): Promise<number> {
  let ended = 0;
  for (const operation of await world.operations.overdue()) {
    const moved = await endOverdue(world, callOfOurs(world), ourselves(operation.tenantId), operation);
    if (moved !== null) ended += 1;
  }
  return ended;
}

/** How the service itself stands on the record, where nobody called. */
function ourselves(tenantId: string): Caller {
  return {
    oid: 'system',
    tenantId,
    name: 'chromeos-connector-bff',
    clientId: 'system',
    kind: 'app',
    guest: false,
    scopes: [],
    roles: [],
    authenticationContexts: [],
  };
}

function callOfOurs(world: World): Call {
  return {
    authorization: [],
    requestId: world.newId(),
    address: 'internal',
    deadline: deadlineAt(world.monotonic() + world.timing.answerMs, world.monotonic),
    gone: () => false,
    admit: () => {},
    note: () => {},
    noted: () => ({}),
  };
}
