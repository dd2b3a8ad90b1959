import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { childEnvironment } from '../../tools/child-environment.ts';
import { disconnectPath } from '../support/service.ts';
import { onStage, proveItIsMe, type Stage, signIn, tenants, textOf } from './support/stage.ts';

const switchProgram = fileURLToPath(new URL('../../src/cli/disconnect-switch.ts', import.meta.url));
// Ada is the owner of both connections, so it is the tenant's domain that she types.
const domain = { lenient: 'contoso.example', strict: 'fabrikam.example' };

describe('a disconnect in the portal', () => {
  const scene = onStage();

  scene(
    'one person: what would happen, why, the confirmation, and the way to its true end',
    async (stage) => {
      const { testEnvironment, enter } = stage;
      testEnvironment.simulator.setSequence(tenants.lenient, ['inprogress', 'offboarding', 'gone'], {
        everyMs: 1500,
      });
      const page = await enter('Ada Admin');
      await page.getByRole('link', { name: 'Disconnect …' }).click();
      await page.getByText('The connection would be ended.').waitFor();
      assert.match(await textOf(page.getByRole('main')), /There is a connection/);
      assert.equal(testEnvironment.simulator.acts().length, 0);

      // What is confirmed must have been read.
      await page.getByLabel('Reason').fill('The school moves to another Google domain');
      await page.getByLabel('Ticket').fill('CHG-1042');
      await page.getByLabel('Type the domain of your tenant').fill('ada.admin@contoso.example');
      await page.getByRole('button', { name: 'Disconnect now' }).click();
      await page.getByText('That is not what is written above.').waitFor();
      assert.equal(testEnvironment.simulator.acts().length, 0);

      await page.getByLabel('Type the domain of your tenant').fill(domain.lenient);
      await page.getByRole('button', { name: 'Disconnect now' }).click();
      await standing(page, 'Under way');
      assert.match(
        await textOf(timeline(page)),
        /Asked for[\s\S]*Sent to Microsoft Graph[\s\S]*Taken on by Intune, it stands here/,
      );
      await standing(page, 'Disconnected');
      assert.match(await textOf(timeline(page)), /The connection is gone/);
      assert.equal(testEnvironment.simulator.acts().length, 1);
      const [operation] = await testEnvironment.query<{ reason: string; ticket: string; status: string }>(
        "select reason, ticket, status from operations where status = 'completed' order by requested_at desc limit 1",
      );
      assert.equal(operation?.reason, 'The school moves to another Google domain');
      assert.equal(operation?.ticket, 'CHG-1042');
      await page.getByRole('link', { name: 'Connection', exact: true }).click();
      await page.getByText('Your tenant has no connection').waitFor();
    },
  );

  scene('two people, and a step-up that loses nothing of what was typed', async (stage) => {
    const { testEnvironment, enter } = stage;
    const { simulator } = testEnvironment;
    simulator.setSequence(tenants.strict, ['inprogress', 'offboarding', 'gone'], { everyMs: 1500 });
    const ada = await enter('Ada Admin', { tenant: 'strict' });
    await ada.getByRole('link', { name: 'Ask for a disconnect …' }).click();
    // The policy's demand for more proof comes before anything else is looked at.
    await proveItIsMe(ada);
    await ada.getByLabel('Reason').fill('We move');
    await ada.getByLabel('Type the domain of your tenant').fill(domain.strict);
    // Told before the try; and the button never said that it would disconnect.
    await ada.getByText('In your tenant a ticket must match CHG-\\d{4,}').waitFor();
    assert.equal(await ada.getByRole('button', { name: 'Disconnect now' }).count(), 0);
    await ada.getByRole('button', { name: 'Ask for approval' }).click();
    await ada.locator('.field-error', { hasText: 'a ticket must match CHG-' }).waitFor();
    await ada.getByLabel('Ticket').fill('CHG-1042');

    // Revoked meanwhile: the next call wants a new proof, and goes on from there with what was typed.
    const challenge = { access_token: { acrs: { essential: true, value: 'c2' } } };
    simulator.setPerson('admin', { mfaRequired: JSON.stringify(challenge) });
    await ada.getByRole('button', { name: 'Look again' }).click();
    await proveItIsMe(ada);
    simulator.setPerson('admin', null);
    await ada.getByText('a second person would be asked to approve').waitFor();
    assert.equal(await ada.getByLabel('Reason').inputValue(), 'We move');
    assert.equal(await ada.getByLabel('Type the domain of your tenant').inputValue(), domain.strict);
    await ada.getByRole('button', { name: 'Ask for approval' }).click();
    await standing(ada, 'Needs approval');
    await ada.getByText('You asked for it, so another person has to decide.').waitFor();

    const sven = await enter('Sven Second', { tenant: 'strict' });
    await sven.getByRole('link', { name: /Operations/ }).click();
    await sven.getByRole('link', { name: 'Decide' }).click();
    await sven.getByRole('button', { name: 'Approve' }).click();
    await sven.getByText('Give a reason.').waitFor();
    await sven.getByLabel('Your reason').fill('Seen with the school');
    await sven.getByRole('button', { name: 'Approve' }).click();
    await standing(sven, 'Approved');
    assert.equal(simulator.acts(tenants.strict).length, 0);

    // Ada's page has waited for it.
    await standing(ada, 'Approved');
    await ada.getByLabel('Type the domain of your tenant').fill(domain.strict);
    await ada.getByRole('button', { name: 'Disconnect now' }).click();
    await standing(ada, 'Disconnected');
    await standing(sven, 'Disconnected');
    assert.deepEqual(
      simulator.acts(tenants.strict).map(({ oid }) => oid),
      ['5a1e0000-0b1d-4000-8000-000000000021'],
    );
    assert.match(
      await textOf(timeline(ada)),
      /Asked for[\s\S]*Approved[\s\S]*Sent to[\s\S]*The connection is gone/,
    );
  });

  scene('a second person who says no', async (stage) => {
    const ada = await askForApproval(stage);
    const sven = await stage.enter('Sven Second', { tenant: 'strict' });
    await sven.getByRole('link', { name: 'Decide' }).click();
    await sven.getByLabel('Your reason').fill('Not before the holidays');
    await sven.getByRole('button', { name: 'Reject' }).click();
    await standing(ada, 'Rejected');
    await ada.getByText('Not before the holidays').waitFor();
    assert.equal(stage.testEnvironment.simulator.acts(tenants.strict).length, 0);
  });

  scene('a request that is taken back, with a reason', async (stage) => {
    const ada = await askForApproval(stage);
    await ada.getByLabel('Your reason').fill('The wrong ticket');
    await ada.getByRole('button', { name: 'Withdraw' }).click();
    await standing(ada, 'Withdrawn');
    await ada.getByText('The wrong ticket').waitFor();
    assert.equal(stage.testEnvironment.simulator.acts(tenants.strict).length, 0);
  });

  scene('an outcome that nobody knows is called that, and settled when Intune shows it', async (stage) => {
    const { simulator } = stage.testEnvironment;
    simulator.setFault('disconnect', { reset: true });
    const page = await stage.enter('Ada Admin');
    await disconnect(page);
    await standing(page, 'Not known');
    await page.getByText('Nobody can tell yet whether it was carried out.').waitFor();
    await page.getByRole('link', { name: 'Begin a new one that takes over' }).waitFor();
    simulator.clearFaults();
    simulator.setConnection(tenants.lenient, null);
    await standing(page, 'Disconnected');
  });

  scene(
    'more proof wanted at the very act: it goes on with the same key, and is done once',
    async (stage) => {
      const { simulator } = stage.testEnvironment;
      const page = await stage.enter('Ada Admin');
      const keys = await keysSent(page);
      await page.getByRole('link', { name: 'Disconnect …' }).click();
      await fillIn(page);
      await page.getByRole('button', { name: 'Look again' }).click();
      await page.getByText('Everything has been looked at').waitFor();
      const challenge = { access_token: { acrs: { essential: true, value: 'c1' } } };
      simulator.setPerson('admin', { mfaRequired: JSON.stringify(challenge) });
      await page.getByRole('button', { name: 'Disconnect now' }).click();
      await page.getByRole('dialog').waitFor();
      assert.equal(simulator.acts().length, 0);
      await proveItIsMe(page);
      await standing(page, 'Disconnected');
      assert.equal(simulator.acts().length, 1);
      assert.equal(keys.length, 2);
      assert.equal(keys[0], keys[1]);
    },
  );

  scene('an answer that never came: the same wish is sent again, and done once', async (stage) => {
    const { simulator } = stage.testEnvironment;
    const page = await stage.enter('Ada Admin');
    const keys = await keysSent(page, { losesFirstAnswer: true });
    await disconnect(page);
    await page.getByRole('heading', { name: 'We don’t know yet' }).waitFor();
    assert.equal(simulator.acts().length, 1);
    await page.getByRole('button', { name: 'Send again' }).click();
    await standing(page, 'Disconnected');
    assert.equal(simulator.acts().length, 1);
    assert.equal(keys.length, 2);
    assert.match(keys[0] ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(keys[0], keys[1]);
  });

  scene('the page is loaded again before an answer came: the wish is not forgotten', async (stage) => {
    const { simulator } = stage.testEnvironment;
    const page = await stage.enter('Ada Admin');
    const keys = await keysSent(page, { losesFirstAnswer: true });
    await disconnect(page);
    await page.getByRole('heading', { name: 'We don’t know yet' }).waitFor();
    await page.reload();
    await signIn(page, 'Ada Admin');
    await page.getByRole('heading', { name: 'We don’t know yet' }).waitFor();
    await page.getByRole('button', { name: 'Send again' }).click();
    await standing(page, 'Disconnected');
    assert.equal(simulator.acts().length, 1);
    assert.equal(keys[0], keys[1]);
  });

  scene('switched off: the reason is told, and nothing is sent', async (stage) => {
    const page = await stage.enter('Ada Admin');
    await page.getByRole('link', { name: 'Disconnect …' }).click();
    await fillIn(page);
    await page.getByRole('button', { name: 'Look again' }).click();
    await page.getByText('Everything has been looked at').waitFor();
    await flip(stage, 'off', 'Freeze until Monday');
    try {
      await page.getByRole('button', { name: 'Disconnect now' }).click();
      await page.getByText('Freeze until Monday').waitFor();
      assert.match(await textOf(page.getByRole('main')), /The operators have switched disconnecting off/);
      // Who comes after that is told before they ask.
      const other = await stage.enter('Sven Second');
      await other.getByRole('link', { name: 'Disconnect …' }).click();
      await other.getByText('It would be refused, and nothing would be done.').waitFor();
      assert.equal(await other.getByRole('button', { name: 'Disconnect now' }).count(), 0);
      assert.equal(stage.testEnvironment.simulator.acts().length, 0);
    } finally {
      await flip(stage, 'on', 'Monday');
    }
  });

  scene('somebody else was quicker: the connection is not the one that was looked at', async (stage) => {
    const page = await stage.enter('Ada Admin');
    await page.getByRole('link', { name: 'Disconnect …' }).click();
    await fillIn(page);
    await page.getByText('The connection would be ended.').waitFor();
    stage.testEnvironment.simulator.setConnection(tenants.lenient, {
      lastModifiedDateTime: new Date().toISOString(),
    });
    await page.getByRole('button', { name: 'Disconnect now' }).click();
    await page.getByText('The connection has changed since you looked at it.').waitFor();
    assert.equal(stage.testEnvironment.simulator.acts().length, 0);
  });
});

const timeline = (page: Page) => page.locator('ol').filter({ hasText: 'Asked for' });

/** Waits until the operation's page says that word. */
async function standing(page: Page, word: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name: 'Operation', exact: true }).waitFor();
  await page.getByRole('main').getByText(word, { exact: true }).first().waitFor();
}

async function fillIn(page: Page): Promise<void> {
  await page.getByLabel('Reason').fill('We move');
  await page.getByLabel('Type the domain of your tenant').fill(domain.lenient);
}

async function disconnect(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Disconnect …' }).click();
  await fillIn(page);
  await page.getByRole('button', { name: 'Disconnect now' }).click();
}

async function askForApproval({ enter }: Stage): Promise<Page> {
  const page = await enter('Ada Admin', { tenant: 'strict' });
  await page.getByRole('link', { name: 'Ask for a disconnect …' }).click();
  await proveItIsMe(page);
  await page.getByLabel('Reason').fill('We move');
  await page.getByLabel('Ticket').fill('CHG-1042');
  await page.getByLabel('Type the domain of your tenant').fill(domain.strict);
  await page.getByRole('button', { name: 'Ask for approval' }).click();
  await standing(page, 'Needs approval');
  return page;
}

/** The idempotency keys of the disconnects that the page sends. The first may arrive, and its answer not: a
 *  laptop that changed networks. */
async function keysSent(page: Page, { losesFirstAnswer = false } = {}): Promise<string[]> {
  const keys: string[] = [];
  await page.route(`**${disconnectPath}`, async (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    keys.push(route.request().headers()['idempotency-key'] ?? '');
    if (!losesFirstAnswer || keys.length > 1) return route.fallback();
    await route.fetch();
    await route.abort('connectionreset');
  });
  return keys;
}

/** Turns disconnecting off or on, as an operator does. */
async function flip({ testEnvironment }: Stage, to: 'on' | 'off', reason: string): Promise<void> {
  const env = childEnvironment({ DATABASE_URL: testEnvironment.database.url });
  await promisify(execFile)(
    process.execPath,
    [switchProgram, to, '--by', 'an operator', '--reason', reason],
    { env },
  );
}
