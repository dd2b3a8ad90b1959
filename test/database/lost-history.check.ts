import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { migrate } from '../../src/adapters/database/migrate.ts';
import { Secret } from '../../src/core/secret.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
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
import { adjusted } from '../support/timings.ts';
import { type DebianPostgres, debianPrograms, startDebianPostgres } from './debian-postgres.ts';
import { startMovingName } from './moving-name.ts';

const run = promisify(execFile);
const cli = (name: string) => fileURLToPath(new URL(`../../src/cli/${name}.ts`, import.meta.url));

describe('events that were on record and are gone', () => {
  let testEnvironment: TestEnvironment;
  let folder: string;
  let keyFile: string;
  let publicKeyFile: string;
  before(async () => {
    testEnvironment = await startTestEnvironment();
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-lost-'));
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    keyFile = join(folder, 'key.pem');
    publicKeyFile = join(folder, 'public.pem');
    await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await writeFile(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  });
  after(async () => {
    await testEnvironment?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const tenant = () => testEnvironment.simulator.registration.tenantId;
  const disconnect = async (service: TestService, key: string) =>
    service.api
      .post(disconnectPath)
      .set('authorization', bearer(await testEnvironment.simulator.token('admin')))
      .set('idempotency-key', key);
  const sent = () =>
    testEnvironment.simulator.calls.filter(({ endpoint }) => endpoint === 'disconnect').length;
  const adjust = adjusted({ graphTimeoutMs: 20_000 });

  /** Refuses, tells, lets read, and goes on once an operator has acknowledged it. */
  async function noticed(
    service: TestService,
    postgres: DebianPostgres,
    adminUrl: string,
    operation: string,
  ) {
    const before = sent();
    const refused = await disconnect(service, 'the-same-key');
    assert.deepEqual(
      [refused.status, refused.body.code],
      [503, 'history_lost'],
      JSON.stringify(refused.body),
    );
    assert.equal(sent(), before, 'Graph is not asked');
    const reader = bearer(await testEnvironment.simulator.token('reader'));
    await service.api.get(connectionPath).set('authorization', reader).expect(200);
    const line = service.log.find(({ msg }) => msg.startsWith('audit history was lost'));
    assert.match(JSON.stringify(line), new RegExp(operation));
    await until(
      'the gauge says so',
      async () => (await service.metric('chromeos_bff_audit_history_lost')) === 1,
    );

    const env = childEnvironment({ DATABASE_URL: adminUrl, DATABASE_ADMIN_URL: adminUrl });
    const args = ['--tenant', tenant(), '--by', 'Ada', '--reason', 'restored; see the report'];
    const { stdout } = await run(process.execPath, [cli('audit-acknowledge-loss'), ...args], { env });
    assert.match(stdout, /Disconnects go on/);
    const rows = await postgres.query<{ record: { event: string; reason: string } }>(
      "select record from audit_events where event = 'acknowledged'",
      'lost',
    );
    assert.deepEqual(
      rows.map(({ record }) => record.reason),
      ['restored; see the report'],
    );
    const done = await disconnect(service, 'the-same-key');
    assert.equal(done.status, 200, JSON.stringify(done.body));
    await until(
      'the gauge is quiet',
      async () => (await service.metric('chromeos_bff_audit_history_lost')) === 0,
    );
  }

  test('by the promotion of a standby that lacked them', async () => {
    const primary = await startDebianPostgres();
    const database = await primary.createDatabase('lost');
    await migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
    const standby = await startDebianPostgres({ standbyOf: primary });
    const name = await startMovingName(primary.port);
    testEnvironment.simulator.reset();
    const service = await startService(testEnvironment, {
      environment: { DATABASE_URL: database.url.replace(`:${primary.port}/`, `:${name.port}/`) },
      adjust: (settings) => {
        const adjusting = adjust(settings);
        return { ...adjusting, database: { ...adjusting.database, vitalSignsMs: 100 } };
      },
    });
    try {
      await standby.stop();
      const first = await disconnect(service, 'the-same-key');
      assert.equal(first.status, 200, JSON.stringify(first.body));
      await primary.stop('SIGQUIT');
      await standby.start();
      await standby.promote();
      testEnvironment.simulator.setConnection(tenant(), {});
      name.leadTo(standby.port);
      await until('it is served again', async () => (await service.management.get('/readyz')).status === 200);
      const adminUrl = database.adminUrl.replace(`:${primary.port}/`, `:${standby.port}/`);
      await noticed(service, standby, adminUrl, first.body.operationId);
    } finally {
      await service.close();
      await name.close();
      await Promise.all([primary.remove(), standby.remove()]);
    }
  });

  test('by restoring yesterday’s dump: verifying tells cut from forged', async () => {
    const programs = await debianPrograms();
    const postgres = await startDebianPostgres();
    const database = await postgres.createDatabase('lost');
    await migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
    testEnvironment.simulator.reset();
    const start = (environment: Record<string, string> = {}) =>
      startService(testEnvironment, {
        environment: { DATABASE_URL: database.url, AUDIT_SIGNING_KEY_FILE: keyFile, ...environment },
        adjust: (settings) => {
          const adjusting = adjust(settings);
          return { ...adjusting, database: { ...adjusting.database, vitalSignsMs: 100 } };
        },
      });
    const dump = join(folder, 'yesterday.dump');
    const connection = ['-h', '127.0.0.1', '-p', String(postgres.port), '-U', 'postgres'];
    try {
      const reader = bearer(await testEnvironment.simulator.token('reader'));
      // Its stop signs what the dump has.
      const yesterday = await start();
      await yesterday.api.get(connectionPath).set('authorization', reader).expect(200);
      await yesterday.close();
      await run(join(programs, 'pg_dump'), [...connection, '-Fc', '-f', dump, 'lost']);
      const before = await start();
      const first = await disconnect(before, 'the-same-key');
      assert.equal(first.status, 200, JSON.stringify(first.body));
      await before.close();
      const outside = join(folder, 'outside.ndjson');
      const printed = [...yesterday.log, ...before.log];
      await writeFile(outside, printed.map((line) => `${JSON.stringify(line)}\n`).join(''));

      await postgres.query('drop database lost with (force)');
      await postgres.query('create database lost owner chromeos_bff_owner');
      await run(join(programs, 'pg_restore'), [...connection, '-d', 'lost', dump]);
      await migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });

      const verify = (...more: string[]) =>
        run(process.execPath, [cli('audit-verify'), '--public-key', publicKeyFile, ...more], {
          env: childEnvironment({ DATABASE_URL: database.url }),
        }).then(
          () => 0,
          (error: { code: number }) => error.code,
        );
      assert.equal(await verify(), 0, 'alone it is a trail like any other');
      assert.equal(await verify('--checkpoints', outside), 16, 'what is there is a true beginning');

      testEnvironment.simulator.setConnection(tenant(), {});
      const restored = await start({ AUDIT_OUTSIDE_CHECKPOINTS_FILE: outside });
      try {
        const refused = await disconnect(restored, 'the-same-key');
        assert.deepEqual([refused.status, refused.body.code], [503, 'history_lost']);
        // Reads go on: soon the trail is as long again as it was.
        for (let count = 0; count < 8; count += 1) {
          await restored.api.get(connectionPath).set('authorization', reader).expect(200);
        }
      } finally {
        await restored.close();
      }
      assert.equal(await verify('--checkpoints', outside), 16, 'it has grown, and told of its loss');
    } finally {
      await postgres.remove();
    }
  });
});
