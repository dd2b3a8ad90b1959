import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe } from 'node:test';
import type { Page } from 'playwright-core';
import { until } from '../support/processes.ts';
import { bearer, connectionPath, disconnectPath } from '../support/service.ts';
import { onStage, type Stage, textOf } from './support/stage.ts';

describe('the audit trail in the portal', () => {
  const scene = onStage();

  scene('who did what and why, filtered, counted and proven', async (stage) => {
    await someCalls(stage);
    await until('the trail is signed', async () => (await chainStatus(stage)) !== 'none');
    const page = await stage.enter('Олена Аудиторка');
    const disconnects = rows(page).filter({ hasText: 'disconnect' });
    await disconnects.first().waitFor();
    assert.match(await textOf(disconnects.first()), /ada\.admin@contoso\.example/);
    assert.match(
      (await page.getByRole('img').first().getAttribute('aria-label')) ?? '',
      /Calls over time.*Went well \d/,
    );

    await page.getByRole('heading', { name: 'Filters' }).click();
    await page.getByLabel('Event', { exact: true }).selectOption({ label: 'Attempt' });
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText(/^1 event shown/).waitFor();

    await page.getByRole('button', { name: 'Check the chain' }).click();
    await page.getByText(/checked: every hash and every link is right/).waitFor();
    await page.getByText(/^A signed checkpoint covers all/).waitFor();
    await page.getByRole('button', { name: /^Details of/ }).click();
    const details = page.getByRole('main');
    for (const shown of [/The school moves/, /CHG-1042/, /Hash of the event/, /Link before it/]) {
      await details.getByText(shown).first().waitFor();
    }
    assert.match(await textOf(details), /[0-9a-f]{64}/);
  });

  scene('the export is saved as a file, and no address has a token in it', async (stage) => {
    await someCalls(stage);
    const page = await stage.enter('Олена Аудиторка');
    const addresses: string[] = [];
    page.on('request', (request) => addresses.push(request.url()));
    for (const [button, kind] of [
      ['Export NDJSON', /"record"|"kind"|"number"/],
      ['Export OCSF', /"class_uid":6003/],
    ] as const) {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: button }).click(),
      ]);
      const lines = (await readFile(await download.path(), 'utf8')).trimEnd().split('\n');
      assert.ok(lines.length >= 4, button);
      for (const line of lines) JSON.parse(line);
      assert.match(lines.join('\n'), kind);
      await page.getByText(`${download.suggestedFilename()} was saved.`).waitFor();
    }
    for (const address of addresses) assert.doesNotMatch(address, /eyJ/);
  });
});

const rows = (page: Page) => page.getByRole('row');

/** The admin looks at the connection and ends it. */
async function someCalls({ testEnvironment, service }: Stage): Promise<void> {
  const authorization = bearer(await testEnvironment.simulator.token('admin'));
  await service.api.get(connectionPath).set({ authorization }).expect(200);
  await service.api
    .post(disconnectPath)
    .set({ authorization })
    .send({ reason: 'The school moves to another Google domain', ticket: 'CHG-1042' })
    .expect(200);
}

async function chainStatus({ testEnvironment, service }: Stage): Promise<string> {
  const authorization = bearer(await testEnvironment.simulator.token('auditor'));
  return (await service.api.get('/api/v1/audit/verification').set({ authorization }).expect(200)).body.status;
}
