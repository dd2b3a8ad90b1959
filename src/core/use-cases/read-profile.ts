import { permissionsOf } from '../access.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { type Call, frame, record } from '../frame.ts';
import type { Policy } from '../operation/policy.ts';
import type { Permission } from '../permission.ts';
import { tenantDomainOf } from '../tenant-domain.ts';

export type Profile = {
  readonly caller: Caller;
  readonly permissions: readonly Permission[];
  readonly tenantDomain: string | null;
  /** What the tenant demands of a disconnect; `null` for those who may not ask for one. */
  readonly policy: Policy | null;
};

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
    run: async ({ caller }) => {
      const permissions = permissionsOf(dependencies.access, caller);
      const policy = permissions.includes('disconnect') ? dependencies.policyOf(caller.tenantId) : null;
      return { caller, permissions, tenantDomain: tenantDomainOf(caller), policy };
    },
    record: (running) =>
      record(dependencies, running, { event: 'read', action: 'read_profile', result: 'succeeded' }),
  });
  return value;
}
