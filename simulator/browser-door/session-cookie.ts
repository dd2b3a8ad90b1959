import type { Received } from '../reply.ts';
import type { Simulation } from '../simulation.ts';
import type { Session } from './sign-ins.ts';

const name = 'simulator-session';
// Lax: MSAL's hidden frame is of the same site, localhost, whatever its port.
const attributes = 'Path=/; HttpOnly; SameSite=Lax';

export const sessionCookie = (id: string) => `${name}=${id}; ${attributes}`;
export const endedSessionCookie = `${name}=; Max-Age=0; ${attributes}`;

/** The session that this browser brings, if it is of that tenant. */
export function sessionOf(simulation: Simulation, request: Received, tenantId: string): Session | undefined {
  return simulation.signIns.findSession(sessionIdOf(request), tenantId);
}

export function sessionIdOf(request: Received): string | undefined {
  const cookies = (request.headers.cookie ?? '').split(/; ?/);
  return cookies.find((cookie) => cookie.startsWith(`${name}=`))?.slice(name.length + 1);
}
