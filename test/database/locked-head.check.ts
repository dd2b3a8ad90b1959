import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { migrate } from '../../src/adapters/database/migrate.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Report } from '../../tools/bench/report.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { until } from '../support/processes.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  startService,
  startTestEnvironment,
  type TestEnvironment,
} from '../support/service.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { startDebianPostgres } from './debian-postgres.ts';

const run = promisify(execFile);

describe('a chain whose head somebody has locked', () => {
  let testEnvironment: TestEnvironment;
  before(async () => {
    testEnvironment = await startTestEnvironment();
  });
  after(() => testEnvironment?.close());

  // The bench does it for longer, and says how fast the others are meanwhile.
  test('holds up no other tenant, and takes no connections from them, at 100 calls a second', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-locked-'));
    const report = join(folder, 'report.json');
    const bench = fileURLToPath(new URL('../../tools/bench/main.ts', import.meta.url));
    try {
      const args = [bench, '--smoke', '--only', 'locked-head', '--json', report];
      const { stdout } = await run(process.execPath, args, { env: childEnvironment({ TMPDIR: folder }) });
      console.log(stdout);
      const { parts }: Report = JSON.parse(await readFile(report, 'utf8'));
      const figures = parts['locked-head']?.figures ?? {};
      assert.ok(Number(figures.lockedBackends) <= 2, 'it has no more connections than its pool and two');
      assert.equal(figures.lockedRefusals, 0, 'nobody else is refused');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  const skip = process.getuid?.() === 0 ? false : 'dropping packets takes root';
  test('is let go of by a replica whose packets no longer arrive', { skip }, async () => {
    const postgres = await startDebianPostgres();
    const database = await postgres.createDatabase('vanished');
    await migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
    testEnvironment.simulator.reset();
    const url = `${database.url}?application_name=vanishing`;
    const [replica, survivor] = await Promise.all([
      startServiceProcess(testEnvironment, { DATABASE_URL: url }),
      startService(testEnvironment, { environment: { DATABASE_URL: database.url } }),
    ]);
    const blocker = new pg.Client({ connectionString: database.adminUrl });
    blocker.on('error', () => {});
    await blocker.connect();
    const rules: string[][] = [];
    try {
      const admin = bearer(await testEnvironment.simulator.token('admin'));
      const read = async () =>
        (await survivor.api.get(connectionPath).set('authorization', admin)).status === 200;
      assert.ok(await read());
      await blocker.query('begin');
      await blocker.query('select from audit_chains for update');
      fetch(`${replica.url}${disconnectPath}`, { method: 'POST', headers: { authorization: admin } }).catch(
        () => {},
      );
      const waiting = `select from pg_locks join pg_stat_activity using (pid)
        where not granted and application_name = 'vanishing'`;
      await until('it waits for the head', async () => (await postgres.query(waiting)).length > 0);

      const sockets = await postgres.query<{ client_port: number }>(
        "select client_port from pg_stat_activity where application_name = 'vanishing'",
      );
      for (const { client_port } of sockets) {
        for (const side of ['--sport', '--dport']) {
          const rule = ['INPUT', '-i', 'lo', '-p', 'tcp', side, String(client_port), '-j', 'DROP'];
          await run('iptables', ['-w', '-I', ...rule]);
          rules.push(rule);
        }
      }
      const vanishedAt = performance.now();
      await blocker.query('rollback');
      await until('the others have the head again', read);
      console.log(`vanished: served again after ${Math.round(performance.now() - vanishedAt)} ms`);
      const opened = await postgres.query('select from operations', 'vanished');
      assert.deepEqual(opened, [], 'what it never committed is gone');
    } finally {
      await replica.kill();
      for (const rule of rules) await run('iptables', ['-w', '-D', ...rule]);
      await survivor.close();
      await blocker.end();
      await postgres.remove();
    }
  });
});
