import {
  type AccountInfo,
  AuthError,
  BrowserAuthError,
  InteractionRequiredAuthError,
  type IPublicClientApplication,
  PublicClientApplication,
} from '@azure/msal-browser';
import type { PortalConfig } from './config.ts';

/** The browser did not let the sign-in window open. */
export class WindowBlocked extends Error {}

/** The person did not want to, which is no failure. */
export class SignInCancelled extends Error {}

/** In the sign-in window another person signed in than the one this page is for. */
export class OtherPerson extends Error {}

const windowErrors: ReadonlySet<string> = new Set(['popup_window_error', 'empty_window_error']);

/** How long a person may take in the sign-in window, in milliseconds: MFA, or a new password. */
const patienceMs = 10 * 60_000;

/** Signing in with Entra ID, in a window of its own.
 *
 *  A window, and not a redirect of this page: this page stays as it is, so what was typed and the key of a
 *  disconnect under way survive a claims challenge, and tokens never have to outlive a page load. They are
 *  in this page's memory only; a script that gets at the browser's storage finds none. The price: whoever
 *  reloads the page signs in again, which takes a click while the session at Entra ID lasts. */
export class SignIn {
  readonly #client: IPublicClientApplication;
  readonly #scopes: string[];
  #account: AccountInfo | null = null;

  private constructor(client: IPublicClientApplication, scopes: string[]) {
    this.#client = client;
    this.#scopes = scopes;
  }

  static async prepare(config: PortalConfig): Promise<SignIn> {
    const client = new PublicClientApplication({
      auth: {
        clientId: config.clientId,
        authority: config.authority,
        redirectUri: new URL('redirect.html', document.baseURI).href,
        // Says that we can answer claims challenges. Without it Entra ID sends none, and tokens live shorter.
        clientCapabilities: ['cp1'],
        ...(config.authorityMetadata !== null && {
          authorityMetadata: JSON.stringify(config.authorityMetadata),
          knownAuthorities: [new URL(config.authority).host],
        }),
      },
      cache: { cacheLocation: 'memoryStorage' },
      system: { popupBridgeTimeout: patienceMs },
    });
    await client.initialize();
    return new SignIn(client, [config.apiScope]);
  }

  get isSignedIn(): boolean {
    return this.#account !== null;
  }

  /** Opens the window: call it from a click, or the browser blocks it. With `claims` (JSON) the sign-in
   *  proves what they demand. A window that is still open from before is given up. */
  async interact(claims: string | null = null): Promise<void> {
    const account = await this.#openWindow(claims);
    // What was typed is the first person's wish, and must not be sent as another's.
    if (this.#account !== null && account.homeAccountId !== this.#account.homeAccountId) {
      throw new OtherPerson();
    }
    this.#account = account;
  }

  async #openWindow(claims: string | null): Promise<AccountInfo> {
    try {
      const { account } = await this.#client.acquireTokenPopup({
        scopes: this.#scopes,
        overrideInteractionInProgress: true,
        ...(claims !== null && { claims }),
        ...(this.#account === null ? { prompt: 'select_account' } : { account: this.#account }),
      });
      return account;
    } catch (error) {
      if (error instanceof BrowserAuthError && windowErrors.has(error.errorCode)) {
        throw new WindowBlocked(error.message, { cause: error });
      }
      if (isCancelled(error)) throw new SignInCancelled('cancelled', { cause: error });
      throw error;
    }
  }

  /** A token for the API; `null` where a person has to sign in for it. With `renewed`, one that Entra ID
   *  has just issued. */
  async token(renewed: boolean): Promise<string | null> {
    if (this.#account === null) return null;
    try {
      const { accessToken } = await this.#client.acquireTokenSilent({
        scopes: this.#scopes,
        account: this.#account,
        forceRefresh: renewed,
      });
      return accessToken;
    } catch (error) {
      if (error instanceof InteractionRequiredAuthError) return null;
      throw error;
    }
  }

  /** Ends the session at Entra ID too, and leaves this page. */
  async signOut(): Promise<void> {
    // MSAL refuses to redirect while tokens are in memory only. The window comes back to the bridge page too.
    await this.#client.logoutPopup({
      account: this.#account,
      postLogoutRedirectUri: new URL('redirect.html', document.baseURI).href,
      mainWindowRedirectUri: new URL('.', document.baseURI).href,
    });
  }
}

/** Whether the person pressed *Cancel* in the window, as Entra ID says it (AADSTS65004), or closed it. */
function isCancelled(error: unknown): boolean {
  if (!(error instanceof AuthError)) return false;
  if (error.errorCode === 'user_cancelled') return true;
  return error.errorCode === 'access_denied' && /AADSTS65004\b/.test(error.errorMessage);
}
