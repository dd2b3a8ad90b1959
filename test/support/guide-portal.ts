import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach } from 'node:test';
import { fetchOf } from './as-browser.ts';
import { folderOf, type Snippet, snippetsIn, standIn } from './guide.ts';
import { signIns } from './msal-stand-in.ts';
import { startService, startTestEnvironment, type TestEnvironment, type TestService } from './service.ts';
import { adjusted } from './timings.ts';

export const origin = 'http://localhost:5173';

// What the guide's files export; their own text is what is checked.
// biome-ignore lint/suspicious/noExplicitAny: JavaScript of a document
export type Exports = Record<string, any>;
type GuideFile =
  | 'config'
  | 'sign-in'
  | 'call'
  | 'connection'
  | 'disconnect'
  | 'watch'
  | 'approval'
  | 'errors'
  | 'audit'
  | 'graph';

export type GuidePortal = {
  readonly testEnvironment: TestEnvironment;
  readonly service: TestService;
  readonly snippets: readonly Snippet[];
  readonly guide: Record<GuideFile, Exports>;
  /** The guide's own `call`, which asks the stand-in for a person. */
  readonly call: unknown;
  /** What the page asked a person for: the claims, or null. */
  readonly asked: (string | null)[];
  /** Starts another service for the same portal. */
  startService(timings?: Parameters<typeof adjusted>[0]): Promise<TestService>;
  /** Where a file of the guide was loaded from. */
  urlOf(name: string): string;
  acts(): number;
  as(person: typeof signIns.person): Promise<void>;
  readConnection(seen?: object): Promise<Exports>;
  intentNow(more?: object): Promise<Exports>;
  disconnect(intent: object): Promise<Exports>;
  /** Has the page call `fetch` in another way while `work` runs. */
  withFetch<Value>(fetch: typeof globalThis.fetch, work: () => Promise<Value>): Promise<Value>;
};

/** The code of docs/portal-guide.md as a page of `origin` runs it, against a service (over TLS where `tls`) and a
 *  simulator, with a stand-in for MSAL. `onLoad` runs before the code is loaded. */
export function guidePortal(options: { tls: boolean; onLoad?: () => Promise<void> }): GuidePortal {
  const held: {
    testEnvironment?: TestEnvironment;
    service?: TestService;
    snippets?: readonly Snippet[];
    guide?: GuidePortal['guide'];
    call?: unknown;
  } = {};
  const asked: (string | null)[] = [];
  const undo: (() => unknown)[] = [];
  const environment: Record<string, string> = { CORS_ALLOWED_ORIGINS: origin };
  let urlOf = (name: string) => name;

  const portal: GuidePortal = {
    get testEnvironment() {
      return held.testEnvironment as TestEnvironment;
    },
    get service() {
      return held.service as TestService;
    },
    get snippets() {
      return held.snippets ?? [];
    },
    get guide() {
      return held.guide as GuidePortal['guide'];
    },
    get call() {
      return held.call;
    },
    asked,
    startService: (timings = {}) =>
      startService(portal.testEnvironment, { environment, adjust: adjusted(timings) }),
    urlOf: (name) => urlOf(name),
    acts: () => portal.testEnvironment.simulator.acts().length,
    async as(person) {
      signIns.person = person;
      await portal.guide['sign-in'].signIn();
    },
    readConnection: (seen) => portal.guide.connection.readConnection(portal.call, seen),
    async intentNow(more = {}) {
      const { etag } = await portal.readConnection();
      return portal.guide.disconnect.newIntent({ etag, reason: 'r', ticket: 'CHG-1', ...more });
    },
    disconnect: (intent) => portal.guide.disconnect.disconnect(portal.call, intent),
    async withFetch(fetch, work) {
      const before = globalThis.fetch;
      globalThis.fetch = fetch;
      try {
        return await work();
      } finally {
        globalThis.fetch = before;
      }
    },
  };

  before(async () => {
    held.snippets = await snippetsIn('docs/portal-guide.md');
    const files = await folderOf(held.snippets);
    undo.push(files.close);
    urlOf = files.url;
    held.testEnvironment = await startTestEnvironment();
    undo.push(() => held.testEnvironment?.close());
    if (options.tls) Object.assign(environment, await tlsFiles(portal.testEnvironment, undo));
    held.service = await portal.startService({ policy: { approvalRequired: false } });
    undo.push(() => held.service?.close());

    const standInUrl = new URL('./msal-stand-in.ts', import.meta.url).href;
    const names = ['@azure/msal-browser', '@azure/msal-browser/redirect-bridge'];
    undo.push(standIn(names, files.url(''), standInUrl));
    signIns.simulator = portal.testEnvironment.simulator;
    const { fetch } = globalThis;
    const browserDoor = await textAtBrowserDoor(portal.testEnvironment);
    globalThis.fetch = fetchOf(origin, fetch);
    Object.assign(globalThis, { location: new URL(`${origin}/`) });
    undo.push(() => {
      globalThis.fetch = fetch;
      Reflect.deleteProperty(globalThis, 'location');
    });

    await options.onLoad?.();
    const { config } = await import(files.url('config.js'));
    const { url, registration, portalClientId } = portal.testEnvironment.simulator;
    Object.assign(config, {
      api: portal.service.url,
      authority: `${url}/${registration.tenantId}`,
      clientId: portalClientId,
      scope: `${registration.audience}/access_as_user`,
      authorityMetadata: browserDoor,
    });
    const loaded: [string, Exports][] = [];
    for (const { language, name } of held.snippets) {
      if (language === 'js' && name !== null)
        loaded.push([name.replace('.js', ''), await import(files.url(name))]);
    }
    held.guide = Object.fromEntries(loaded) as GuidePortal['guide'];
    held.call = portal.guide.call.callerWith(async (claims: string | null) => {
      asked.push(claims);
      await portal.guide['sign-in'].signIn(claims);
    });
  });
  after(async () => {
    for (const one of undo.toReversed()) await one();
  });
  beforeEach(async () => {
    await portal.testEnvironment.closeOperations();
    portal.testEnvironment.simulator.reset();
    portal.testEnvironment.simulator.clearCalls();
    Object.assign(signIns, { person: 'admin', interactionRequired: false, tokenOptions: {} });
    await portal.guide['sign-in'].signIn();
    signIns.asked.length = 0;
    asked.length = 0;
  });
  return portal;
}

async function textAtBrowserDoor({ simulator }: TestEnvironment): Promise<string> {
  const { browserUrl, registration } = simulator;
  const path = `/${registration.tenantId}/v2.0/.well-known/openid-configuration`;
  return (await fetch(new URL(path, browserUrl))).text();
}

async function tlsFiles(
  testEnvironment: TestEnvironment,
  undo: (() => unknown)[],
): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-guide-tls-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const { certPem, keyPem } = testEnvironment.simulator.tls;
  const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') };
  await writeFile(files.TLS_CERT_FILE, certPem);
  await writeFile(files.TLS_KEY_FILE, keyPem);
  return files;
}
