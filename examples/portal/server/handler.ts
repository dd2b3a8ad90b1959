import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import helmet from 'helmet';
import sirv from 'sirv';
import type { PortalEnvironment } from './environment.ts';

type Step = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

/** Serves the built portal and its settings. Nothing it serves is secret, and nothing it does needs to know
 *  who asks: tokens go from the browser to the API and never through here. */
export function createPortalHandler(environment: PortalEnvironment, folder: string): RequestListener {
  const config = JSON.stringify(configOf(environment));
  const page = headers(environment, 'page');
  const redirectPage = headers(environment, 'redirect');
  const files = sirv(folder, {
    // Looked up in what is there at start: no path of a request ever reaches the file system.
    dev: false,
    etag: true,
    setHeaders: (response, path) => response.setHeader('cache-control', cachingOf(path)),
  });

  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return end(response, 405, { allow: 'GET, HEAD' });
    const path = (request.url ?? '/').split('?', 1)[0];
    const secured = path === '/redirect.html' ? redirectPage : page;
    secured(request, response, (error) => {
      if (error !== undefined) return end(response, 500);
      if (path === '/config.json') {
        const reply = { 'content-type': 'application/json', 'cache-control': 'no-store' };
        return end(response, 200, reply, request.method === 'HEAD' ? '' : config);
      }
      files(request, response, () => end(response, 404));
    });
  };
}

function configOf({ apiBaseUrl, authority, clientId, apiScope, authorityMetadata }: PortalEnvironment) {
  return { apiBaseUrl, authority, clientId, apiScope, authorityMetadata };
}

// A file whose name has its hash never changes; a page does with every release.
function cachingOf(path: string): string {
  return path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-store';
}

/** The page may load its own files, and talk to the API and to Entra ID, and nothing else. */
function headers(
  { apiBaseUrl, authority, signInOrigin }: PortalEnvironment,
  kind: 'page' | 'redirect',
): Step {
  const signIn = [...new Set([new URL(authority).origin, ...(signInOrigin === null ? [] : [signInOrigin])])];
  // The sign-in comes back to the redirect page in a window or, when a token is renewed, in a frame of ours.
  const framed = kind === 'redirect';
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: framed ? ["'none'"] : ["'self'", new URL(apiBaseUrl).origin, ...signIn],
        frameSrc: framed ? ["'none'"] : ["'self'", ...signIn],
        frameAncestors: framed ? ["'self'"] : ["'none'"],
        formAction: ["'none'"],
        baseUri: ["'none'"],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ["'none'"],
      },
    },
    // The page must be able to open the sign-in window; the redirect page must be in the same group of
    // windows as Entra ID's pages, or it could not close itself.
    crossOriginOpenerPolicy: framed ? { policy: 'unsafe-none' } : { policy: 'same-origin-allow-popups' },
    xFrameOptions: { action: framed ? 'sameorigin' : 'deny' },
  });
}

function end(
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
  body = '',
): void {
  response.writeHead(status, headers).end(body);
}
