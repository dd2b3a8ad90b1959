import type { Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Failure } from '../../core/failure.ts';
import { brokenOff } from '../request/arriving-body.ts';
import type { InFlight } from './in-flight.ts';
import { whenOver } from './over.ts';

/** Bytes on a connection that are not a request. */
export type BrokenRequest = {
  readonly failure: Failure;
  /** The peer's own address. */
  readonly address: string;
  /** The `Origin` it named, as far as it can be read. */
  readonly origin: string | null;
};

// How long to keep reading after the last answer: closing at once would reset the connection under an answer that the
// client has not read yet (RFC 9112 9.6).
const lingerMs = 2000;

const broken = new WeakSet<Duplex>();

/** Whether what came over this connection, besides the requests that were under way on it, is not HTTP. */
export function bringsNoHttp(socket: Socket): boolean {
  return broken.has(socket);
}

/** Why a request is refused if such bytes follow it. */
export const followedByNoHttp: Failure = {
  reason: 'request_malformed',
  detail: 'The request is followed by bytes that are not HTTP: is Content-Length the length of the body?',
};

/** Answers what is not a request, in place of Node, which would write a bare status line even where the answer to an
 *  earlier request is still to come. Here requests under way learn that no valid bytes follow and get their real
 *  answers, and then the connection closes; if there is none, `answer` returns the text of the whole answer. */
export function answerBrokenRequests(
  server: Server,
  inFlight: InFlight,
  answer: (request: BrokenRequest) => string,
): void {
  const refuse = (socket: Socket, failure: Failure, bytes: Buffer | null) => {
    socket.end(answer({ failure, address: socket.remoteAddress ?? '', origin: originIn(bytes) }));
    linger(socket);
  };

  server.on('clientError', (error: ClientError, socket) => {
    const failure = failureOf(error);
    if (failure === null || !(socket instanceof Socket)) return void socket.destroy();
    if (broken.has(socket)) return;
    broken.add(socket);
    const underWay = inFlight.on(socket);
    const last = underWay.at(-1);
    if (last !== undefined) {
      // Node would destroy the connection at the answer's end, which the client may not have read by then.
      socket.destroySoon = () => linger(socket.end());
      if (last.headersSent) whenOver(last, socket.destroySoon);
      inFlight.closeAfterwards(socket);
      for (const { req } of underWay) if (!req.complete) req.emit(brokenOff);
    } else if (inFlight.answeredEarly(socket)) linger(socket.end());
    else refuse(socket, failure, error.rawPacket ?? null);
  });
  server.on('connect', (_request, socket) => {
    if (!(socket instanceof Socket)) return void socket.destroy();
    refuse(socket, { reason: 'request_malformed', detail: 'This is no proxy: CONNECT is not taken.' }, null);
  });
}

type ClientError = Error & { readonly code?: string; readonly rawPacket?: Buffer };

/** What Node's parser or its clock says of the bytes; `null` where the connection itself broke. */
function failureOf({ code = '', message }: ClientError): Failure | null {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { reason: 'request_timeout' };
  if (code === 'HPE_HEADER_OVERFLOW') return { reason: 'headers_too_large' };
  if (!code.startsWith('HPE_')) return null;
  return {
    reason: 'request_malformed',
    detail: `It is not HTTP (${message.replace(/^Parse Error: /, '')}).`,
  };
}

function originIn(bytes: Buffer | null): string | null {
  return /\r\norigin:[ \t]*([^\r\n]+?)[ \t]*\r\n/i.exec(bytes?.toString('latin1') ?? '')?.[1] ?? null;
}

/** Closes a connection whose last byte was handed over, when the other side has closed it too, or soon. */
function linger(socket: Socket): void {
  const close = () => socket.destroy();
  const timer = setTimeout(close, lingerMs);
  socket.once('close', () => clearTimeout(timer));
  if (socket.readableEnded) socket.once('finish', close);
  else socket.once('end', close);
}
