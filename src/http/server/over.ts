import type { ServerResponse } from 'node:http';

/** Runs `next` once the request of this response is over: its answer has been made *and* its connection is done
 *  with it. If the caller goes away, the work on the call continues, and so does its record. */
export function whenOver(response: ServerResponse, next: () => void): void {
  response.on('close', () => {
    if (response.writableEnded) next();
    else afterEnd(response, next);
  });
}

/** Runs `next` once the answer to a caller who has gone away is complete: Node emits no event for that. (An `end`
 *  of each response's own would keep V8 from freeing it before the next full collection.) */
function afterEnd(response: ServerResponse, next: () => void): void {
  const end = response.end;
  response.end = function (this: ServerResponse, ...given: unknown[]) {
    const returned = Reflect.apply(end, this, given);
    next();
    return returned;
  } as typeof end;
}

/** Whether the caller has gone away, as far as this machine knows: the connection was closed or reset, or its
 *  other side sends no more. The last is how a closed browser tab or a killed client looks, and also a
 *  client that only closed its sending side; that one still gets its answer. */
export function hasGone({ destroyed, req: { socket } }: ServerResponse): boolean {
  return destroyed || socket.destroyed || socket.readableEnded;
}
