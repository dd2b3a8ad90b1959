import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { collectStatements, recordDatabase } from '../../support/release-record.ts';
import { liveThrough } from '../../support/release-story.ts';
import { scene } from '../../support/scene.ts';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

// npm run release:schema: keeps what later releases are tried against.
describe(`what is kept of ${version}`, () => {
  let collected: ReturnType<typeof collectStatements>;
  before(() => {
    collected = collectStatements('chromeos_bff');
  });
  const it = scene();

  test('its database with data in it, and its statements', async () => {
    await liveThrough(it);
    const owner = await it.testEnvironment.connect();
    try {
      const database = await recordDatabase(owner, 'chromeos_bff');
      await writeFile(new URL(`${version}.sql`, import.meta.url), database);
    } finally {
      await owner.end();
    }
    const statements = `${JSON.stringify(collected.end(), null, 2)}\n`;
    await writeFile(new URL(`${version}.statements.json`, import.meta.url), statements);
  });
});
