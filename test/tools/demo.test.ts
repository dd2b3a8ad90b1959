import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { portalClientId, registration } from '../../simulator/directory.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { processesOf, until, untilNoneOf } from '../support/processes.ts';

const DEMO = fileURLToPath(new URL('../../tools/demo/demo.ts', import.meta.url));
const UP = 'Ctrl-C ends it.';
const hasCurl = spawnSync('curl', ['--version'], { env: childEnvironment() }).status === 0;

type Run = {
  child: ChildProcess;
  pid: number;
  output: () => string;
  errors: () => string;
  exit: Promise<number>;
};

type PortalConfig = { apiBaseUrl: string; authority: string; authorityMetadata: Record<string, string> };

let dataDir: string;
const runs: Run[] = [];
const blockers: Server[] = [];

before(async () => {
  const parent = await mkdtemp(join(tmpdir(), 'demo-test-'));
  await chmod(parent, 0o755);
  dataDir = join(parent, 'data');
  // Whether we or a demo of yours holds the usual ports: these here must do without them.
  for (const port of [8080, 9090, 8443, 8444, 5173, 5174]) {
    const blocker = createServer().on('error', () => {});
    blocker.listen(port);
    blockers.push(blocker);
  }
});

after(async () => {
  for (const blocker of blockers) blocker.close();
  for (const { child } of runs) child.kill('SIGKILL');
  await untilNoneOf(dataDir);
  await rm(join(dataDir, '..'), { recursive: true, force: true });
});

describe('npm run demo', () => {
  it('does the main job once and shows all of it', async () => {
    const run = demo(['--once']);
    assert.equal(await run.exit, 0, run.errors());
    const output = run.output();
    assert.equal(run.errors(), '');
    assert.ok(!output.includes('\u001b'), 'colour is for terminals');
    for (const port of [8080, 9090, 8443]) assert.match(output, new RegExp(`Port ${port} is taken`));

    assert.match(output, /curl -i --cacert \S+demo-ca\.pem/);
    assert.match(output, /HTTP 200/);
    assert.match(output, /"value": "inprogress"/);
    const operationId = /"operationId": "([0-9a-f-]{36})"/.exec(output)?.[1] ?? assert.fail(output);
    assert.match(output, /request-id: [0-9a-f-]{36}/);

    const record = output.slice(output.indexOf('The record,'), output.indexOf('The metrics that moved'));
    assert.ok(!/.{81}/.test(record), 'fits a terminal');
    assert.match(record, /who +ada\.admin@contoso\.example/);
    assert.match(record, /ticket +CHG-1042/);
    assert.match(record, new RegExp(`operation +${operationId}`));
    const happened = [...record.matchAll(/^ {2}([\d:.]{12}) {2}(\w+) +(\w+)/gm)];
    assert.deepEqual(
      happened.map(([, , event, result]) => `${event} ${result}`),
      ['attempt pending', 'outcome accepted', 'move completed', 'read succeeded'],
    );
    const times = happened.map(([, time]) => time);
    assert.deepEqual(times, times.toSorted(), 'oldest first');

    const proof = output.slice(output.indexOf('The proof,'));
    assert.match(proof, /audit-verify +\d+ events, nothing wrong\. Signed up to event \d+ \(exit code 0\)/);
    assert.match(proof, /audit-verify +Event \d+ was altered.*\(exit code 10\)/);
    assert.match(proof, /audit-reconcile +MADE PAST THIS SERVICE: 1: .*\(exit code 30\)/);
    const metrics = output.slice(output.indexOf('The metrics that moved'));
    assert.match(metrics, /chromeos_bff_\S*disconnect\S* 0 → 1/);
    assert.ok((metrics.match(/ 0 → /g) ?? []).length >= 5, metrics);
    await nothingIsLeft(run);
  });

  describe('stays up', () => {
    let run: Run;
    before(async () => {
      run = await demoUp();
    });

    it('lets no second demo in', async () => {
      const second = demo([]);
      assert.equal(await second.exit, 1);
      assert.match(second.errors(), new RegExp(`already running in this folder \\(process ${run.pid}\\)`));
    });

    it('shows the portal first, for a tenant that demands nothing and for one that demands everything', async () => {
      const next = run.output().slice(run.output().indexOf('Everything stays up')).split('\n');
      assert.match(next[1] ?? '', /^ {2}portal +http:/);
      assert.match(next[2] ?? '', /^ {2}portal \(2\) +http:/);
      for (const port of [5173, 5174]) assert.match(run.output(), new RegExp(`Port ${port} is taken`));
      const demands = [];
      for (const portal of portalsOf(run)) {
        const config = (await (await fetch(`${portal}/config.json`)).json()) as PortalConfig;
        const { apiBaseUrl, authority, authorityMetadata } = config;
        assert.match(await (await fetch(`${portal}/`)).text(), /<script type="module"/);
        const settings = `${apiBaseUrl}/api/v1/deviceManagement/chromeOSOnboardingSettings`;
        const preflight = await fetch(settings, {
          method: 'OPTIONS',
          headers: { origin: portal, 'access-control-request-method': 'GET' },
        });
        assert.equal(preflight.headers.get('access-control-allow-origin'), portal);
        assert.equal(authorityMetadata.issuer, `${authority}/v2.0`);
        const token = await signIn(portal, authorityMetadata);
        const dryRun = await fetch(`${settings}/disconnect?dryRun=true`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}` },
        });
        const { would, code } = (await dryRun.json()) as { would?: string; code?: string };
        demands.push(would ?? code);
      }
      assert.deepEqual(demands, ['disconnect', 'insufficient_claims']);
    });

    it('takes its own curl line', { skip: !hasCurl && 'needs curl' }, async () => {
      const line = /curl -i [\s\S]*?\/disconnect$/m.exec(run.output())?.[0] ?? assert.fail(run.output());
      const { stdout } = await promisify(execFile)('/bin/sh', ['-c', line], { env: childEnvironment() });
      assert.match(stdout, /^HTTP\/1.1 200/);
      assert.match(stdout, /"value":"inprogress"/);
    });

    it('listens on 127.0.0.1 only', {
      skip: process.platform !== 'linux' && 'reads /proc',
    }, async () => {
      const shown = run.output().slice(run.output().indexOf('Everything stays up'));
      const ports = [...new Set([...shown.matchAll(/:(\d{4,5})\b/g)].map(([, port]) => Number(port)))];
      assert.ok(ports.length >= 6, shown);
      const [v4, v6] = ['0100007F', '00000000000000000000000001000000'];
      for (const port of ports) {
        for (const address of await listenersOn(port))
          assert.ok([v4, v6].includes(address), `${port}: ${address}`);
      }
    });

    it('until Ctrl-C', async () => {
      run.child.kill('SIGINT');
      assert.equal(await run.exit, 0);
      assert.equal(run.errors(), '');
      assert.match(run.output(), /Stopped\.\n$/);
      await nothingIsLeft(run);
    });
  });

  it('leaves no process behind when it is killed, and nothing that stops the next one', async () => {
    const run = await demoUp();
    run.child.kill('SIGKILL');
    await run.exit;
    await nothingIsLeft(run);
    const next = demo(['--once']);
    assert.equal(await next.exit, 0, next.errors());
    await nothingIsLeft(next);
  });

  it('ends when the npm that runs it is killed', async () => {
    // As npm runs it: a shell in between, which nobody tells either.
    const script = `"${process.execPath}" "${DEMO}"; true`;
    const npm = spawn(
      process.execPath,
      ['-e', `child_process.spawn('sh', ['-c', process.argv[1]], { stdio: 'inherit' })`, script],
      {
        env: childEnvironment({ DEMO_DATA_DIR: dataDir, npm_lifecycle_event: 'demo' }),
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const output = collect(npm.stdout);
    await until('the demo is up', () => output().includes(UP));
    npm.kill('SIGKILL');
    await until('it has stopped', () => output().includes('Stopped.'));
    await untilNoneOf(dataDir);
  });

  it('can be ended while it starts', async () => {
    const run = demo([]);
    await until('it has begun', () => run.output().includes('PostgreSQL'));
    run.child.kill('SIGTERM');
    assert.equal(await run.exit, 0);
    assert.equal(run.errors(), '');
    await nothingIsLeft(run);
  });

  it('says in a sentence what went wrong, with the end of the log', async () => {
    const run = demo(['--once'], { LOG_LEVEL: 'loud' });
    assert.equal(await run.exit, 1);
    assert.match(run.errors(), /The service ended with exit code 1 instead of starting\.\n[\s\S]*LOG_LEVEL/);
    assert.doesNotMatch(run.errors(), /^ +at /m);
    await nothingIsLeft(run);
  });

  it('says how it is used', async () => {
    const run = demo(['--help']);
    assert.equal(await run.exit, 0);
    assert.match(run.output(), /^Usage: npm run demo[\s\S]*--once[\s\S]*Ctrl-C/);
  });

  it('complains of a folder it cannot use and of words it does not know', async () => {
    const file = join(dataDir, '../file');
    await writeFile(file, '');
    const run = demo(['--once'], { DEMO_DATA_DIR: join(file, 'data') });
    assert.equal(await run.exit, 1);
    assert.match(run.errors(), /The data folder .* cannot be written/);

    const other = demo(['--twice']);
    assert.equal(await other.exit, 1);
    assert.match(other.errors(), /--twice.*Usage: npm run demo/);
  });
});

function demo(args: string[], environment: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [DEMO, ...args], {
    env: childEnvironment({ DEMO_DATA_DIR: dataDir, ...environment }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors] = [collect(child.stdout), collect(child.stderr)];
  const exit = once(child, 'close').then(([code]) => code as number);
  const run = { child, pid: child.pid ?? 0, output, errors, exit };
  runs.push(run);
  return run;
}

async function demoUp(): Promise<Run> {
  const run = demo([]);
  let ended = false;
  void run.exit.then(() => {
    ended = true;
  });
  await until('the demo is up', () => ended || run.output().includes(UP));
  assert.ok(!ended, run.errors());
  return run;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

/** A demo that could end in order has ended everything before itself; after a kill it takes a moment. */
async function nothingIsLeft(run: Run): Promise<void> {
  const marks = [dataDir, `-of-${run.pid}`];
  for (const mark of marks) {
    if (run.child.signalCode === null) assert.deepEqual(await processesOf(mark), []);
    else await untilNoneOf(mark);
  }
  const port = /127\.0\.0\.1:(\d+)/.exec(run.output())?.[1];
  for (const address of [...(port ? [`http://127.0.0.1:${port}`] : []), ...portalsOf(run)]) {
    await assert.rejects(fetch(address), address);
  }
}

/** The addresses that somebody listens on at that port, as Linux writes them. */
async function listenersOn(port: number): Promise<string[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8')));
  return [...tables.join('').matchAll(/: ([\dA-F]+):([\dA-F]{4}) [\dA-F]+:0000 0A /g)]
    .filter(([, , hex = '']) => Number.parseInt(hex, 16) === port)
    .map(([, address = '']) => address);
}

function portalsOf(run: Run): string[] {
  return [...new Set(run.output().match(/(?<=portal .*)http:\/\/localhost:\d+/g))];
}

/** Signs in as the admin, as the portal's pages do. */
async function signIn(portal: string, endpoints: Record<string, string>): Promise<string> {
  const verifier = randomBytes(32).toString('base64url');
  const asked = {
    client_id: portalClientId,
    redirect_uri: `${portal}/redirect.html`,
    scope: `${registration.audience}/access_as_user`,
  };
  const query = new URLSearchParams({
    ...asked,
    response_type: 'code',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const picked = await fetch(`${endpoints.authorization_endpoint}?${query}`, {
    method: 'POST',
    body: new URLSearchParams({ person: 'admin' }),
    redirect: 'manual',
  });
  const code = new URL(picked.headers.get('location') ?? '').searchParams.get('code') ?? '';
  const redeemed = await fetch(endpoints.token_endpoint ?? '', {
    method: 'POST',
    headers: { origin: portal },
    body: new URLSearchParams({ ...asked, grant_type: 'authorization_code', code, code_verifier: verifier }),
  });
  return ((await redeemed.json()) as { access_token: string }).access_token;
}
