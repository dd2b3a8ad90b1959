import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ClientCredential } from '../../../src/adapters/entra/client-credential.ts';
import { TokenExchange } from '../../../src/adapters/entra/token-exchange.ts';
import {
  type HttpClient,
  type OutboundRequest,
  RequestFailed,
} from '../../../src/adapters/outbound/http-client.ts';
import type { CallFailed } from '../../../src/core/failure.ts';
import { Secret } from '../../../src/core/secret.ts';

const tenantId = '11111111-2222-4333-8444-555555555555';

function exchangeOver(send: HttpClient['send'], options: { clock?: () => number; deadlineMs?: number } = {}) {
  const clock = options.clock ?? Date.now;
  const credential = new ClientCredential(
    { federatedTokenFile: null, certificatePath: null, secretFile: null, secret: new Secret('secret') },
    { clientId: 'client', clock, onProblem: () => {} },
  );
  const exchange = new TokenExchange({
    clientId: '66666666-7777-4888-8999-aaaaaaaaaaaa',
    authorityHost: 'https://login.example',
    scope: 'https://graph.example/.default',
    http: { send, close: async () => {} },
    credential,
    clock,
    random: () => 0,
    timeoutMs: 5000,
    deadlineMs: options.deadlineMs ?? 10_000,
    onCredentialRejected: () => {},
  });
  return (assertion: string) =>
    exchange.exchange({
      assertion: new Secret(assertion),
      tenantId,
      tokenEndpoint: `https://login.example/${tenantId}/oauth2/v2.0/token`,
    });
}

const granted = (token: string) => ({
  status: 200,
  headers: {},
  text: JSON.stringify({
    token_type: 'Bearer',
    expires_in: 3600,
    ext_expires_in: 3600,
    access_token: token,
    scope: 'openid profile https://graph.example/.default',
  }),
});

describe('an exchange', () => {
  test('gives each try only what is left of the deadline', async () => {
    let now = 0;
    const timeouts: number[] = [];
    const exchange = exchangeOver(
      async (request: OutboundRequest) => {
        timeouts.push(request.timeoutMs);
        now += request.timeoutMs;
        throw new RequestFailed('sent', 'TIMEOUT');
      },
      { clock: () => now, deadlineMs: 8000 },
    );
    await assert.rejects(
      exchange('assertion'),
      (error: CallFailed) => error.failure.reason === 'identity_unavailable',
    );
    // The fake clock stands still during the pauses between tries.
    assert.deepEqual(timeouts, [5000, 3000]);
  });

  test('of one user never gives another user’s token, however many at once', async () => {
    const exchange = exchangeOver(async ({ body }) =>
      granted(`graph token for ${new URLSearchParams(body).get('assertion')}`),
    );
    const users = Array.from({ length: 100 }, (_, index) => `user ${index}`);
    const tokens = await Promise.all(users.map(exchange));
    assert.deepEqual(
      tokens.map(({ token }) => token.reveal()),
      users.map((user) => `graph token for ${user}`),
    );
  });

  test('leaves nothing behind: memory stays the same over thousands', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const padding = 'x'.repeat(3000);
    let count = 0;
    const exchange = exchangeOver(async () => granted(`${count}${padding}`));
    const heapAfter = async (exchanges: number) => {
      for (let made = 0; made < exchanges; made += 1) {
        count += 1;
        await exchange(`${count}${padding}`);
      }
      collect();
      return process.memoryUsage().heapUsed;
    };
    const begun = await heapAfter(300);
    const ended = await heapAfter(1500);
    // Kept, 1,500 assertions and tokens would be 9 MB at the least.
    assert.ok(ended - begun < 2_000_000, `grew by ${ended - begun} bytes`);
  });
});
