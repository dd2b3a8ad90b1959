/** What a face answers, before it is written to the socket. */
export type Reply = { status: number; headers: Record<string, string>; body: string };

export function jsonReply(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(value),
  };
}

export function textReply(status: number, body: string): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

/** A received request, its body read. */
export type Received = {
  method: string;
  path: string;
  query: URLSearchParams;
  /** Path and query as they came. */
  target: string;
  headers: Record<string, string>;
  rawHeaders: string[];
  body: string;
};
