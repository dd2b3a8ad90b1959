import { randomBytes } from 'node:crypto';

/** A random value that means nothing to those who get it, in base64url. */
export function opaque(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
