import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import type { ConnectionState, SeenConnection } from '../../core/operation/connection.ts';
import { storable } from '../outbound/storable.ts';

const text = (maximum: number) => z.string().min(1).max(maximum).transform(storable);
const optionalText = z.string().transform(storable).nullish();
const entity = z.looseObject({
  id: text(256),
  ownerUserPrincipalName: optionalText,
  onboardingStatus: text(128),
  lastModifiedDateTime: optionalText,
  lastDirectorySyncDateTime: optionalText,
});

/** Reads the members of Graph's collection; `null` where one is not a connection: what cannot be read must
 *  not count as gone. */
export function seenIn(members: readonly object[]): SeenConnection | null {
  const states: ConnectionState[] = [];
  for (const member of members) {
    const parsed = entity.safeParse(member);
    if (!parsed.success) return null;
    const { data } = parsed;
    states.push({
      id: data.id,
      lastDirectorySync: data.lastDirectorySyncDateTime ?? null,
      lastModified: data.lastModifiedDateTime ?? null,
      owner: data.ownerUserPrincipalName ?? null,
      status: data.onboardingStatus,
    });
  }
  return { members: states, etag: `"${hash('sha256', canonical(members), 'base64url')}"` };
}

// Canonical JSON has no form for text that is not well-formed; such a list is told apart as it came.
function canonical(members: readonly object[]): string {
  const text = JSON.stringify(members);
  return text.includes('\\ud') ? text : (canonicalize(members) ?? text);
}
