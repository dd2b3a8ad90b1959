import type { KeyObject } from 'node:crypto';
import passportModule, { type AuthenticateOptions } from 'passport';
import { TokenRefused } from './access-token.ts';
import { BearerStrategy } from './microsoft-libraries.ts';

/** What one token is verified against: its tenant's issuers, and the key its header names. */
export type VerificationMaterial = {
  readonly tenantId: string;
  readonly issuers: readonly string[];
  readonly key: KeyObject;
};

export type BearerVerifierOptions = {
  readonly authorityHost: string;
  readonly clientId: string;
  readonly audiences: readonly string[];
  /** At least 1: where it is 0 the library takes its own, which is 300. */
  readonly clockSkewSeconds: number;
};

/** Checks signature, algorithm, issuer, audience, expiry and not-before of a bearer token with
 *  passport-azure-ad, with keys that we provide. Returns the verified payload; throws `TokenRefused`. */
export type VerifyBearer = (rawToken: string, material: VerificationMaterial) => Promise<object>;

type StrategyOptions = { readonly tenantIdOrName: string; readonly material: VerificationMaterial };
type LoadedMetadata = {
  readonly oidc: { readonly issuer: readonly string[]; readonly algorithms: readonly string[] };
  readonly generateOidcPEM: () => KeyObject;
};

/** The library's strategy without its metadata loading, which ends the process on a non-JSON answer,
 *  has no timeout, and reports an outage as bad credentials. `material` belongs to one call, since
 *  passport runs each on an object of its own. */
class BearerStrategyOnOurKeys extends BearerStrategy {
  declare material: VerificationMaterial;

  override authenticate(request: never, options: StrategyOptions): void {
    this.material = options.material;
    super.authenticate(request, options);
  }

  loadMetadata(_params: unknown, next: (error: null, metadata: LoadedMetadata) => void): void {
    const { issuers, key } = this.material;
    next(null, {
      oidc: { issuer: issuers, algorithms: ['RS256'] },
      // A parsed key: parsing its PEM for each token would cost more than the check itself.
      generateOidcPEM: () => key,
    });
  }
}

export function createBearerVerifier(options: BearerVerifierOptions): VerifyBearer {
  const strategy = new BearerStrategyOnOurKeys(
    {
      // Never fetched. The library takes the issuer of each token's own tenant only with /common/.
      identityMetadata: `${options.authorityHost}/common/v2.0/.well-known/openid-configuration`,
      clientID: options.clientId,
      audience: [...options.audiences],
      clockSkew: options.clockSkewSeconds,
      validateIssuer: true,
      // It writes to stdout in a format of its own, and never at this level; what matters is logged by us.
      loggingLevel: 'fatal' as 'error',
      // `true` would hide the cause of every refusal. Its causes are fixed sentences: no claim
      // and no part of a token is in them.
      loggingNoPII: false,
    },
    (payload: object, done: (error: null, payload: object) => void) => done(null, payload),
  );
  // Used by its name, passport runs each call on an object of its own that inherits from the strategy.
  const passport = new passportModule.Passport().use('entra-bearer', strategy);

  return (rawToken, material) =>
    new Promise((resolve, reject) => {
      const settle = (error: unknown, payload: object | false | undefined, refusal: unknown) => {
        if (payload) resolve(payload);
        else reject(error ?? new TokenRefused(`passport-azure-ad: ${String(refusal)}`, material.tenantId));
      };
      const options: AuthenticateOptions & StrategyOptions = { tenantIdOrName: material.tenantId, material };
      // The strategy sees the header and nothing else: it would also take a token from the body.
      const request = { headers: { authorization: `Bearer ${rawToken}` } };
      passport.authenticate('entra-bearer', options, settle)(request, {}, reject);
    });
}
