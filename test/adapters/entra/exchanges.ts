import { ClientCredential } from '../../../src/adapters/entra/client-credential.ts';
import { TokenExchange, type TokenExchangeOptions } from '../../../src/adapters/entra/token-exchange.ts';
import type { HttpClient } from '../../../src/adapters/outbound/http-client.ts';
import type { Deadline } from '../../../src/core/deadline.ts';
import { Secret } from '../../../src/core/secret.ts';

export const tenantId = '11111111-2222-4333-8444-555555555555';
export const requestId = '77777777-2222-4333-8444-555555555555';

type Exchange = { readonly send: HttpClient['send'] } & Partial<
  Pick<
    TokenExchangeOptions,
    'monotonic' | 'deadlineMs' | 'onFailedTry' | 'clock' | 'random' | 'credential' | 'onCredentialRejected'
  > & { secretFile: string }
>;

/** An exchange whose requests go to `send`. */
export function exchangeOver(options: Exchange, deadline: Deadline | null = null) {
  const { send, secretFile = null, ...rest } = options;
  const credential = new ClientCredential(
    { federatedTokenFile: null, certificatePath: null, secretFile, secret: new Secret('secret') },
    { clientId: 'client', clock: Date.now, onProblem: () => {} },
  );
  const exchange = new TokenExchange({
    clientId: '66666666-7777-4888-8999-aaaaaaaaaaaa',
    authorityHost: 'https://login.example',
    scope: 'https://graph.example/.default',
    http: { send, close: async () => {} },
    credential,
    clock: Date.now,
    monotonic: () => performance.now(),
    random: () => 0,
    timeoutMs: 5000,
    deadlineMs: 10_000,
    onFailedTry: () => {},
    onCredentialRejected: () => {},
    ...rest,
  });
  return (assertion: string) =>
    exchange.exchange({
      assertion: new Secret(assertion),
      tenantId,
      tokenEndpoint: `https://login.example/${tenantId}/oauth2/v2.0/token`,
      requestId,
      deadline,
    });
}

/** As Entra ID grants a token. */
export const granted = (token: string) => ({
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
