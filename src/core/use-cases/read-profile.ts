import { admit, type Permission, permissionsOf } from '../access.ts';
import { authenticate, type Call, record, refusalsOnRecord, type World } from '../call.ts';
import type { Caller } from '../caller.ts';

export type Profile = { readonly caller: Caller; readonly permissions: readonly Permission[] };

/** Who the caller is and what they may do here. Open to every user who comes through an allowed
 *  portal, whatever their roles. */
export async function readProfile(world: World, call: Call): Promise<Profile> {
  const { caller } = await authenticate(world, call);
  await refusalsOnRecord(world, call, caller, 'read_profile', async () => admit(world.access, caller));
  await record(world, call, caller, { event: 'read', action: 'read_profile', result: 'succeeded' });
  return { caller, permissions: permissionsOf(world.access, caller) };
}
