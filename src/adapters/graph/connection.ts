import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import type { ConnectionState, SeenConnection } from '../../core/operations/connection.ts';

const entity = z.looseObject({
  id: z.string().min(1).max(256),
  ownerUserPrincipalName: z.string().nullish(),
  onboardingStatus: z.string().min(1).max(128),
  lastModifiedDateTime: z.string().nullish(),
  lastDirectorySyncDateTime: z.string().nullish(),
});

/** Reads the members of Graph's collection; `null` where one is no connection, since what can't be read
 *  must not be taken for gone. */
export function seenIn(members: readonly object[]): SeenConnection | null {
  const states: ConnectionState[] = [];
  for (const member of members) {
    const parsed = entity.safeParse(member);
    if (!parsed.success) return null;
    const { data } = parsed;
    states.push({
      id: data.id,
      owner: data.ownerUserPrincipalName ?? null,
      status: data.onboardingStatus,
      lastModified: data.lastModifiedDateTime ?? null,
      lastDirectorySync: data.lastDirectorySyncDateTime ?? null,
    });
  }
  return { members: states, etag: `"${hash('sha256', canonicalize(members) ?? '', 'base64url')}"` };
}
