import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Page } from 'playwright-core';
import { onStage, type Stage, tenants, textOf } from './support/stage.ts';

const domain = 'contoso.example';

describe('a disconnect that Intune demands an approval for', () => {
  const scene = onStage();

  scene('filed, approved in Intune, and executed by who asked for it', async (stage) => {
    const { simulator } = stage.testEnvironment;
    const { page, code } = await filedIn(stage);
    const shown = await textOf(page.getByRole('main'));
    assert.match(shown, /Intune tells nobody, so tell someone who may approve it/);
    assert.match(shown, /Only Intune can take this request back/);
    assert.match(shown, /It can be approved and carried out until/);
    assert.match(
      await textOf(timeline(page)),
      /Sent to Microsoft Graph[\s\S]*Request for approval filed in Intune, it stands here[\s\S]*Approved in Intune, still to come/,
    );
    const sven = await stage.enter('Sven Second');
    await sven.getByText('A disconnect waits for an approval in Intune.').waitFor();

    simulator.decideApproval(code, 'approve');
    await standing(page, 'Approved in Intune');
    await page.getByLabel('Type the domain of your tenant').fill(domain);
    assert.equal(simulator.acts().length, 0);
    await page.getByRole('button', { name: 'Disconnect now' }).click();
    await standing(page, 'Under way');
    assert.equal(simulator.acts().length, 1);
    await standing(page, 'Disconnected');
    assert.match(
      await textOf(timeline(page)),
      /filed in Intune[\s\S]*Approved in Intune[\s\S]*Sent to Microsoft Graph[\s\S]*The connection is gone/,
    );
  });

  scene('filed, approved, and not carried out: told as filed still, and executed again', async (stage) => {
    const { simulator } = stage.testEnvironment;
    const { page, code } = await filedIn(stage);
    simulator.decideApproval(code, 'approve');
    await standing(page, 'Approved in Intune');
    simulator.setFault('disconnect', { status: 403, times: 1 });
    await page.getByLabel('Type the domain of your tenant').fill(domain);
    await page.getByRole('button', { name: 'Disconnect now' }).click();
    await page
      .getByText(/still filed and approved in Intune/)
      .first()
      .waitFor();
    assert.doesNotMatch(await textOf(page.getByRole('main')), /othing was done/);
    // It may be another form by now: what confirms it is typed again.
    await page.getByLabel('Type the domain of your tenant').fill(domain);
    await page.getByRole('button', { name: 'Disconnect now' }).click();
    await standing(page, 'Under way');
    assert.equal(simulator.acts().length, 1);
  });

  for (const [verb, word] of [
    ['reject', 'Rejected'],
    ['cancel', 'Withdrawn'],
    ['expire', 'Expired'],
  ] as const) {
    scene(`filed, and in Intune it comes to ${verb}`, async (stage) => {
      const { simulator } = stage.testEnvironment;
      const { page, code } = await filedIn(stage);
      simulator.decideApproval(code, verb);
      await standing(page, word);
      assert.match(
        await textOf(timeline(page)),
        new RegExp(`filed in Intune[\\s\\S]*${word}, it stands here`),
      );
      assert.match(await textOf(page.getByRole('main')), /Intune’s own approval/);
      assert.equal(simulator.acts().length, 0);
    });
  }

  scene('filed, approved, and completed in Intune', async (stage) => {
    const { simulator } = stage.testEnvironment;
    const { page, code } = await filedIn(stage);
    simulator.setSequence(tenants.lenient, ['inprogress', 'offboarding', 'gone'], { everyMs: 3000 });
    simulator.decideApproval(code, 'approve');
    simulator.decideApproval(code, 'complete');
    await standing(page, 'Under way');
    await standing(page, 'Disconnected');
    assert.match(await textOf(timeline(page)), /filed in Intune[\s\S]*The connection is gone/);
    assert.equal(simulator.acts().length, 1);
  });
});

/** Ada asks for a disconnect, and Intune files a request for its approval. */
async function filedIn({ testEnvironment, enter }: Stage): Promise<{ page: Page; code: string }> {
  const { simulator } = testEnvironment;
  simulator.demandApproval(true);
  const page = await enter('Ada Admin');
  await page.getByRole('link', { name: 'Disconnect …' }).click();
  await page.getByText('Intune demands no approval of its own').waitFor();
  await page.getByLabel('Reason').fill('The school moves to another Google domain');
  await page.getByLabel('Type the domain of your tenant').fill(domain);
  await page.getByRole('button', { name: 'Disconnect now' }).click();
  await standing(page, 'Needs approval in Intune');
  const [request] = simulator.approvalRequests();
  assert.equal(request?.justification, 'The school moves to another Google domain');
  await page.getByText(request.code, { exact: true }).waitFor();
  return { page, code: request.code };
}

function timeline(page: Page) {
  return page.locator('ol').filter({ hasText: 'Asked for' });
}

/** Waits until the page says where the operation stands. */
async function standing(page: Page, word: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name: 'Operation', exact: true }).waitFor();
  await page.locator('.state').getByText(word, { exact: true }).waitFor();
}
