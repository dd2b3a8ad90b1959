import { createHash } from 'node:crypto';
import type { Person } from '../directory.ts';
import { EntraError } from '../entra-error.ts';
import { opaque } from '../opaque.ts';

// Lifetimes as Entra documents them, in milliseconds.
const CODE_MS = 10 * 60_000;
const REFRESH_TOKEN_MS = 24 * 60 * 60_000;

/** A person who has signed in with this browser. */
export type Session = {
  id: string;
  tenantId: string;
  person: Person;
  /** The authentication contexts proven in it. */
  contexts: string[];
  /** Milliseconds. */
  signedInAt: number;
  /** Nothing that was given out for it is good any more. */
  revoked: boolean;
};

/** What a code or a refresh token stands for. */
export type Grant = {
  session: Session;
  scopes: string[];
  capabilities: string[];
  nonce?: string;
};

type Code = { grant: Grant; redirectUri: string; challenge: string; expiresAt: number; redeemed: boolean };
type RefreshToken = { grant: Grant; expiresAt: number };
type Redemption = { tenantId: string; redirectUri: string | null; verifier: string | null };

/** Who is signed in, and the codes and refresh tokens that were given out. Nothing of it is kept. */
export class SignIns {
  readonly #sessions = new Map<string, Session>();
  readonly #codes = new Map<string, Code>();
  readonly #refreshTokens = new Map<string, RefreshToken>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  findSession(id: string | undefined, tenantId: string): Session | undefined {
    const session = id === undefined ? undefined : this.#sessions.get(id);
    return session?.tenantId === tenantId ? session : undefined;
  }

  /** Signs a person in, replacing anyone who was signed in; the same person's session continues. */
  open(tenantId: string, person: Person, contexts: string[], previous?: Session): Session {
    const same = previous?.person === person;
    if (previous && !same) this.close(previous.id);
    const id = same ? previous.id : opaque(16);
    const session = { id, tenantId, person, contexts, signedInAt: this.#now(), revoked: false };
    this.#sessions.set(session.id, session);
    return session;
  }

  /** Ends every sign-in of a person, in every tenant. They can sign in again. */
  revoke(person: Person): void {
    for (const session of this.#sessions.values()) {
      if (session.person !== person) continue;
      session.revoked = true;
      this.#sessions.delete(session.id);
    }
  }

  close(id: string | undefined): void {
    if (id !== undefined) this.#sessions.delete(id);
  }

  issueCode(grant: Grant, redirectUri: string, challenge: string): string {
    dropExpired(this.#codes, this.#now() - CODE_MS);
    const code = `1.${opaque(100)}`;
    const expiresAt = this.#now() + CODE_MS;
    this.#codes.set(code, { grant, redirectUri, challenge, expiresAt, redeemed: false });
    return code;
  }

  /** Exchanges a code for its grant: once, soon, and only for the client that asked for it. */
  redeemCode(value: string | null, { tenantId, redirectUri, verifier }: Redemption): Grant {
    const code = this.#codes.get(value ?? '');
    if (!code) throw new EntraError(9002313, { detail: 'Nobody was given this code.' });
    if (code.expiresAt <= this.#now()) throw new EntraError(70008);
    if (code.redeemed) throw new EntraError(54005);
    if (code.grant.session.tenantId !== tenantId) throw new EntraError(700005);
    if (code.redirectUri !== redirectUri) throw new EntraError(500112);
    if (challengeOf(verifier ?? '') !== code.challenge) throw new EntraError(501481);
    code.redeemed = true;
    return code.grant;
  }

  issueRefreshToken(
    grant: Grant,
    expiresAt = this.#now() + REFRESH_TOKEN_MS,
  ): { value: string; expiresAt: number } {
    dropExpired(this.#refreshTokens, this.#now() - REFRESH_TOKEN_MS);
    const value = `1.${opaque(400)}`;
    this.#refreshTokens.set(value, { grant, expiresAt });
    return { value, expiresAt };
  }

  /** What a refresh token stands for, and until when: its successor lives no longer. */
  refresh(value: string | null, tenantId: string): RefreshToken {
    const found = this.#refreshTokens.get(value ?? '');
    if (!found || found.grant.session.tenantId !== tenantId) {
      throw new EntraError(9002313, { detail: 'Nobody was given this refresh token.' });
    }
    if (found.expiresAt <= this.#now()) throw new EntraError(700084);
    return found;
  }

  clear(): void {
    for (const store of [this.#sessions, this.#codes, this.#refreshTokens]) store.clear();
  }
}

/** RFC 7636, method S256. */
function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier, 'ascii').digest('base64url');
}

function dropExpired(store: Map<string, { expiresAt: number }>, now: number): void {
  for (const [key, { expiresAt }] of store) if (expiresAt <= now) store.delete(key);
}
