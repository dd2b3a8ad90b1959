import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { onStage, type Stage, tenants } from './support/stage.ts';

// Ada is the owner of the connection, so it is the tenant's domain that she types.
const domain = 'fabrikam.example';

describe('with the keyboard alone', () => {
  const scene = onStage();

  scene(
    'the whole disconnect with two people: signing in, the proof, the form, the decision, the act',
    async (stage) => {
      stage.testEnvironment.simulator.setSequence(tenants.strict, ['inprogress', 'offboarding', 'gone'], {
        everyMs: 1500,
      });
      const ada = await arriveByKeyboard(stage, 'Ada Admin');
      await press(ada, ada.getByRole('link', { name: 'Ask for a disconnect …' }));
      await proveByKeyboard(ada);
      // The dialog gives the focus back to where it was.
      await arrivedAt(ada, 'Ask for a disconnect');

      await tabTo(ada, ada.getByLabel('Reason'));
      await ada.keyboard.type('The school moves to another Google domain');
      await tabTo(ada, ada.getByLabel('Ticket'));
      await ada.keyboard.type('CHG-1042');
      await press(ada, ada.getByRole('button', { name: 'Look again' }));
      await ada.getByText('a second person would be asked to approve').waitFor();
      // Sent too early: the focus goes where something is missing.
      await press(ada, ada.getByRole('button', { name: 'Ask for approval' }));
      await focused(ada, ada.getByLabel('Type the domain of your tenant'));
      await ada.keyboard.type(domain);
      await ada.keyboard.press('Enter');
      await arrivedAt(ada, 'Operation');
      await ada.getByText('You asked for it, so another person has to decide.').waitFor();

      const sven = await arriveByKeyboard(stage, 'Sven Second');
      await follow(sven, /^Operations/, 'Operations');
      await follow(sven, 'Decide', 'Operation');
      await tabTo(sven, sven.getByLabel('Your reason'));
      await sven.keyboard.type('Seen with the school');
      await tabTo(sven, sven.getByRole('button', { name: 'Approve' }));
      await sven.keyboard.press('Space');

      await heard(ada, /^Now: Approved\./);
      await tabTo(ada, ada.getByLabel('Type the domain of your tenant'));
      await ada.keyboard.type(domain);
      await ada.keyboard.press('Enter');
      await heard(ada, /^Now: Disconnected\./);
      await heard(sven, /^Now: Disconnected\./);
      assert.equal(stage.testEnvironment.simulator.acts(tenants.strict).length, 1);
    },
  );

  scene('Escape leaves the dialog, nothing is done, and it can be tried again', async (stage) => {
    const ada = await arriveByKeyboard(stage, 'Ada Admin');
    await press(ada, ada.getByRole('link', { name: 'Ask for a disconnect …' }));
    await ada.getByRole('dialog').waitFor();
    await ada.keyboard.press('Escape');
    await ada
      .getByRole('status')
      .filter({ hasText: 'You cancelled the sign-in. Nothing was done.' })
      .waitFor();
    assert.equal(await ada.getByRole('dialog').count(), 0);
    await press(ada, ada.getByRole('button', { name: 'Look again' }));
    await proveByKeyboard(ada);
    await ada.getByText('Everything has been looked at').waitFor();
  });

  scene('the first stop leads past the sections to the content', async (stage) => {
    const page = await stage.enter('Rita Reader');
    await page.getByText('Read from Intune').waitFor();
    await press(page, page.getByRole('button', { name: 'Skip to the content' }), 'Shift+Tab');
    await focused(page, page.getByRole('main'));
    await page.keyboard.press('Tab');
    await focused(page, page.getByRole('button', { name: 'Refresh' }));
  });
});

async function arriveByKeyboard(stage: Stage, person: string): Promise<Page> {
  const page = await stage.arrive({ tenant: 'strict' });
  await tabTo(page, page.getByRole('button', { name: 'Sign in' }));
  const [window] = await Promise.all([page.waitForEvent('popup'), page.keyboard.press('Enter')]);
  await finish(window, window.getByRole('button', { name: person }));
  await arrivedAt(page, 'Connection');
  return page;
}

async function proveByKeyboard(page: Page): Promise<void> {
  await tabTo(page, page.getByRole('button', { name: 'Go to the sign-in window' }));
  const [window] = await Promise.all([page.waitForEvent('popup'), page.keyboard.press('Enter')]);
  await finish(window, window.getByRole('button', { name: /^It is me/ }));
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

/** The window closes before the key comes up again. */
async function finish(window: Page, button: Locator): Promise<void> {
  await tabTo(window, button);
  await Promise.all([window.waitForEvent('close'), window.keyboard.down('Enter').catch(() => {})]);
}

async function follow(page: Page, link: string | RegExp, heading: string): Promise<void> {
  await press(page, page.getByRole('link', { name: link }));
  await arrivedAt(page, heading);
}

/** A view that comes up has the focus on its heading: that is where reading goes on. */
async function arrivedAt(page: Page, heading: string): Promise<void> {
  await focused(page, page.getByRole('heading', { level: 1, name: heading, exact: true }));
}

async function press(page: Page, target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await tabTo(page, target, key);
  await page.keyboard.press('Enter');
}

/** Presses Tab until the element has the focus. Every stop on the way can be seen. */
async function tabTo(page: Page, target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await target.waitFor();
  for (let stops = 0; stops < 60; stops += 1) {
    if (await hasFocus(target)) return;
    await page.keyboard.press(key);
    const invisible = await page.evaluate(unseenFocus);
    assert.equal(invisible, '', 'a stop that does not show that it has the focus');
  }
  assert.fail(`Tab does not lead to ${target}`);
}

/** The markup of what has the focus, if it does not look different for it. (In the page.) */
const unseenFocus = `(() => {
  const element = document.activeElement;
  if (element === null || element === document.body) return '';
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  const outlined = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  return outlined || boxShadow !== 'none' ? '' : element.outerHTML;
})()`;

async function hasFocus(target: Locator): Promise<boolean> {
  return target.evaluate((element) => element === element.ownerDocument.activeElement);
}

async function focused(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  const handle = await target.elementHandle();
  await page.waitForFunction((element) => element === element?.ownerDocument.activeElement, handle);
}

/** What is said to those who listen: a status that has that sentence. */
async function heard(page: Page, sentence: RegExp): Promise<void> {
  await page.getByRole('status').filter({ hasText: sentence }).first().waitFor({ state: 'attached' });
}
