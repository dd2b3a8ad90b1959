import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { parseAllDocuments } from 'yaml';
import { childEnvironment } from '../../tools/child-environment.ts';
import { superuserUrl } from '../../tools/postgres/postgres-access.ts';
import { postgresAccess } from '../support/postgres.ts';
import { until } from '../support/processes.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  startService,
  startTestEnvironment,
  type TestEnvironment,
  type TestService,
} from '../support/service.ts';
import { read, runbooks } from './sources.ts';

/** What stands in a page to be run: its fenced blocks, also indented ones, and commands of the image in its text. */
type Block = { readonly page: string; readonly language: string; readonly text: string };

const pages = [...runbooks.map((name) => `docs/runbooks/${name}`), 'docs/operations-guide.md'];
const blocks: Block[] = pages.flatMap((page) =>
  [...read(page).matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map(
    ([, indent = '', language = '', text = '']) => ({
      page,
      language,
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), '').trim(),
    }),
  ),
);
const inline: Block[] = pages.flatMap((page) =>
  [...read(page).matchAll(/`(?:node )?(dist\/cli\/[^`]+)`/g)].map(([, text = '']) => ({
    page,
    language: 'cli',
    text: `node ${text}`,
  })),
);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Commands that need what no test has, each with the reason. They are named by their first words. */
const notRun: ReadonlyMap<string, string> = new Map([
  ['date --utc', 'is only the clock of another machine'],
  [
    'curl http://localhost:9090/readyz?verbose',
    'goes through the port-forward of the line before; the path is tested by probes',
  ],
]);

describe('what runbooks say to run', () => {
  let testEnvironment: TestEnvironment;
  let service: TestService;
  let log: string;
  const manifests = new Map<
    string,
    { spec?: { template?: { spec: { containers: { command?: string[] }[] } } } }
  >();

  before(async () => {
    testEnvironment = await startTestEnvironment();
    service = await startService(testEnvironment);
    const call = async (person: 'admin' | 'reader' | 'no-roles', method: string, path: string) => {
      const authorization = bearer(await testEnvironment.simulator.token(person));
      await fetch(`${service.url}${path}`, { method, headers: { authorization } });
    };
    await call('reader', 'GET', connectionPath);
    testEnvironment.simulator.setFault('disconnect', { reset: true, times: 1 });
    await call('admin', 'POST', disconnectPath);
    testEnvironment.simulator.setPerson('admin', { consentMissing: true });
    await call('admin', 'POST', disconnectPath);
    testEnvironment.simulator.setFault('list', { status: 503 });
    await call('reader', 'GET', connectionPath);
    await until('all are logged', () => service.log.filter(({ msg }) => msg === 'request').length === 4);
    log = service.log.map((line) => JSON.stringify(line)).join('\n');
    for (const overlay of ['k8s/overlays/production', 'k8s/by-hand/disconnect-off']) {
      const rendered = spawnSync('kubectl', ['kustomize', `${root}/${overlay}`], {
        env: childEnvironment(),
        encoding: 'utf8',
      });
      assert.equal(rendered.status, 0, rendered.stderr);
      for (const document of parseAllDocuments(rendered.stdout)) {
        const { kind, metadata, ...rest } = document.toJS();
        manifests.set(`${kind.toLowerCase()}/${metadata.name}`, rest);
      }
    }
  });
  after(async () => {
    await service?.close();
    await testEnvironment?.close();
  });

  it('are of kinds that are run here', () => {
    assert.ok(blocks.length >= 20, String(blocks.length));
    const kinds = new Set(blocks.map(({ language }) => language));
    assert.deepEqual([...kinds].toSorted(), ['logql', 'sh', 'sql']);
  });

  for (const { page, text } of blocks.filter(({ language }) => language === 'sql')) {
    it(`${page}: ${text.slice(0, 60).replaceAll('\n', ' ')}`, async () => {
      // As somebody who administers the database: the service's role does not see others' sessions.
      const client = new pg.Client({
        connectionString: superuserUrl(
          postgresAccess(),
          new URL(testEnvironment.database.url).pathname.slice(1),
        ),
      });
      await client.connect();
      try {
        await client.query(text);
      } finally {
        await client.end();
      }
    });
  }

  it('finds the disconnect of unknown end that there is', async () => {
    const [statement] = blocks.filter(
      ({ page, language }) => page.endsWith('outcome-unknown.md') && language === 'sql',
    );
    const [row] = await testEnvironment.query<{ by: string; tenant_id: string }>(statement?.text ?? '');
    assert.equal(row?.tenant_id, testEnvironment.simulator.registration.tenantId);
    assert.ok(row?.by);
  });

  for (const { page, text } of blocks.filter(({ language }) => language === 'sh')) {
    for (const line of text
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((one) => one.trim() !== '')) {
      it(`${page}: ${line.slice(0, 100)}`, () => checkCommand(line));
    }
  }
  for (const { page, text } of inline) it(`${page}: ${text}`, () => checkCommand(text));

  it('a log filter finds what it is for', () => {
    const [failing] = filtersOf('disconnects-failing.md');
    assert.match(jq(failing ?? ''), /"failure":"outcome_unknown"/);
    const [refused] = filtersOf('tenant-refused.md');
    assert.match(jq(refused ?? ''), /"failure":"consent_required"/);
    const line = service.log.find(({ failure }) => failure === 'outcome_unknown');
    const [whole] = filtersOf('docs/operations-guide.md');
    const found = jq(whole ?? '', '--arg', 'id', String(line?.requestId))
      .trim()
      .split('\n');
    const told = found.map((one) => JSON.parse(one));
    assert.deepEqual(
      told.map(({ msg }) => msg),
      ['audit', 'audit', 'request'],
    );
    assert.ok(told[2].tries.length >= 2);
  });

  function filtersOf(page: string): string[] {
    return blocks
      .filter((block) => block.page.endsWith(page) && block.language === 'sh')
      .flatMap(({ text }) => [...text.matchAll(/\| jq [^']*'([^']+)'/g)].map(([, filter = '']) => filter));
  }

  function jq(filter: string, ...args: string[]): string {
    const { status, stdout, stderr } = spawnSync('jq', ['-c', ...args, filter], {
      env: childEnvironment(),
      input: log,
      encoding: 'utf8',
    });
    assert.equal(status, 0, `${filter}: ${stderr}`);
    return stdout;
  }

  function checkCommand(line: string): void {
    const command = line
      .replace(/\s+#.*$/, '')
      .replace(/\s*&$/, '')
      .trim();
    const filter = /\| jq ([^']*)'([^']+)'$/.exec(command);
    if (filter) jq(filter[2] ?? '', ...(/--arg/.test(filter[1] ?? '') ? ['--arg', 'id', 'x'] : []));
    const [first = ''] = command.split(' | ');
    const words = (first.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^["']|["']$/g, ''));
    if (notRun.has(words.join(' '))) return;
    if (words[0] === 'kubectl') checkKubectl(words.slice(1));
    else if (words[0] === 'node') checkProgram(words.slice(1));
    else assert.fail(`nothing here can run it: ${line}`);
  }

  /** Whether kubectl knows the command and its flags, and what it names is in the manifests. */
  function checkKubectl(words: string[]): void {
    const at = words.indexOf('exec');
    const own = at === -1 ? words : words.slice(0, words.indexOf('--'));
    const verb = own.filter((word, index) => !word.startsWith('-') && own[index - 1] !== '-n');
    const [name = '', second = ''] = verb;
    const help = [name, ...(name === 'rollout' ? [second] : []), '--help'];
    const { status, stdout } = spawnSync('kubectl', help, { env: childEnvironment(), encoding: 'utf8' });
    assert.equal(status, 0, own.join(' '));
    const common = /^(-n|--namespace|-o|--output)$/;
    for (const word of own.filter((one) => one.startsWith('-'))) {
      const flag = word.split('=')[0] ?? '';
      assert.ok(
        common.test(flag) || new RegExp(`(^|\\s)${flag}\\b`).test(stdout),
        `kubectl ${name} knows ${flag}`,
      );
    }
    const namespace = own[own.indexOf('-n') + 1];
    if (own.includes('-n')) assert.ok(manifests.has(`namespace/${namespace}`), namespace);
    if (own.includes('-k')) assert.ok(existsSync(`${root}/${own[own.indexOf('-k') + 1]}/kustomization.yaml`));
    const named = own.flatMap((word, index) =>
      /^(deployment|job)\//.test(word)
        ? [word]
        : /^(deployment|horizontalpodautoscaler)$/.test(word)
          ? [`${word}/${own[index + 1]}`]
          : [],
    );
    for (const one of named) assert.ok(manifests.has(one), one);
    if (at !== -1) assert.equal(words[words.indexOf('--') + 1], 'node');
  }

  /** Whether the program is there and understands its arguments: it says something else than how it is used. */
  function checkProgram([path = '', ...args]: string[]): void {
    const program = path.replace('dist/', 'src/').replace(/\.js$/, '.ts');
    assert.ok(existsSync(`${root}/${program}`), program);
    const filled = args.map((word) => word.replace(/^…$/, 'x'));
    const { status, stderr } = spawnSync(process.execPath, [`${root}/${program}`, ...filled], {
      cwd: root,
      // Understood, and then without anything to work on: nothing is done here.
      env: childEnvironment({ DATABASE_URL: 'postgres://nobody@localhost:1/none' }),
      encoding: 'utf8',
    });
    assert.notEqual(status, 2, `${path} ${filled.join(' ')}: ${stderr}`);
    assert.doesNotMatch(stderr, /^Usage/);
  }
});
