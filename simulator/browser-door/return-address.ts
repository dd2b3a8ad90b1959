import type { Reply } from '../reply.ts';

/** Where the browser goes when signing in has ended. */
export type ReturnAddress = { redirectUri: string; mode: 'query' | 'fragment'; state: string | undefined };

/** Sends the browser back with what it was sent for; what is undefined is left out. */
export function sendBack(
  { redirectUri, mode, state }: ReturnAddress,
  answer: Record<string, string | undefined>,
): Reply {
  const fields = Object.entries({ ...answer, state }).filter(
    (field): field is [string, string] => field[1] !== undefined,
  );
  const location = `${redirectUri}${mode === 'query' ? '?' : '#'}${new URLSearchParams(fields)}`;
  // 303, so that the browser comes back with GET, whether it asked or answered the page.
  return { status: 303, headers: { location, 'cache-control': 'no-store' }, body: '' };
}
