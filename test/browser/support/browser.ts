import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { childEnvironment } from '../../../tools/child-environment.ts';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** How long a page may take for anything, in milliseconds. */
const patienceMs = 15_000;

/** What a page said that it should not have: errors, refused content, failed loads. */
export type Complaints = string[];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    env: childEnvironment(),
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Whoever asks for anything outside is noticed.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost',
    ],
  });
}

export type Look = {
  scheme?: 'light' | 'dark';
  width?: number;
  height?: number;
  /** Pixels of the screen for one of the page. */
  scale?: number;
};

/** A browser window with nothing in it, and a list of what its pages complain of. */
export async function openWindow(
  browser: Browser,
  { scheme = 'light', width = 1100, height = 800, scale = 1 }: Look = {},
): Promise<{ context: BrowserContext; complaints: Complaints }> {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height },
    deviceScaleFactor: scale,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
    acceptDownloads: true,
  });
  context.setDefaultTimeout(patienceMs);
  const complaints: Complaints = [];
  context.on('page', (page) => listen(page, complaints));
  return { context, complaints };
}

function listen(page: Page, complaints: Complaints): void {
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    // Chromium's notes on an answer that is no success and on one that broke off. The tests look at what the
    // page makes of it; a call to anywhere outside is NAME_NOT_RESOLVED.
    if (
      /^Failed to load resource: (the server responded with a status of [45]|net::ERR_CONNECTION_RESET)/.test(
        text,
      )
    )
      return;
    // Chromium's note on the hidden frame in which MSAL looks for a session.
    if (/^An iframe which has both allow-scripts and allow-same-origin/.test(text)) return;
    if (['error', 'warning'].includes(message.type())) complaints.push(`${page.url()}: ${text}`);
  });
}
