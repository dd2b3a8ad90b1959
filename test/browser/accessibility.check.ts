import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Page } from 'playwright-core';
import { bearer, connectionPath, disconnectPath } from '../support/service.ts';
import { violations } from './support/axe.ts';
import { finish, onStage, openSignIn, type Stage, tenants } from './support/stage.ts';

// Everything is looked at in each of these.
const looks = [
  { scheme: 'light', width: 1280 },
  { scheme: 'dark', width: 1280 },
  { scheme: 'dark', width: 360 },
  { scheme: 'light', width: 360 },
] as const;

describe('axe finds nothing, light or dark, wide or narrow', () => {
  const scene = onStage();

  scene('signing in', async ({ arrive }) => {
    const page = await arrive({ tenant: 'strict' });
    await passes(page, 'Disconnect Intune from ChromeOS management');
    const window = await openSignIn(page, 'Sign in');
    await passes(window, 'Pick who you are');
    await finish(window, 'Ada Admin');
    await page.getByRole('link', { name: 'Ask for a disconnect …' }).click();
    await page.getByRole('dialog').waitFor();
    await passes(page, 'Ask for a disconnect');
    const second = await openSignIn(page, 'Go to the sign-in window');
    await passes(second, 'Prove it is you');
    await second.goto('about:blank');
    await second.close();
  });

  scene('the connection in every state', async (stage) => {
    const page = await stage.enter('Ada Admin');
    const states = {
      onboarded: 'Connected',
      inprogress: 'In progress',
      offboarding: 'Disconnecting',
      failed: 'Failed',
      unknown: 'Not known',
      suspended: '“suspended”', // a word that nobody has heard yet
    };
    for (const [state, word] of Object.entries(states)) {
      stage.testEnvironment.simulator.setConnection(tenants.lenient, { onboardingStatus: state });
      await page.getByRole('button', { name: 'Refresh' }).click();
      await page.getByRole('main').getByText(word, { exact: true }).waitFor();
      await passes(page, 'Connection');
    }
    stage.testEnvironment.simulator.setConnection(tenants.lenient, null);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('Your tenant has no connection').waitFor();
    await passes(page, 'Connection');
  });

  scene('from the dry run to the end of an operation', async (stage) => {
    stage.testEnvironment.simulator.setFault('disconnect', { reset: true });
    const page = await stage.enter('Ada Admin');
    await page.getByRole('link', { name: 'Disconnect …' }).click();
    await page.getByText('Everything has been looked at').waitFor();
    await passes(page, 'Disconnect');
    await page.getByRole('button', { name: 'Disconnect now' }).click();
    await page.getByText('That is not what is written above.').waitFor();
    await passes(page, 'Disconnect');
    await page.getByLabel('Type the domain of your tenant').fill('contoso.example');
    await page.getByRole('button', { name: 'Disconnect now' }).click();
    await page.getByText('Nobody can tell yet').waitFor();
    await passes(page, 'Operation');
    stage.testEnvironment.simulator.setConnection(tenants.lenient, null);
    await page.getByText('It has come to its end.').waitFor();
    await passes(page, 'Operation');
    await page.getByRole('link', { name: 'Operations', exact: true }).click();
    await page
      .getByRole('link', { name: /^Open the operation/ })
      .first()
      .waitFor();
    await passes(page, 'Operations');
  });

  scene('two people', async (stage) => {
    await requestInStore(stage);
    const page = await stage.enter('Sven Second', { tenant: 'strict' });
    await page.getByText('A disconnect waits for an approval.').waitFor();
    await passes(page, 'Connection');
    await page.getByRole('link', { name: /^Operations/ }).click();
    await page.getByRole('link', { name: 'Decide' }).waitFor();
    await passes(page, 'Operations');
    await page.getByRole('link', { name: 'Decide' }).click();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Give a reason.').waitFor();
    await passes(page, 'Operation');
  });

  scene('the audit trail', async (stage) => {
    const admin = await stage.enter('Rita Reader');
    await admin.getByText('Connected', { exact: true }).waitFor();
    const page = await stage.enter('Олена Аудиторка');
    await page.getByText(/events? shown, newest first/).waitFor();
    await passes(page, 'Audit trail');
    await page.getByText('The same as a table').click();
    await page.getByRole('heading', { name: 'Filters' }).click();
    await page.getByRole('button', { name: 'Check the chain' }).click();
    await page.getByText(/every hash and every link is right/).waitFor();
    await page
      .getByRole('button', { name: /^Details of/ })
      .first()
      .click();
    await page.getByText('Hash of the event').waitFor();
    await passes(page, 'Audit trail');
    await page.getByLabel('Operation id').fill('none');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('That is not an id.').waitFor();
    await passes(page, 'Audit trail');
  });

  scene('who I am, an error, and a page that is not there', async (stage) => {
    const page = await stage.enter('Nora Noroles');
    await passes(page, 'You');
    await page.goto(`${stage.portals.lenient}/#/operations`);
    await page.getByText('You do not have the role that this needs.').waitFor();
    await passes(page, 'Operations');
    await page.goto(`${stage.portals.lenient}/#/elsewhere`);
    await passes(page, 'There is no such page');
  });
});

/** The view is there; in no look does axe find anything in it, or anything stand out of the window. */
async function passes(page: Page, heading: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
  for (const { scheme, width } of looks) {
    const look = `${heading}, ${scheme}, ${width} px`;
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    assert.deepEqual(await violations(page), [], look);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, look);
  }
}

/** Ada's wish in the strict tenant, by the API. */
async function requestInStore({ testEnvironment, service }: Stage): Promise<void> {
  const tenantId = tenants.strict;
  const token = await testEnvironment.simulator.token('admin', { tenantId, claims: { acrs: ['c1'] } });
  const authorization = bearer(token);
  const seen = await service.api.get(connectionPath).set({ authorization }).expect(200);
  await service.api
    .post(disconnectPath)
    .set({ authorization })
    .set('if-match', String(seen.headers.etag))
    .set('idempotency-key', crypto.randomUUID())
    .send({ reason: 'The school moves to another Google domain', ticket: 'CHG-1042' })
    .expect(202);
}
