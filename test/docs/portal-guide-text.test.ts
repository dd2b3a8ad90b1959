import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { before, describe, test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { portalClientId, registration } from '../../simulator/directory.ts';
import { startSimulator } from '../../simulator/simulator.ts';
import examples from '../../src/http/openapi/examples.json' with { type: 'json' };
import { childEnvironment } from '../../tools/child-environment.ts';
import { folderOf, type Snippet, snippetsIn } from '../support/guide.ts';
import { simulatorKeys } from '../support/shared-keys.ts';

type Named = { id: string; name: string; value: string; isEnabled: boolean; allowedMemberTypes: string[] };

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const graphId = '00000003-0000-0000-c000-000000000000';
const readWriteConfiguration = '0883f392-0a7a-443d-8c76-16a6d39c7b63';

describe('what the portal guide says', () => {
  let text: string;
  let snippets: Snippet[];
  before(async () => {
    text = await read('docs/portal-guide.md');
    snippets = await snippetsIn('docs/portal-guide.md');
  });
  const json = (name: string) => JSON.parse(snippets.find((snippet) => snippet.name === name)?.text ?? '');
  const inLanguage = (wanted: string) => snippets.filter(({ language }) => language === wanted);

  test('the API’s manifest has the scope, the roles and the claims the service looks at', async () => {
    const { entra } = parse(await read('config/default.yaml'));
    const { api, appRoles, optionalClaims, requiredResourceAccess } = json('api-registration.json');
    assert.equal(api.requestedAccessTokenVersion, 2);
    const [scope, ...others]: Named[] = api.oauth2PermissionScopes;
    assert.deepEqual([scope?.value, scope?.isEnabled, others], [entra.requiredScope, true, []]);
    assert.deepEqual(
      appRoles.map(({ value }: Named) => value).toSorted(),
      Object.values<string>(entra.roles).toSorted(),
    );
    for (const role of appRoles as Named[]) {
      assert.deepEqual([role.allowedMemberTypes, role.isEnabled], [['User'], true]);
    }
    const claims = optionalClaims.accessToken.map(({ name }: Named) => name);
    assert.deepEqual(claims, ['acct', 'xms_cc', 'acrs']);
    assert.deepEqual(requiredResourceAccess, [
      { resourceAppId: graphId, resourceAccess: [{ id: readWriteConfiguration, type: 'Scope' }] },
    ]);
  });

  test('ids differ, and the commands and the portal’s manifest name them', () => {
    const { api, appRoles } = json('api-registration.json');
    const scope: Named = api.oauth2PermissionScopes[0];
    const ids: string[] = [scope.id, ...appRoles.map(({ id }: Named) => id)];
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const { spa, requiredResourceAccess } = json('portal-registration.json');
    assert.deepEqual(requiredResourceAccess[0].resourceAccess, [{ id: scope.id, type: 'Scope' }]);
    assert.ok(spa.redirectUris.includes('http://localhost:5173/redirect.html'));
    const commands = inLanguage('sh')
      .map((snippet) => snippet.text)
      .join('');
    const used = [...commands.matchAll(/b6e1f0a2-[0-9a-f-]{27}/g)].map(([id]) => id);
    assert.ok(used.includes(scope.id));
    for (const id of used) assert.ok(ids.includes(id), id);
    for (const [, file] of commands.matchAll(/@([\w-]+-registration)\.json/g)) json(`${file}.json`);
  });

  // UPDATE_EXAMPLES=1 writes them: they are what the service answered in test/e2e/openapi-examples.test.ts.
  test('it shows the bodies of real answers', async () => {
    const { disconnect, readOperation } = examples.answers;
    const bodies = {
      'dry-run.json': disconnect[200].dryRunRefused,
      'operation.json': readOperation[200].completed,
    };
    if (process.env.UPDATE_EXAMPLES === '1') {
      const written = Object.entries(bodies).reduce((whole, [name, body]) => {
        const block = new RegExp(`(\`\`\`json name=${name.replace('.', '\\.')}\\n).*?(?=^\`\`\`$)`, 'ms');
        return whole.replace(block, (_block, fence) => `${fence}${readable(body)}\n`);
      }, text);
      await writeFile(new URL('../../docs/portal-guide.md', import.meta.url), written);
      snippets = await snippetsIn('docs/portal-guide.md');
    }
    for (const [name, body] of Object.entries(bodies)) assert.deepEqual(json(name), body);
  });

  test('its commands are commands to a shell', async () => {
    for (const snippet of inLanguage('sh')) {
      const checked = promisify(execFile)('bash', ['-n', '-c', snippet.text], { env: childEnvironment() });
      await checked.catch(({ stderr }) => assert.fail(`${stderr}\n${snippet.text}`));
    }
  });

  test('the ids of the simulator are the simulator’s', () => {
    const known = [registration.tenantId, registration.clientId, portalClientId];
    const named = new Set([...text.matchAll(/5a1e0000-[0-9a-f-]{27}/g)].map(([id]) => id));
    assert.deepEqual([...named].toSorted(), known.toSorted());
  });

  test('what it lets one try, the simulator takes', async () => {
    const simulator = await startSimulator(simulatorKeys());
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), simulator.caPem]);
    try {
      const rows = [...text.matchAll(/`PUT (\/simulator\/[\w/]+)` with `(\{.*\})`/g)];
      assert.ok(rows.length >= 4);
      for (const [, path, body] of rows) {
        const init = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: String(body) };
        const { status } = await fetch(new URL(String(path), simulator.url), init);
        assert.ok(status < 300, `${path} ${body}: ${status}`);
      }
    } finally {
      await simulator.close();
    }
  });

  test('its code is right about the real MSAL and Graph client, by their types', async () => {
    const code = inLanguage('js');
    const files = await folderOf(code);
    const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
    const flags =
      '--noEmit --allowJs --checkJs --skipLibCheck --strict false --types node --module nodenext --target esnext --lib esnext,dom,dom.iterable';
    try {
      await promisify(execFile)(
        process.execPath,
        [
          typescript.replace('package.json', 'bin/tsc'),
          ...flags.split(' '),
          ...code.map(({ name }) => String(name)),
        ],
        { cwd: files.folder, env: childEnvironment() },
      ).catch(({ stdout }) => assert.fail(stdout));
    } finally {
      await files.close();
    }
  });
});

/** JSON in lines, where what is short has one. */
function readable(body: unknown): string {
  const lines = JSON.stringify(body, null, 2);
  return lines.replace(/[{[]\n[^{}[\]]+\n *[}\]]/g, (group) => {
    const line = group.replace(/\n */g, ' ');
    return line.length < 90 ? line : group;
  });
}
