import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import type { ConnectionState } from '../../core/operation/connection.ts';
import type { ConnectionList } from '../../core/ports.ts';
import { parseJson } from '../outbound/json.ts';
import { storable } from '../outbound/storable.ts';

/** A list as Graph shapes it, and what it shows. */
export type ParsedList = Pick<ConnectionList, 'value' | 'seen'>;

const optionalText = z
  .string()
  .transform(storable)
  .nullish()
  .transform((text) => text ?? null);
const entity = z.looseObject({
  id: z.string().min(1).max(256).transform(storable),
  ownerUserPrincipalName: optionalText,
  // Without a status, or with an empty one, Graph's own value is `unknown`.
  onboardingStatus: z
    .string()
    .max(128)
    .nullish()
    .transform((status) => storable(status || 'unknown')),
  lastModifiedDateTime: optionalText,
  lastDirectorySyncDateTime: optionalText,
});

// A page of a longer list, or a list that failed halfway, must not be taken for all there is: what is not
// on it would count as gone.
const absent = z.null().optional();
const collection = z.looseObject({
  // Microsoft's example of a single entity wraps it as if it were a collection.
  value: z.union([z.array(z.looseObject({})), z.looseObject({}).transform((one) => [one])]),
  '@odata.nextLink': absent,
  error: absent,
});

/** Parses the text of Graph's list; `null` where it is not a whole list, or has a member that is not a
 *  connection: what cannot be read must not count as gone. */
export function parseList(text: string): ParsedList | null {
  const parsed = collection.safeParse(parseJson(text));
  if (!parsed.success) return null;
  const members: object[] = [];
  const states: ConnectionState[] = [];
  for (const member of parsed.data.value) {
    const state = entity.safeParse(member);
    if (!state.success) return null;
    const { id, onboardingStatus: status, ...rest } = state.data;
    members.push({ ...member, onboardingStatus: member.onboardingStatus || 'unknown' });
    states.push({
      id,
      lastDirectorySync: rest.lastDirectorySyncDateTime,
      lastModified: rest.lastModifiedDateTime,
      owner: rest.ownerUserPrincipalName,
      status,
    });
  }
  const etag = etagOf(members);
  return etag === null ? null : { value: members, seen: { members: states, etag } };
}

/** A strong validator over all that Graph showed; `null` where it is nested too deeply to be written again. */
function etagOf(members: readonly object[]): string | null {
  try {
    return `"${hash('sha256', canonical(members), 'base64url')}"`;
  } catch {
    return null;
  }
}

// Canonical JSON has no form for text that is not well-formed, or for numbers that are too large; such a list
// is compared as it came.
function canonical(members: readonly object[]): string {
  try {
    return canonicalize(members) as string;
  } catch {
    return JSON.stringify(members);
  }
}
