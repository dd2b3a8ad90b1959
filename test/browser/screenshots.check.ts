import { mkdir, writeFile } from 'node:fs/promises';
import { describe } from 'node:test';
import type { Page } from 'playwright-core';
import { bearer, connectionPath, eventsPath } from '../support/service.ts';
import { onStage, tenants } from './support/stage.ts';

const folder = new URL('../../docs/images/', import.meta.url);
const domain = 'contoso.example';

// README's pictures, of what the other tests have shown to work. Only when asked for: they change with every date.
describe('screenshots', { skip: process.env.SCREENSHOTS === undefined }, () => {
  const scene = onStage();
  const visit = { width: 960, height: 800, scale: 1.5 } as const;

  scene(
    'the way from the connection to the end of an operation',
    async ({ enter, testEnvironment, service }) => {
      testEnvironment.simulator.setSequence(tenants.lenient, ['inprogress', 'offboarding', 'gone'], {
        everyMs: 1500,
      });
      for (const person of ['reader', 'no-roles', 'auditor', 'second-admin'] as const) {
        const authorization = bearer(await testEnvironment.simulator.token(person));
        for (const path of [connectionPath, eventsPath]) await service.api.get(path).set({ authorization });
      }
      const page = await enter('Ada Admin', visit);
      await page.getByRole('link', { name: 'Disconnect …' }).waitFor();
      await save(page, 'portal-connection');

      await page.getByRole('link', { name: 'Disconnect …' }).click();
      await page.getByLabel('Reason').fill('The school moves to another Google domain');
      await page.getByLabel('Ticket').fill('CHG-1042');
      await page.getByRole('button', { name: 'Look again' }).click();
      await page.getByText('Everything has been looked at').waitFor();
      await page.getByLabel('Type the domain of your tenant').fill(domain);
      await save(page, 'portal-dry-run');

      await page.getByRole('button', { name: 'Disconnect now' }).click();
      await page.getByText('It has come to its end.').waitFor();
      await save(page, 'portal-operation');

      const auditor = await enter('Олена Аудиторка', visit);
      await auditor.getByText(/shown, newest first/).waitFor();
      await auditor.getByRole('button', { name: 'Check the chain' }).click();
      await auditor.getByText(/every hash and every link is right/).waitFor();
      await save(auditor, 'portal-audit-trail');
      await auditor.emulateMedia({ colorScheme: 'dark' });
      await save(auditor, 'portal-audit-trail-dark');
    },
  );
});

async function save(page: Page, name: string): Promise<void> {
  // The whole of it would be as long as the list of events is.
  const fullPage = !name.startsWith('portal-audit');
  // Nothing that has the focus, as when one looks and does nothing.
  await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)');
  await mkdir(folder, { recursive: true });
  await writeFile(new URL(`${name}.png`, folder), await page.screenshot({ fullPage }));
}
