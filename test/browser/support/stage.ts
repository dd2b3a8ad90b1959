import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { otherTenantId, registration } from '../../../simulator/directory.ts';
import { availablePort } from '../../../tools/available-port.ts';
import { buildPortal, startPortal } from '../../../tools/demo/demo-portal.ts';
import { signingKeyFile } from '../../../tools/demo/demo-signing-key.ts';
import {
  startService,
  startTestEnvironment,
  type TestEnvironment,
  type TestService,
} from '../../support/service.ts';
import { type Complaints, type Look, launchBrowser, openWindow } from './browser.ts';

/** The demo's two tenants: one demands nothing, the other all that policy can (config/demo.yaml). */
export const tenants = { lenient: registration.tenantId, strict: otherTenantId } as const;
export type TenantName = keyof typeof tenants;

export type Visit = Look & { tenant?: TenantName };

/** What a scene plays with. */
export type Stage = {
  readonly testEnvironment: TestEnvironment;
  readonly service: TestService;
  readonly portals: Readonly<Record<TenantName, string>>;
  /** Opens the portal in a browser that has never been there. */
  arrive(visit?: Visit): Promise<Page>;
  /** Arrives, and signs in. */
  enter(person: string, visit?: Visit): Promise<Page>;
};

type Window = { context: BrowserContext; complaints: Complaints; tokens: string[]; signedIn: boolean };

/** PostgreSQL, the simulator, the service and the portals of one file, and a browser. Gives what runs a scene:
 *  a test that starts from an untouched tenant and has to leave no complaint and no token in any browser. */
export function onStage(): (name: string, body: (stage: Stage) => Promise<void>) => void {
  let stage: Omit<Stage, 'arrive' | 'enter'>;
  let browser: Browser;
  const undo: (() => Promise<void>)[] = [];

  before(async () => {
    await buildPortal(undo);
    const testEnvironment = await startTestEnvironment();
    undo.push(() => testEnvironment.close());
    const folder = await mkdtemp(join(tmpdir(), 'browser-check-'));
    undo.push(() => rm(folder, { recursive: true }));
    const ports = { lenient: await availablePort(0), strict: await availablePort(0) };
    const service = await startService(testEnvironment, {
      environment: {
        NODE_ENV: 'demo',
        ALLOWED_TENANT_IDS: Object.values(tenants).join(','),
        CORS_ALLOWED_ORIGINS: Object.values(ports)
          .map((port) => `http://localhost:${port}`)
          .join(','),
        RATE_LIMIT_CALLER: '0',
        AUDIT_SIGNING_KEY_FILE: await signingKeyFile(folder),
      },
      // A real one looks every 5 s and signs every 5 minutes, and nobody here waits so long.
      adjust: (settings) => ({
        ...settings,
        disconnect: { ...settings.disconnect, watchEveryMs: 200 },
        audit: { ...settings.audit, checkpointMs: 500 },
      }),
    });
    undo.push(() => service.close());
    const openPortal = async (name: TenantName) => {
      const given = { port: ports[name], tenantId: tenants[name], apiBaseUrl: service.url };
      const portal = await startPortal({ ...given, simulator: testEnvironment.simulator });
      undo.push(portal.stop);
      return portal.url;
    };
    const portals = { lenient: await openPortal('lenient'), strict: await openPortal('strict') };
    browser = await launchBrowser();
    undo.push(() => browser.close());
    stage = { testEnvironment, service, portals };
  });

  after(async () => {
    for (const each of undo.reverse()) await each();
  });

  return (name, body) =>
    test(name, async (context) => {
      const windows: Window[] = [];
      const open = async ({ tenant = 'lenient', ...look }: Visit = {}) => {
        const window: Window = { ...(await openWindow(browser, look)), tokens: [], signedIn: false };
        collectTokens(window);
        windows.push(window);
        const page = await window.context.newPage();
        await page.goto(stage.portals[tenant]);
        return { page, window };
      };
      const arrive = async (visit?: Visit) => (await open(visit)).page;
      const enter = async (person: string, visit?: Visit) => {
        const { page, window } = await open(visit);
        await signIn(page, person);
        window.signedIn = true;
        return page;
      };
      stage.testEnvironment.simulator.reset();
      await stage.testEnvironment.closeOperations();
      try {
        await body({ ...stage, arrive, enter });
        for (const window of windows) await assertClean(window, Object.values(stage.portals));
      } catch (error) {
        for (const page of windows.flatMap((window) => window.context.pages())) {
          context.diagnostic(`${page.url()} shows:\n${await page.locator('body').ariaSnapshot()}`);
        }
        throw error;
      } finally {
        for (const { context } of windows) await context.close();
      }
    });
}

/** Signs in as that person, from the portal's first page. */
export async function signIn(page: Page, person: string): Promise<void> {
  const window = await openSignIn(page, 'Sign in');
  await finish(window, person);
  await page.getByRole('navigation').waitFor();
}

/** Presses the button that opens the sign-in window. */
export async function openSignIn(page: Page, button: string): Promise<Page> {
  const [window] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('button', { name: button, exact: true }).click(),
  ]);
  return window;
}

/** Proves in the sign-in window what the portal's dialog asks for. */
export async function proveItIsMe(page: Page): Promise<void> {
  await page.getByRole('dialog', { name: 'Prove it is you' }).waitFor();
  const window = await openSignIn(page, 'Go to the sign-in window');
  await finish(window, /^It is me/);
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

/** Presses the last button of a sign-in window. */
export async function finish(window: Page, button: string | RegExp): Promise<void> {
  const closed = window.waitForEvent('close');
  // It may close while the mouse button still comes up.
  await window
    .getByRole('button', { name: button })
    .click()
    .catch((error: unknown) => {
      if (!window.isClosed()) throw error;
    });
  await closed;
}

/** All the text of an element. */
export async function textOf(locator: Locator): Promise<string> {
  return (await locator.textContent()) ?? '';
}

function collectTokens({ context, tokens }: Window): void {
  context.on('response', async (response) => {
    if (!/\/oauth2\/v2\.0\/token$/.test(new URL(response.url()).pathname)) return;
    const answer = await response.json().catch(() => ({}));
    for (const name of ['access_token', 'id_token', 'refresh_token'])
      if (answer[name]) tokens.push(answer[name]);
  });
}

async function assertClean(window: Window, portals: string[]): Promise<void> {
  const { context, complaints, tokens, signedIn } = window;
  assert.deepEqual(complaints, []);
  assert.ok(!signedIn || tokens.length > 0, 'the tokens that this browser got were not seen');
  for (const page of context.pages()) {
    if (!portals.includes(new URL(page.url()).origin)) continue;
    const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    for (const token of tokens)
      assert.ok(!stored.includes(token), 'a token is in the storage of the browser');
    assert.doesNotMatch(stored, /eyJ[\w-]+\.eyJ/);
  }
}
