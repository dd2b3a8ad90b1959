import type { SignedInCaller } from '../../core/caller.ts';
import type { Deadline } from '../../core/deadline.ts';
import { CallFailed } from '../../core/failure.ts';
import type { Identity } from '../../core/ports.ts';
import { bearerTokenIn, TokenRefused, takeBearerToken } from './access-token.ts';
import type { VerifyBearer } from './bearer-strategy.ts';
import { callerFrom } from './claims.ts';
import type { ExchangeCache } from './exchange-cache.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { ExchangeRequest, GraphToken } from './token-exchange.ts';
import { fingerprintOf, type VerifiedTokens } from './verified-tokens.ts';

export type EntraIdentityOptions = {
  /** The signing keys of each allowed tenant, by its id in lower case. */
  readonly tenants: ReadonlyMap<string, SigningKeys>;
  readonly verifyBearer: VerifyBearer;
  readonly verified: VerifiedTokens;
  readonly exchange: (request: ExchangeRequest) => Promise<GraphToken>;
  readonly cache: ExchangeCache;
  /** Called where a call waits for the exchange of another one, with both request ids. */
  readonly onShared?: (requestId: string, exchangeOf: string) => void;
};

/** Identity on Entra ID: callers by their access tokens, Graph's tokens by the on-behalf-of flow. */
export function createEntraIdentity(options: EntraIdentityOptions): Identity {
  const { tenants, verifyBearer, verified, exchange, cache } = options;

  // Whose call makes the exchange that is under way for a token.
  const exchanging = new Map<string, string>();

  async function verify(header: string, fingerprint: string, deadline: Deadline): Promise<SignedInCaller> {
    const token = takeBearerToken(header);
    const { tenantId } = token;
    const signingKeys = tenants.get(tenantId);
    if (signingKeys === undefined) throw new TokenRefused('a tenant that is not on the allow-list');

    const found = await signingKeys.find(token.keyId, deadline);
    if (found === null) throw new TokenRefused('signed by a key the tenant does not have', tenantId);
    const assertion = bearerTokenIn(header);
    const payload = await verifyBearer(assertion.reveal(), { tenantId, ...found });
    const { caller, expiresAt } = callerFrom(payload, found.issuers);
    verified.keep(fingerprint, { caller, keyId: token.keyId, key: found.key, expiresAt });
    return { caller, assertion, fingerprint, expiresAt };
  }

  /** The caller of a token that was verified before, if its key is still one of its tenant's. */
  async function recall(
    header: string,
    fingerprint: string,
    deadline: Deadline,
  ): Promise<SignedInCaller | null> {
    const known = verified.find(fingerprint);
    if (known === null) return null;
    const { caller, keyId, key, expiresAt } = known;
    const present = await tenants.get(caller.tenantId)?.find(keyId, deadline);
    if (present?.key !== key) return null;
    return { caller, assertion: bearerTokenIn(header), fingerprint, expiresAt };
  }

  async function exchangeNow(
    { caller, assertion }: SignedInCaller,
    requestId: string,
    deadline: Deadline | null,
  ): Promise<GraphToken> {
    const metadata = tenants.get(caller.tenantId)?.current;
    if (!metadata) throw new CallFailed({ reason: 'signing_keys_unavailable', retryAfter: 5 });
    return exchange({
      assertion,
      tenantId: caller.tenantId,
      tokenEndpoint: metadata.tokenEndpoint,
      requestId,
      deadline,
    });
  }

  return {
    async authenticate(authorization, deadline) {
      try {
        const [header] = authorization;
        if (header === undefined) throw new CallFailed({ reason: 'token_missing' });
        if (authorization.length > 1) throw new TokenRefused('more than one Authorization header');
        const fingerprint = fingerprintOf(header);
        return (await recall(header, fingerprint, deadline)) ?? (await verify(header, fingerprint, deadline));
      } catch (error) {
        if (!(error instanceof TokenRefused)) throw error;
        throw new CallFailed({ reason: 'token_invalid', cause: error.message, tenantId: error.tenantId });
      }
    },
    exchangeUncached: async (signedIn, { requestId, deadline }) =>
      (await exchangeNow(signedIn, requestId, deadline)).token,
    // Other calls may join this exchange, so it does not end when this call's time is up.
    exchangeForRead(signedIn, { requestId, deadline }) {
      const { fingerprint } = signedIn;
      const token = cache.get(signedIn, deadline, () => {
        exchanging.set(fingerprint, requestId);
        return exchangeNow(signedIn, requestId, null).finally(() => exchanging.delete(fingerprint));
      });
      const exchangeOf = exchanging.get(fingerprint);
      if (exchangeOf !== undefined && exchangeOf !== requestId) options.onShared?.(requestId, exchangeOf);
      return token;
    },
  };
}
