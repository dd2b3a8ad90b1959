import { hostname, userInfo } from 'node:os';
import { hasControlCharacters } from '../../core/text.ts';

const longest = 200;

/** Who runs a program, as it goes on the record: the name they give, and where from. In the image the system's
 *  user is always the same, and the host is the pod. `null` where `said` names nobody. */
export function operatorNamed(said: string | undefined): string | null {
  const name = said?.trim() ?? '';
  if (name === '' || name.length > longest || !name.isWellFormed() || hasControlCharacters(name)) return null;
  return `${name} (as ${systemUser()} on ${hostname()})`;
}

/** A container may run as a user that its image does not know. */
function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`;
  }
}
