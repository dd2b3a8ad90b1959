import type { ConnectionState, Profile } from '../api/types.ts';

/** What must be typed to confirm, and what that is. */
export type Confirmation = { readonly kind: 'owner' | 'domain' | 'id'; readonly value: string };

/** What cannot be typed without having looked at which connection, of which tenant, it is: its owner. Where that is
 *  the person themselves, who types their own address without looking, the tenant's domain; where neither is known,
 *  the connection's id. */
export function confirmationOf(
  { owner, id }: Pick<ConnectionState, 'owner' | 'id'>,
  { name, tenantDomain }: Pick<Profile, 'name' | 'tenantDomain'>,
): Confirmation {
  if (owner !== null && owner.toLowerCase() !== name?.toLowerCase()) return { kind: 'owner', value: owner };
  if (owner !== null && tenantDomain !== null) return { kind: 'domain', value: tenantDomain };
  return { kind: 'id', value: id };
}

export function isConfirmed({ value }: Confirmation, typed: string): boolean {
  return typed.trim().toLowerCase() === value.toLowerCase();
}
