import type { Caller } from './caller.ts';

const memberName = /^[^@#\s]+@([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+)$/i;

/** The domain by which people know the tenant: that of the caller's own name, in lower case; `null` where it does
 *  not tell. Nothing else that a call brings names the tenant but its id, and Graph's list of verified domains would
 *  take another permission.
 *
 *  Entra ID gives a member a name in a domain that the tenant has verified, so it is the tenant's own. A guest's
 *  name says where they come from: their home address, or `someone_home.example#EXT#@…`. Neither is shown as the
 *  tenant's. A guest whom no claim gives away (`acct` is optional) and whose token has a plain address would pass for
 *  a member: it is for display, with the tenant's id beside it, and decides nothing. */
export function tenantDomainOf({ name, guest }: Pick<Caller, 'name' | 'guest'>): string | null {
  if (guest || name === null) return null;
  const [, domain] = memberName.exec(name) ?? [];
  return domain?.toLowerCase() ?? null;
}
