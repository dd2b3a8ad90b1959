import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Page, Route } from 'playwright-core';
import { until } from '../support/processes.ts';
import { bearer, connectionPath, disconnectPath } from '../support/service.ts';
import {
  finish,
  onStage,
  openSignIn,
  proveItIsMe,
  type Stage,
  signIn,
  tenants,
  textOf,
} from './support/stage.ts';

const banner = (page: Page) => page.getByRole('complementary', { name: 'An open disconnect' });
const main = (page: Page) => page.getByRole('main');

describe('an admin who leaves, reloads and goes back', () => {
  const scene = onStage();

  scene('while it is being sent, and after its answer', async ({ enter, testEnvironment }) => {
    testEnvironment.simulator.setSequence(tenants.lenient, ['onboarded', 'inprogress'], { everyMs: 600_000 });
    const page = await enter('Ada Admin');
    const held = await holdDisconnect(page);
    await disconnect(page);
    await page.getByText('Sending. Don’t close this page.').waitFor();
    for (const section of ['Operations', 'You', 'Connection']) {
      await page.getByRole('link', { name: section, exact: true }).click();
      await banner(page).getByText('A disconnect is being sent.').waitFor();
    }
    await notCalm(page);
    await page.goBack();
    await page.goBack();
    await banner(page).getByText('A disconnect is being sent.').waitFor();
    held.release();
    await banner(page).getByText('Your disconnect has an answer.').waitFor();
    await banner(page).getByRole('link', { name: 'Follow it' }).click();
    await page.getByText('Intune has taken it on.').waitFor();
    await banner(page).waitFor({ state: 'detached' });
    assert.equal(testEnvironment.simulator.acts().length, 1);

    await everywhere(page, 'Ada Admin', 'A disconnect is under way.');
    await notCalm(page);
  });

  scene('reloading while it is being sent', async ({ enter, testEnvironment }) => {
    const page = await enter('Ada Admin');
    page.on('dialog', (dialog) => void dialog.accept());
    const held = await holdDisconnect(page);
    await disconnect(page);
    await page.getByText('Sending. Don’t close this page.').waitFor();
    await page.reload();
    held.release();
    await page.getByText('A disconnect was sent from this page before it was loaded again').waitFor();
    await signIn(page, 'Ada Admin');
    await page.getByRole('heading', { name: 'We don’t know yet' }).waitFor();
    await page.getByRole('link', { name: 'You', exact: true }).click();
    await banner(page).getByText('It may have been carried out.').waitFor();
    await banner(page).getByRole('link', { name: 'Follow it' }).click();
    await page.getByRole('button', { name: 'Send again' }).click();
    await main(page).getByText('Disconnected', { exact: true }).first().waitFor();
    assert.ok(testEnvironment.simulator.acts().length === 1);
  });

  scene(
    'with an end that nobody knows, which is not called under way',
    async ({ enter, testEnvironment }) => {
      testEnvironment.simulator.setFault('disconnect', { reset: true });
      const page = await enter('Ada Admin');
      await disconnect(page);
      await page.getByText('Nobody can tell yet').waitFor();
      await everywhere(page, 'Ada Admin', 'It is not known whether a disconnect was carried out.');
      assert.doesNotMatch(await textOf(page.locator('body')), /under way/);
      await notCalm(page);
      testEnvironment.simulator.setConnection(tenants.lenient, null);
      await banner(page).getByRole('link', { name: 'Follow it' }).click();
      await page.getByText('It has come to its end.').waitFor();
      await page.getByRole('link', { name: 'Connection', exact: true }).click();
      await page.getByText('Your tenant has no connection').waitFor();
      await banner(page).waitFor({ state: 'detached' });
    },
  );

  scene('which waits for a second person, and then for the first', async (stage) => {
    const { enter } = stage;
    const operationId = await wishInStore(stage);
    const ada = await enter('Ada Admin', { tenant: 'strict' });
    await everywhere(ada, 'Ada Admin', 'A disconnect waits for an approval.');
    const sven = await enter('Sven Second', { tenant: 'strict' });
    await banner(sven).getByRole('link', { name: 'Decide' }).click();
    for (const told of [
      'all ChromeOS devices and the connector’s settings leave Intune, and it cannot be undone',
      'ada.admin@fabrikam.example',
      'The school moves',
      'CHG-1042',
      'Connection unchanged since',
    ]) {
      await main(sven).locator('.card', { hasText: 'Your decision' }).getByText(told).first().waitFor();
    }
    await sven.getByLabel('Your reason').fill('Seen with the school');
    await sven.getByRole('button', { name: 'Approve' }).click();
    await main(sven).getByText('Approved', { exact: true }).first().waitFor();
    await everywhere(ada, 'Ada Admin', 'A disconnect is approved and waits to be carried out.');
    await banner(ada).getByRole('link', { name: 'Carry out' }).click();
    assert.ok(ada.url().endsWith(operationId));
  });
});

describe('no screen says two things', () => {
  const scene = onStage();

  scene('what may have been carried out is not said to have done nothing', async ({ enter }) => {
    const page = await enter('Ada Admin');
    let calls = 0;
    await page.route(`**${disconnectPath}`, async (route) => {
      if (route.request().method() !== 'POST') return route.fallback();
      calls += 1;
      if (calls === 1) {
        await route.fetch();
        return route.abort('connectionreset');
      }
      return calls === 2 ? refuse(route) : route.fallback();
    });
    await disconnect(page);
    await page.getByRole('heading', { name: 'We don’t know yet' }).waitFor();
    await page.getByRole('button', { name: 'Send again' }).click();
    await page.getByText('There were too many calls within a minute.').waitFor();
    await page.getByText('An earlier one may have been carried out.').waitFor();
    assert.doesNotMatch(await textOf(page.locator('body')), /[Nn]othing (was|is) (done|sent)/);
    await page.getByRole('button', { name: 'Send again' }).click();
    await main(page).getByText('Disconnected', { exact: true }).first().waitFor();
  });

  scene('what was sent without an answer is not said to wait to be sent', async (stage) => {
    const operationId = await wishInStore(stage);
    await approveInStore(stage, operationId);
    const page = await stage.enter('Ada Admin', { tenant: 'strict' });
    await banner(page).getByRole('link', { name: 'Carry out' }).click();
    await page.getByLabel('Type the domain of your tenant').waitFor();
    // Nothing comes back from now on, not what became of it either.
    await page.route(`**/operations/${operationId}**`, async (route) => {
      if (route.request().method() === 'POST') await route.fetch();
      await route.abort('connectionreset');
    });
    await page.getByLabel('Type the domain of your tenant').fill('fabrikam.example');
    await page.getByRole('button', { name: 'Disconnect now' }).click();
    // The sign-in of the portal has not proven enough for the act.
    await page.getByText('It may have been carried out, and it runs once at most.').waitFor();
    assert.doesNotMatch(await textOf(main(page)), /Nothing was sent|may now carry it out/);
    assert.equal(await page.getByRole('button', { name: 'Withdraw' }).count(), 0);
    await page.unroute(`**/operations/${operationId}**`);
  });

  scene('somebody was quicker: the approver hears it, with where it is now', async (stage) => {
    const operationId = await wishInStore(stage);
    const sven = await stage.enter('Sven Second', { tenant: 'strict' });
    // What Sven sees stays what it was.
    await banner(sven).getByRole('link', { name: 'Decide' }).click();
    await sven.getByLabel('Your reason').fill('Seen with the school');
    let holding = true;
    await sven.route(`**/operations/${operationId}`, async (route) => {
      if (holding && route.request().method() === 'GET') return;
      await route.fallback();
    });
    await sven.getByText('Watching it.').waitFor();
    await withdrawInStore(stage, operationId);
    holding = false;
    await sven.getByRole('button', { name: 'Approve' }).click();
    await sven
      .getByText(/The operation has changed since you looked at it|took it back/)
      .first()
      .waitFor();
    await main(sven).getByText('Withdrawn', { exact: true }).first().waitFor();
    assert.equal(stage.testEnvironment.simulator.acts(tenants.strict).length, 0);
  });
});

describe('who and where', () => {
  const scene = onStage();

  scene('the header names the tenant, each its own', async ({ enter }) => {
    for (const [tenant, domain] of [
      ['lenient', 'contoso.example'],
      ['strict', 'fabrikam.example'],
    ] as const) {
      const page = await enter('Rita Reader', { tenant });
      const header = page.getByRole('banner');
      await header.getByText(domain, { exact: true }).waitFor();
      assert.equal(await header.getByTitle(tenants[tenant]).count(), 1);
    }
  });

  scene('another person’s connection is confirmed by its owner', async ({ enter, testEnvironment }) => {
    testEnvironment.simulator.setConnection(tenants.lenient, {
      ownerUserPrincipalName: 'eve@contoso.example',
    });
    const page = await enter('Ada Admin');
    await page.getByRole('link', { name: 'Disconnect …' }).click();
    await page.getByLabel('Type the owner of the connection').fill('contoso.example');
    await page.getByRole('button', { name: 'Disconnect now' }).click();
    await page.getByText('That is not what is written above.').waitFor();
    assert.equal(testEnvironment.simulator.acts().length, 0);
    await page.getByLabel('Type the owner of the connection').fill('eve@contoso.example');
    await page.getByRole('button', { name: 'Disconnect now' }).click();
    await page.getByRole('heading', { level: 1, name: 'Operation', exact: true }).waitFor();
  });

  scene('a sign-in that was revoked is renewed where it is noticed', async ({ enter, testEnvironment }) => {
    const page = await enter('Ada Admin');
    await page.getByRole('link', { name: 'Disconnect …' }).click();
    await page.getByLabel('Reason').fill('We move');
    await page.getByText('Everything has been looked at').waitFor();
    testEnvironment.simulator.setPerson('admin', { revoked: true });
    await page.getByRole('button', { name: 'Look again' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Your sign-in has ended.').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('You cancelled the sign-in.').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0, 'cancelling is no error');
    await page.getByRole('button', { name: 'Sign in again' }).click();
    const window = await openSignIn(page, 'Go to the sign-in window');
    await window.getByRole('heading', { name: 'Pick who you are' }).waitFor();
    await finish(window, 'Ada Admin');
    await page.getByText('Everything has been looked at').waitFor();
    assert.equal(await page.getByLabel('Reason').inputValue(), 'We move');
  });

  scene('cancelling in the proof’s own window cancels it', async ({ enter }) => {
    const page = await enter('Ada Admin', { tenant: 'strict' });
    await page.getByRole('link', { name: 'Ask for a disconnect …' }).click();
    await page.getByRole('dialog', { name: 'Prove it is you' }).waitFor();
    const window = await openSignIn(page, 'Go to the sign-in window');
    await window.getByRole('heading', { name: 'Prove it is you' }).waitFor();
    await finish(window, 'Cancel');
    await page.getByText('You cancelled. You can sign in whenever you want to.').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
    await proveItIsMe(page);
    await page.getByText('It would be refused').waitFor();
  });
});

describe('the audit trail on a phone', () => {
  const scene = onStage();

  scene('reads are hidden until they are wanted, and people are found by name', async (stage) => {
    const operationId = await wishInStore(stage);
    await approveInStore(stage, operationId);
    await withdrawInStore(stage, operationId);
    const page = await stage.enter('Олена Аудиторка', { tenant: 'strict', width: 360 });
    await page.getByText(/shown, newest first/).waitFor();
    const list = page.getByRole('row');
    // What is looked for comes before what is about all of it.
    assert.equal(await page.getByRole('button', { name: 'Check the chain' }).isVisible(), false);
    assert.equal(await list.filter({ hasText: 'Read: ' }).count(), 0);
    await list.filter({ hasText: 'Move: withdraw' }).first().waitFor();
    await list.filter({ hasText: 'sven.second@fabrikam.example' }).first().waitFor();
    assert.match(await textOf(list.nth(1)), /\d{2}:\d{2}:\d{2} (CET|CEST|GMT[+-]\d)/);
    await page.getByLabel('Hide what was only read').uncheck();
    await list.filter({ hasText: 'Read: ' }).first().waitFor();
    await page.getByLabel('Hide what was only read').check();

    await page.getByRole('heading', { name: 'Filters' }).click();
    await page.getByText(/Times are in your time zone \(Europe\/Berlin/).waitFor();
    await page.getByLabel('Person').fill('nobody by that name');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('Nobody with that name is on the trail.').waitFor();
    await page.getByLabel('Person').fill('ADA.');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText(/shown, newest first/).waitFor();
    await list.filter({ hasText: 'ada.admin@fabrikam.example' }).first().waitFor();
    await until('only her events are listed', async () => {
      const texts = await page.locator('.list-head tbody tr').allTextContents();
      return texts.length > 0 && texts.every((text) => text.includes('ada.admin'));
    });
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true);
  });
});

/** Goes to each page, and to the start after a reload: everywhere it is told, with a way to it. */
async function everywhere(page: Page, person: string, sentence: string): Promise<void> {
  for (const section of ['Operations', 'You', 'Connection']) {
    await page
      .getByRole('link', { name: new RegExp(`^${section}`) })
      .first()
      .click();
    await banner(page).getByText(sentence).waitFor();
    await banner(page).getByRole('link').waitFor();
  }
  await page.reload();
  await signIn(page, person);
  await banner(page).getByText(sentence).waitFor();
}

/** The connection is shown, and not in the colour of what is well. */
async function notCalm(page: Page): Promise<void> {
  await main(page).getByText('Read from Intune').waitFor();
  await main(page).getByText('a disconnect is open').waitFor();
  assert.equal(await main(page).locator('.state .tone-good').count(), 0);
}

async function disconnect(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Disconnect …' }).click();
  await page.getByLabel('Reason').fill('We move');
  await page.getByLabel('Type the domain of your tenant').fill('contoso.example');
  await page.getByRole('button', { name: 'Disconnect now' }).click();
}

/** Holds the disconnect in the browser until it is let go. */
async function holdDisconnect(page: Page): Promise<{ release: () => void }> {
  const letGo = Promise.withResolvers<void>();
  await page.route(`**${disconnectPath}`, async (route) => {
    if (route.request().method() === 'POST') await letGo.promise;
    await route.fallback().catch(() => {});
  });
  return { release: letGo.resolve };
}

/** As the service refuses too many calls. */
async function refuse(route: Route): Promise<void> {
  const problem = {
    code: 'rate_limited',
    title: 'Too many calls',
    hint: 'Wait.',
    requestId: crypto.randomUUID(),
  };
  await route.fulfill({
    status: 429,
    contentType: 'application/problem+json',
    headers: { 'access-control-allow-origin': '*' },
    body: JSON.stringify(problem),
  });
}

const strict = async ({ testEnvironment }: Stage, person: 'admin' | 'second-admin') =>
  bearer(
    await testEnvironment.simulator.token(person, { tenantId: tenants.strict, claims: { acrs: ['c1'] } }),
  );

/** Ada's wish in the strict tenant, by the API. */
async function wishInStore(stage: Stage): Promise<string> {
  const authorization = await strict(stage, 'admin');
  const { api } = stage.service;
  const seen = await api.get(connectionPath).set({ authorization }).expect(200);
  const { body } = await api
    .post(disconnectPath)
    .set({ authorization, 'if-match': String(seen.headers.etag), 'idempotency-key': crypto.randomUUID() })
    .send({ reason: 'The school moves', ticket: 'CHG-1042' })
    .expect(202);
  return body.operationId;
}

async function approveInStore(stage: Stage, operationId: string): Promise<void> {
  const authorization = await strict(stage, 'second-admin');
  const path = `/api/v1/operations/${operationId}`;
  const { headers } = await stage.service.api.get(path).set({ authorization }).expect(200);
  await stage.service.api
    .post(`${path}/approve`)
    .set({ authorization, 'if-match': String(headers.etag) })
    .send({ reason: 'Seen with the school' })
    .expect(200);
}

async function withdrawInStore(stage: Stage, operationId: string): Promise<void> {
  const authorization = await strict(stage, 'admin');
  await stage.service.api
    .post(`/api/v1/operations/${operationId}/withdraw`)
    .set({ authorization })
    .send({ reason: 'The wrong ticket' })
    .expect(200);
}
