import { canonicalJson } from '../database/audit-rows.ts';

/** Whether a text is the canonical JSON (RFC 8785) of the value it was parsed into. */
export function isCanonical(text: string, value: object): boolean {
  // V8 writes strings and numbers as the RFC wants them, so sorted names are all that is left to see to.
  // This is several times faster, and says no where it is not sure.
  if (hasSortedNames(value) && JSON.stringify(value) === text) return true;
  return canonicalTextOf(value) === text;
}

/** The canonical JSON of a value; `null` where it has none. */
export function canonicalTextOf(value: object): string | null {
  try {
    return canonicalJson(value);
  } catch {
    return null;
  }
}

function hasSortedNames(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(hasSortedNames);
  let previous: string | null = null;
  for (const [name, inner] of Object.entries(value)) {
    if (previous !== null && previous >= name) return false;
    if (!hasSortedNames(inner)) return false;
    previous = name;
  }
  return true;
}
