import { Webhook } from 'standardwebhooks';
import { UnusableFile } from '../files/followed-file.ts';

/** What a receiver's file holds: Standard Webhooks secrets (`whsec_` and 24 to 64 bytes in Base64), one a line; two
 *  during a rotation. Throws `UnusableFile`. */
export function secretsIn(content: Buffer | undefined): readonly Webhook[] {
  const lines = (content ?? Buffer.alloc(0))
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) throw new UnusableFile('is empty');
  for (const line of lines) {
    const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(line)?.[1] ?? '';
    const bytes = Buffer.from(base64, 'base64').length;
    if (bytes < 24 || bytes > 64) {
      throw new UnusableFile('must hold whsec_ and 24 to 64 bytes in Base64, one secret a line');
    }
  }
  return lines.map((line) => new Webhook(line));
}

/** The headers of Standard Webhooks 1.0: signed with each secret, so that a receiver may know the one or the other. */
export function signedHeaders(
  secrets: readonly Webhook[],
  { id, body, at }: { id: string; body: string; at: Date },
): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    ...(secrets.length > 0 && {
      'webhook-signature': secrets.map((secret) => secret.sign(id, at, body)).join(' '),
    }),
  };
}
