import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './described-answers.ts';

/** An answer, and what was asked for. */
export type WatchedAnswer = Answer & { readonly url: string };

/** Tells of every answer of every API in this process, whoever asked and by whatever client. Looked at from the
 *  server's side, since that is one place. An answer that was broken off is not looked at. */
export function watchAnswers(onAnswer: (answer: WatchedAnswer) => void): void {
  subscribe('http.server.request.start', (message) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    const chunks = keepBody(response);
    response.once('finish', () => {
      if (!isOfApi(response)) return;
      onAnswer({
        method: request.method ?? '',
        url: request.url ?? '',
        route: routeOf(request),
        status: response.statusCode,
        headers: response.getHeaders(),
        body: Buffer.concat(chunks),
      });
    });
  });
}

/** The bytes that are written, as they are. */
function keepBody(response: ServerResponse): Buffer[] {
  const chunks: Buffer[] = [];
  for (const name of ['write', 'end'] as const) {
    const original = response[name];
    const keeping = function (this: ServerResponse, ...given: unknown[]) {
      const [chunk, encoding] = given;
      if (typeof chunk === 'string') chunks.push(Buffer.from(chunk, encodingOf(encoding)));
      else if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
      return Reflect.apply(original, this, given);
    };
    Object.assign(response, { [name]: keeping });
  }
  return chunks;
}

const encodingOf = (given: unknown) => (typeof given === 'string' ? (given as BufferEncoding) : 'utf8');

// The API gives each request a context; neither the management port nor the simulator does.
function isOfApi(response: ServerResponse): boolean {
  return 'locals' in response && (response.locals as { context?: unknown }).context !== undefined;
}

function routeOf(request: IncomingMessage): string | null {
  const { route } = request as { route?: { path?: unknown } };
  return typeof route?.path === 'string' ? route.path : null;
}
