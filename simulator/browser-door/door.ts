import { keys, metadata, unknownTenant } from '../entra.ts';
import type { Received, Reply } from '../reply.ts';
import { textReply } from '../reply.ts';
import type { Simulation } from '../simulation.ts';
import { authorize } from './authorize.ts';
import { plainPage, stylesheet } from './pages.ts';
import { redeem } from './redeem.ts';
import { isPortalOrigin, isRedirectUri } from './registered-portal.ts';
import { endedSessionCookie, sessionIdOf } from './session-cookie.ts';

type Answer = (
  simulation: Simulation,
  request: Received,
  tenantId: string,
  url: string,
) => Reply | Promise<Reply>;

const routes: { methods: string[]; pattern: RegExp; answer: Answer; crossOrigin?: true }[] = [
  { methods: ['GET', 'POST'], pattern: /^\/([^/]+)\/oauth2\/v2\.0\/authorize$/, answer: authorize },
  { methods: ['POST'], pattern: /^\/([^/]+)\/oauth2\/v2\.0\/token$/, answer: redeem, crossOrigin: true },
  { methods: ['GET'], pattern: /^\/([^/]+)\/oauth2\/v2\.0\/logout$/, answer: logout },
  {
    methods: ['GET'],
    pattern: /^\/([^/]+)\/v2\.0\/\.well-known\/openid-configuration$/,
    answer: (simulation, _, tenantId, url) => metadata(simulation, '2.0', tenantId, url),
    crossOrigin: true,
  },
  {
    methods: ['GET'],
    pattern: /^\/([^/]+)\/discovery\/v2\.0\/keys$/,
    answer: (simulation, _, tenantId) => keys(simulation, '2.0', tenantId),
    crossOrigin: true,
  },
];

/** Answers as the part of Entra that a browser meets, over plain HTTP: a browser takes localhost for a safe
 *  place, and would warn of the certificate of the other face. `url` is the door's own address. */
export async function serveDoor(simulation: Simulation, request: Received, url: string): Promise<Reply> {
  if (request.method === 'GET' && request.path === '/') return welcome(simulation);
  if (request.method === 'GET' && request.path === '/sign-in.css') return stylesheet();
  const route = routes.find(({ pattern }) => pattern.test(request.path));
  if (!route) return textReply(404, `There is no ${request.path} here. Start at ${url}/\n`);
  const { methods, pattern, answer, crossOrigin } = route;
  if (crossOrigin && request.method === 'OPTIONS') return preflight(request, methods);
  if (!methods.includes(request.method)) {
    const reply = textReply(405, `${request.path} takes ${methods.join(' and ')}, not ${request.method}.\n`);
    return { ...reply, headers: { ...reply.headers, allow: methods.join(', ') } };
  }
  const id = pattern.exec(request.path)?.[1] ?? '';
  const tenant = simulation.findTenant(id);
  const reply = tenant
    ? await answer(simulation, request, tenant.id, url)
    : unknownTenant(simulation, request, id);
  return crossOrigin ? { ...reply, headers: { ...reply.headers, ...sharedWith(request) } } : reply;
}

function preflight(request: Received, methods: string[]): Reply {
  const shared = sharedWith(request);
  if (!('access-control-allow-origin' in shared)) return { status: 204, headers: shared, body: '' };
  return {
    status: 204,
    headers: {
      ...shared,
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers':
        'content-type, client-request-id, return-client-request-id, x-client-sku, x-client-ver, x-anchormailbox',
      'access-control-max-age': '86400',
    },
    body: '',
  };
}

function sharedWith({ headers: { origin } }: Received): Record<string, string> {
  if (origin === undefined || !isPortalOrigin(origin)) return { vary: 'origin' };
  return {
    vary: 'origin',
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'client-request-id, x-ms-request-id',
  };
}

/** `GET /{tenant}/oauth2/v2.0/logout`: ends the session, and continues to a page of the portal if one is named. */
function logout(simulation: Simulation, request: Received): Reply {
  simulation.signIns.close(sessionIdOf(request));
  const target = request.query.get('post_logout_redirect_uri');
  const state = request.query.get('state');
  const reply: Reply =
    target !== null && isRedirectUri(target)
      ? {
          status: 302,
          headers: { location: state === null ? target : `${target}?${new URLSearchParams({ state })}` },
          body: '',
        }
      : plainPage('You are signed out', 'You can close this page.');
  return { ...reply, headers: { ...reply.headers, 'set-cookie': endedSessionCookie } };
}

function welcome(simulation: Simulation): Reply {
  return plainPage(
    'Sign-in begins at a portal',
    `A portal sends people here to sign in. ${simulation.url}/simulator describes what else the simulator does.`,
  );
}
