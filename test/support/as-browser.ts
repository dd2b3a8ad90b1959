// Needs no preflight (Fetch, "CORS-safelisted request-header" and "CORS-safelisted method").
const harmlessHeaders = ['accept', 'accept-language', 'content-language'];
const harmlessMethods = ['GET', 'HEAD', 'POST'];
// May always be read ("CORS-safelisted response-header name").
const readable = [
  'cache-control',
  'content-language',
  'content-length',
  'content-type',
  'expires',
  'last-modified',
  'pragma',
];

const listIn = (value: string | null) => (value ?? '').split(',').map((part) => part.trim());

/** `fetch` as a page of that origin has it: asks before a call that is not harmless, does not make one that
 *  is not allowed, and shows of an answer only what may be read. */
export function fetchOf(origin: string, fetch = globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const asked = [...request.headers.keys()].filter((name) => !harmlessHeaders.includes(name));
    if (asked.length > 0 || !harmlessMethods.includes(request.method)) {
      await preflight(request, asked);
    }
    const headers = new Headers(request.headers);
    headers.set('origin', origin);
    const answer = await fetch(new Request(request, { headers }));
    mustAllow(answer);
    const exposed = listIn(answer.headers.get('access-control-expose-headers')).map((name) =>
      name.toLowerCase(),
    );
    const shown = [...answer.headers].filter(
      ([name]) => readable.includes(name) || exposed.includes(name.toLowerCase()),
    );
    const body = [204, 304].includes(answer.status) ? null : answer.body;
    return new Response(body, { status: answer.status, statusText: answer.statusText, headers: shown });
  };

  async function preflight(request: Request, asked: readonly string[]): Promise<void> {
    const answer = await fetch(request.url, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': request.method,
        'access-control-request-headers': asked.toSorted().join(','),
      },
    });
    mustAllow(answer);
    const methods = listIn(answer.headers.get('access-control-allow-methods'));
    const headers = listIn(answer.headers.get('access-control-allow-headers')).map((name) =>
      name.toLowerCase(),
    );
    if (!answer.ok) blocked(`the preflight was answered ${answer.status}`);
    if (![...methods, ...harmlessMethods].includes(request.method)) blocked(`no ${request.method}`);
    for (const name of asked) if (!headers.includes(name)) blocked(`no ${name}`);
  }

  function mustAllow(answer: Response): void {
    if (answer.headers.get('access-control-allow-origin') !== origin) blocked('another origin');
  }

  function blocked(why: string): never {
    throw new TypeError(`Failed to fetch: blocked by CORS policy: ${why}`);
  }
}
