import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { availablePort } from '../../tools/available-port.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { folderOf, type Snippet, snippetsIn } from '../support/guide.ts';
import {
  startService,
  startTestEnvironment,
  type TestEnvironment,
  type TestService,
} from '../support/service.ts';
import { adjusted } from '../support/timings.ts';
import { launchBrowser, openWindow } from './support/browser.ts';

const stepUp = { access_token: { acrs: { essential: true, value: 'c1' } } };

// What a page adds to the guide's code: two buttons, and what came of them.
const page = `
import { callerWith } from './call.js';
import { me, readConnection } from './connection.js';
import { disconnect, dryRun, newIntent } from './disconnect.js';
import { signIn } from './sign-in.js';
import { watch } from './watch.js';

const said = document.querySelector('output');
const say = (text) => (said.textContent += text + '; ');
const button = (name, onclick) => {
  const it = Object.assign(document.createElement('button'), { textContent: name, onclick });
  document.body.append(it);
  return it;
};
const call = callerWith((claims) => new Promise((resolve, reject) => {
  const it = button('Prove it', () => (it.remove(), signIn(claims).then(resolve, reject)));
}));
button('Sign in', () => signIn().then(() => say('signed in'), say));
button('Disconnect', async () => {
  try {
    say((await me(call)).permissions);
    const seen = await readConnection(call);
    say((await readConnection(call, seen)) === seen ? 'unchanged' : 'changed');
    const intent = newIntent({ etag: seen.etag, reason: 'moving', ticket: 'CHG-1' });
    say('would ' + (await dryRun(call, intent)).would);
    const { operationId } = await disconnect(call, intent);
    say((await watch(call, operationId, { onLook() {}, onTrouble: say })).status);
  } catch (error) {
    say(error);
  }
});
say('ready');
`;

describe('the portal guide’s code, with the real MSAL in a browser', () => {
  let testEnvironment: TestEnvironment;
  let service: TestService;
  let browser: Browser;
  let origin: string;
  const undo: (() => unknown)[] = [];

  before(async () => {
    testEnvironment = await startTestEnvironment();
    undo.push(() => testEnvironment.close());
    const port = await availablePort(0);
    origin = `http://localhost:${port}`;
    service = await startService(testEnvironment, {
      environment: { CORS_ALLOWED_ORIGINS: origin },
      adjust: adjusted(),
    });
    undo.push(() => service.close());
    const snippets = await snippetsIn('docs/portal-guide.md');
    const built = await build(snippets, await config());
    undo.push(built.close);
    const policy = policyIn(snippets)
      .replaceAll('https://chromeos.example.com', service.url)
      .replaceAll('https://login.microsoftonline.com', testEnvironment.simulator.browserUrl);
    const server = createServer(serve(join(built.folder, 'dist'), policy));
    await new Promise<void>((resolve) => server.listen(port, resolve));
    assert.equal((server.address() as AddressInfo).port, port);
    undo.push(() => server.closeAllConnections());
    undo.push(() => server.close());
    browser = await launchBrowser();
    undo.push(() => browser.close());
  });
  after(async () => {
    for (const each of undo.reverse()) await each();
  });

  async function config(): Promise<object> {
    const { url, browserUrl, registration, portalClientId } = testEnvironment.simulator;
    const authority = `${url}/${registration.tenantId}`;
    const metadata = `${browserUrl}/${registration.tenantId}/v2.0/.well-known/openid-configuration`;
    return {
      api: service.url,
      authority,
      clientId: portalClientId,
      scope: `${registration.audience}/access_as_user`,
      authorityMetadata: await (await fetch(metadata)).text(),
    };
  }

  test('signs in, is asked for more proof in the middle, and disconnects once', async () => {
    const { context, complaints } = await openWindow(browser);
    const portal = await context.newPage();
    await portal.goto(origin);
    await heard(portal, 'ready');
    await windowFrom(portal, 'Sign in', /Ada Admin/);
    await heard(portal, 'signed in');
    testEnvironment.simulator.setPerson('admin', { mfaRequired: JSON.stringify(stepUp) });
    await portal.getByRole('button', { name: 'Disconnect' }).click();
    await windowFrom(portal, 'Prove it', /^It is me/);
    await heard(portal, 'completed');
    assert.equal(
      await portal.locator('output').textContent(),
      'ready; signed in; read_connection,disconnect; unchanged; would disconnect; completed; ',
    );
    assert.equal(testEnvironment.simulator.acts().length, 1);
    assert.deepEqual(complaints, []);
    const stored = await portal.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    assert.equal(stored, '[{},{}]');
    await context.close();
  });
});

async function heard(portal: Page, word: string): Promise<void> {
  await portal.locator('output', { hasText: word }).waitFor();
}

async function windowFrom(portal: Page, button: string, choice: RegExp): Promise<void> {
  const opened = portal.waitForEvent('popup');
  await portal.getByRole('button', { name: button }).click();
  await (await opened).getByRole('button', { name: choice }).click();
}

/** The guide's files and a page, as a bundler leaves them. */
async function build(snippets: readonly Snippet[], config: object) {
  const { folder, close } = await folderOf(snippets.filter(({ language }) => language === 'js'));
  const files = {
    'config.js': `export const config = ${JSON.stringify(config)};`,
    'page.js': page,
    'index.html': '<!doctype html><output></output><script type="module" src="./page.js"></script>',
    'redirect.html': '<!doctype html><script type="module" src="./redirect.js"></script>',
    'vite.config.js':
      "export default { build: { target: 'esnext', modulePreload: { polyfill: false }, rollupOptions: { input: ['index.html', 'redirect.html'] } } };",
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const portal = createRequire(new URL('../../examples/portal/package.json', import.meta.url));
  const vite = join(dirname(portal.resolve('vite/package.json')), 'bin', 'vite.js');
  await promisify(execFile)(process.execPath, [vite, 'build'], { cwd: folder, env: childEnvironment() });
  return { folder, close };
}

function policyIn(snippets: readonly Snippet[]): string {
  const text = snippets.find(({ name }) => name === 'policy')?.text ?? '';
  return text.replace('Content-Security-Policy: ', '').trim();
}

function serve(folder: string, policy: string): RequestListener {
  const types: Record<string, string> = { html: 'text/html', js: 'text/javascript' };
  return async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const name = path === '/' ? '/index.html' : path;
    const framed = name === '/redirect.html';
    const content = framed ? policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'") : policy;
    response.setHeader('content-security-policy', content);
    response.setHeader('content-type', types[name.split('.').at(-1) ?? ''] ?? 'text/plain');
    try {
      response.end(await readFile(join(folder, name)));
    } catch {
      response.writeHead(404).end();
    }
  };
}
