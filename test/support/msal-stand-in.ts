import type { PersonName, Simulator } from '../../simulator/simulator.ts';

type Config = {
  auth: {
    clientId: string;
    authority: string;
    redirectUri: string;
    clientCapabilities?: string[];
    authorityMetadata?: string;
    knownAuthorities?: string[];
  };
  cache: { cacheLocation: string };
};
type Account = { homeAccountId: string };
type Request = {
  scopes: string[];
  claims?: string;
  prompt?: string;
  account?: Account;
  forceRefresh?: boolean;
};

/** What the stand-in signs in with, and what it saw. Set it before the first sign-in. */
export const signIns: {
  simulator: Simulator | null;
  person: PersonName;
  /** Whether a person has to sign in before there is a token again. */
  interactionRequired: boolean;
  tokenOptions: object;
  asked: ('popup' | 'silent' | 'renewed')[];
  configs: Config[];
  bridged: number;
} = {
  simulator: null,
  person: 'admin',
  interactionRequired: false,
  tokenOptions: {},
  asked: [],
  configs: [],
  bridged: 0,
};

/** What `@azure/msal-browser` exports and can only do in a browser, with the simulator's tokens. Types and
 *  names are held against the real one by the test that checks the guide's code. */
export class PublicClientApplication {
  #config: Config;
  #initialized = false;
  #token: string | null = null;

  constructor(config: Config) {
    this.#config = config;
    signIns.configs.push(config);
  }

  async initialize(): Promise<void> {
    this.#initialized = true;
  }

  async acquireTokenPopup({ scopes, claims, prompt, account }: Request) {
    if (prompt === undefined && account === undefined) throw new Error('whose sign-in?');
    signIns.asked.push('popup');
    signIns.interactionRequired = false;
    const accessToken = await this.#issue(scopes, claims);
    return { accessToken, account: { homeAccountId: signIns.person } };
  }

  async acquireTokenSilent({ scopes, forceRefresh }: Request) {
    signIns.asked.push(forceRefresh ? 'renewed' : 'silent');
    if (signIns.interactionRequired) throw new InteractionRequiredAuthError('login_required');
    const accessToken = forceRefresh || this.#token === null ? await this.#issue(scopes) : this.#token;
    return { accessToken };
  }

  /** Proves what `claims` demand, and says what the page can do only if the page said so. */
  async #issue(scopes: string[], claims?: string): Promise<string> {
    const { simulator, person, tokenOptions } = signIns;
    if (simulator === null || !this.#initialized) throw new Error('not initialized');
    if (scopes.join() !== `${simulator.registration.audience}/access_as_user`)
      throw new Error('invalid_scope');
    const demanded = claims === undefined ? undefined : JSON.parse(claims).access_token?.acrs?.value;
    const capabilities = this.#config.auth.clientCapabilities;
    this.#token = await simulator.token(person, {
      claims: {
        ...(demanded !== undefined && { acrs: [demanded] }),
        ...(capabilities !== undefined && { xms_cc: capabilities }),
      },
      ...tokenOptions,
    });
    return this.#token;
  }
}

export class InteractionRequiredAuthError extends Error {}

export async function broadcastResponseToMainFrame(): Promise<void> {
  signIns.bridged += 1;
}
