import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { makeTls } from '../../simulator/certificates.ts';

export type ReceivedWebhook = {
  readonly headers: Record<string, string>;
  readonly body: string;
};

export type WebhookReceiver = {
  readonly url: string;
  readonly caPem: string;
  /** Whatever came, in order. */
  readonly received: ReceivedWebhook[];
  /** How it answers from now on. */
  answerWith(answer: (response: ServerResponse) => void): void;
  close(): Promise<void>;
};

/** A receiver of webhooks over TLS, whose CA this process trusts from now on unless it is a `stranger`. It answers 204
 *  until it is told otherwise. */
export async function startWebhookReceiver(options: { stranger?: boolean } = {}): Promise<WebhookReceiver> {
  const { caPem, certPem, keyPem } = await makeTls();
  if (!options.stranger) tls.setDefaultCACertificates([...tls.getCACertificates('default'), caPem]);
  const received: ReceivedWebhook[] = [];
  let answer = (response: ServerResponse): void => void response.writeHead(204).end();
  const server = createServer({ cert: certPem, key: keyPem }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({
      headers: singleHeaders(request.headers),
      body: Buffer.concat(chunks).toString('utf8'),
    });
    answer(response);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/hooks/very-secret-path?sig=very-secret`,
    caPem,
    received,
    answerWith(next) {
      answer = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A new Standard Webhooks secret. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

function singleHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
