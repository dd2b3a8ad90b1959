import canonicalize from 'canonicalize';

/** The text of an event that is stored and hashed: canonical JSON (RFC 8785). */
export function canonicalJson(value: object): string {
  // V8 writes strings and numbers as the RFC requires, so if the names are in order nothing is
  // left to do. Events are made that way; this is several times faster.
  if (hasSortedNames(value)) return JSON.stringify(value);
  const text = canonicalize(value);
  if (text === undefined) throw new Error('only JSON values can be put on record');
  return text;
}

/** The canonical JSON of a value; `null` where it has none. */
export function canonicalTextOf(value: object): string | null {
  try {
    return canonicalJson(value);
  } catch {
    return null;
  }
}

/** Whether a text is the canonical JSON of the value it was parsed into. */
export function isCanonical(text: string, value: object): boolean {
  return canonicalTextOf(value) === text;
}

/** Whether every object in it has its names in the order of their UTF-16 code units (RFC 8785 3.2.3). */
function hasSortedNames(value: object): boolean {
  if (Array.isArray(value)) return value.every((inner) => !isObject(inner) || hasSortedNames(inner));
  let previous = '';
  for (const name of Object.keys(value)) {
    if (previous > name) return false;
    const inner: unknown = value[name as keyof typeof value];
    if (inner === undefined || (isObject(inner) && !hasSortedNames(inner))) return false;
    previous = name;
  }
  return true;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
