import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { loadDatabaseSettings, SettingsError } from '../src/settings.ts';

describe('settings of the database', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-settings-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  function complaintsAbout(environment: Record<string, string>): readonly string[] {
    try {
      loadDatabaseSettings({ NODE_ENV: 'test', ...environment });
      return [];
    } catch (error) {
      assert.ok(error instanceof SettingsError);
      return error.complaints;
    }
  }

  test('a file goes before a variable, is read each time, and does not show', async () => {
    const file = join(folder, 'url');
    const { url, adminUrl } = loadDatabaseSettings({
      NODE_ENV: 'test',
      DATABASE_URL: 'postgres://variable@localhost/x',
      DATABASE_URL_FILE: file,
      DATABASE_ADMIN_URL_FILE: file,
    });
    await writeFile(file, 'postgres://one@localhost/x\n');
    assert.equal(url.reveal(), 'postgres://one@localhost/x');
    await writeFile(file, 'postgres://two@localhost/x\n');
    assert.equal(url.reveal(), 'postgres://two@localhost/x');
    assert.equal(adminUrl?.reveal(), 'postgres://two@localhost/x');
    for (const shown of [String(url), JSON.stringify({ url }), inspect({ url })]) {
      assert.doesNotMatch(shown, /localhost|settings/);
    }
  });

  test('one of the two is required; what turns verification off is refused', () => {
    const [missing] = complaintsAbout({});
    assert.match(missing ?? '', /^DATABASE_URL is required.*DATABASE_URL_FILE/);
    for (const parameters of ['sslmode=no-verify', 'a=b&ssl=no-verify', 'uselibpqcompat=true']) {
      const complaints = complaintsAbout({ DATABASE_URL: `postgres://u:hunter2@h/x?${parameters}` });
      assert.deepEqual(complaints, ['DATABASE_URL must not turn off the verification of TLS']);
    }
    assert.deepEqual(complaintsAbout({ DATABASE_URL_FILE: '/not/there/yet' }), []);
  });
});
