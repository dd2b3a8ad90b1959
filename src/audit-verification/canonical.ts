import { canonicalJson } from './format/canonical-json.ts';

/** Whether a text is the canonical JSON (RFC 8785) of the value it was parsed into. */
export function isCanonical(text: string, value: object): boolean {
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
