import { permissionsOf } from '../access.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { type Call, frame, record } from '../frame.ts';
import type { Permission } from '../permission.ts';

export type Profile = { readonly caller: Caller; readonly permissions: readonly Permission[] };

/** Who the caller is and what they may do here. Open to every user who comes through an allowed
 *  portal, whatever their roles. */
export async function readProfile(
  dependencies: Dependencies,
  call: Call,
  readQuery: () => unknown,
): Promise<Profile> {
  const { value } = await frame(dependencies, call, {
    action: 'read_profile',
    permission: null,
    read: readQuery,
    run: async ({ caller }) => ({ caller, permissions: permissionsOf(dependencies.access, caller) }),
    record: (running) =>
      record(dependencies, running, { event: 'read', action: 'read_profile', result: 'succeeded' }),
  });
  return value;
}
