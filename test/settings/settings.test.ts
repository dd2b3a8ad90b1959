import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { merge, readConfigFiles } from '../../src/settings/config-files.ts';
import { loadDatabaseSettings, loadSettings, problemsOf } from '../../src/settings/settings.ts';
import { SettingsError } from '../../src/settings/settings-error.ts';
import { settingsSchema } from '../../src/settings/settings-schema.ts';

describe('settings of the database', () => {
  function problemsIn(environment: Record<string, string>): readonly string[] {
    try {
      loadDatabaseSettings({ NODE_ENV: 'test', ...environment });
      return [];
    } catch (error) {
      assert.ok(error instanceof SettingsError);
      return error.problems;
    }
  }

  test('a file takes precedence over a variable, and neither shows what it holds', () => {
    const { url, adminUrl } = loadDatabaseSettings({
      NODE_ENV: 'test',
      DATABASE_URL: 'postgres://variable@localhost/x',
      DATABASE_ADMIN_URL: 'postgres://admin@localhost/x',
      DATABASE_ADMIN_URL_FILE: '/run/secrets/admin-url',
    });
    assert.ok('value' in url);
    assert.equal(url.value.reveal(), 'postgres://variable@localhost/x');
    assert.deepEqual(adminUrl, { file: '/run/secrets/admin-url' });
    for (const shown of [String(url.value), JSON.stringify({ url }), inspect({ url })]) {
      assert.doesNotMatch(shown, /localhost/);
    }
  });

  test('one of the two is required; what turns verification off is refused', () => {
    const [missing] = problemsIn({});
    assert.match(missing ?? '', /^DATABASE_URL is required.*DATABASE_URL_FILE/);
    for (const parameters of ['sslmode=no-verify', 'a=b&ssl=no-verify', 'uselibpqcompat=true']) {
      const problems = problemsIn({ DATABASE_URL: `postgres://u:hunter2@h/x?${parameters}` });
      assert.deepEqual(problems, ['DATABASE_URL must not turn off the verification of TLS']);
    }
    assert.deepEqual(problemsIn({ DATABASE_URL_FILE: '/not/there/yet' }), []);
  });
});

const enough = {
  AZURE_TENANT_ID: '11111111-1111-4111-8111-111111111111',
  AZURE_CLIENT_ID: '22222222-2222-4222-8222-222222222222',
  ALLOWED_CLIENT_IDS: '33333333-3333-4333-8333-333333333333',
  AZURE_CLIENT_SECRET: 'x',
  DATABASE_URL: 'postgres://u@localhost/x',
};

describe('ALLOWED_CLIENT_IDS', () => {
  for (const mode of [undefined, 'development', 'test', 'demo', 'production']) {
    for (const [value, problem] of [
      [undefined, 'is required: the client ids of the portals that may call'],
      ['', 'is required: the client ids of the portals that may call'],
      [' , ', 'must name at least one'],
      ['*', 'must be a GUID'],
    ] as const) {
      test(`${value ?? 'nothing'} lets nobody start the service with NODE_ENV ${mode ?? 'unset'}`, () => {
        assert.throws(
          () => loadSettings({ ...enough, NODE_ENV: mode, ALLOWED_CLIENT_IDS: value }),
          ({ problems }: SettingsError) => {
            assert.deepEqual(problems, [`ALLOWED_CLIENT_IDS ${problem}`]);
            return true;
          },
        );
      });
    }
  }

  test('a list of client ids', () => {
    const { allowedClientIds } = loadSettings({
      ...enough,
      ALLOWED_CLIENT_IDS: `${enough.AZURE_CLIENT_ID}, ${enough.ALLOWED_CLIENT_IDS}`,
    }).entra;
    assert.deepEqual(allowedClientIds, [enough.AZURE_CLIENT_ID, enough.ALLOWED_CLIENT_IDS]);
  });
});

describe('CORS_ALLOWED_ORIGINS', () => {
  const load = (value: string, mode = 'production') =>
    loadSettings({ ...enough, NODE_ENV: mode, CORS_ALLOWED_ORIGINS: value }).server.corsAllowedOrigins;

  test('nobody unless said; a list of origins', () => {
    assert.deepEqual(load(''), []);
    assert.deepEqual(load('https://a.example'), ['https://a.example']);
    assert.deepEqual(
      load(' https://a.example:8443 ,https://b.example, http://localhost:5173,http://127.0.0.1'),
      ['https://a.example:8443', 'https://b.example', 'http://localhost:5173', 'http://127.0.0.1'],
    );
    assert.deepEqual(load('http://portal.test', 'test'), ['http://portal.test']);
  });

  for (const value of [
    '*',
    'null',
    'https://*.example',
    'https://a.example/',
    'https://a.example/path',
    'https://a.example?x',
    'https://user@a.example',
    'https://A.example',
    'https://a.example:443',
    'a.example',
    'file:///x',
    'https://',
    'https://a.example,*',
    'https://a.example https://b.example',
  ]) {
    test(`refused, without being repeated: ${value}`, () => {
      assert.throws(
        () => load(value),
        ({ problems }: SettingsError) => {
          assert.deepEqual(problems, [
            'CORS_ALLOWED_ORIGINS must be origins as browsers send them: scheme, host and port, such as https://portal.example.com',
          ]);
          return true;
        },
      );
    });
  }

  for (const value of [
    'http://a.example',
    'https://a.example,http://localhost.example',
    'http://a.localhost',
  ]) {
    test(`refused in production alone: ${value}`, () => {
      assert.throws(
        () => load(value),
        /CORS_ALLOWED_ORIGINS must be https origins in production, localhost apart/,
      );
      assert.equal(load(value, 'test').length > 0, true);
    });
  }
});

describe('the files of config/', () => {
  test('a map is merged key by key; a list, a value and null take the place of what was there', () => {
    const under = { a: { kept: 1, changed: 1, gone: [1, 2] }, list: [1, 2], map: { x: 1 }, value: 1 };
    const over = { a: { changed: 2, gone: [3] }, list: [], map: null, value: { y: 1 }, more: 1 };
    assert.deepEqual(merge(under, over), {
      a: { kept: 1, changed: 2, gone: [3] },
      list: [],
      map: null,
      value: { y: 1 },
      more: 1,
    });
    assert.deepEqual(under.a, { kept: 1, changed: 1, gone: [1, 2] }, 'and nothing is changed in place');
  });

  test('NODE_ENV names the one that is laid over the defaults', () => {
    const docs = (mode: string) => (readConfigFiles(mode).server as { docs: boolean; port: number }).docs;
    assert.deepEqual(['development', 'production', 'nobody-has-this'].map(docs), [true, false, true]);
    assert.equal((readConfigFiles('production').server as { port: number }).port, 8080);
    assert.deepEqual(
      readConfigFiles('../config/production'),
      readConfigFiles('development'),
      'a name, no path',
    );
  });
});

test('a name that is no setting is refused wherever it stands: a misspelled limit would not apply', () => {
  const plain = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const maps = (tree: Record<string, unknown>, path: string[] = []): string[][] => [
    path,
    ...Object.entries(tree).flatMap(([key, value]) => (plain(value) ? maps(value, [...path, key]) : [])),
  ];
  const defaults = readConfigFiles('test');
  // The tenants of `disconnect.tenants` are named by the installation.
  const paths = maps(defaults).filter((path) => path.join('.') !== 'disconnect.tenants');
  assert.ok(paths.length > 12);
  for (const path of paths) {
    const misspelled = path.reduceRight<Record<string, unknown>>((inner, key) => ({ [key]: inner }), {
      speling: 'hunter2',
    });
    const { error } = settingsSchema.safeParse(merge(defaults, misspelled));
    const problems = error === undefined ? [] : problemsOf(error, (key) => key);
    const name = [...path, 'speling'].join('.');
    assert.ok(problems.includes(`${name} is not a setting`), `${name}: ${problems.join(', ')}`);
    assert.ok(!problems.some((problem) => problem.includes('hunter2')));
  }
});
