import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import pg from 'pg';
import { superuserUrl } from '../../tools/postgres/postgres-access.ts';
import { postgresAccess } from '../support/postgres.ts';
import { until } from '../support/processes.ts';
import {
  bearer,
  connectionPath,
  startService,
  startWorld,
  type TestService,
  type World,
} from '../support/service.ts';

const verificationPath = '/api/v1/audit/verification';

describe('a trail that somebody rewrites under a running service', () => {
  let world: World;
  let folder: string;
  let superuser: pg.Client;
  before(async () => {
    world = await startWorld();
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-contradicted-'));
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const access = postgresAccess();
    const name = new URL(world.database.url).pathname.slice(1);
    superuser = new pg.Client({ connectionString: superuserUrl(access, name) });
    await superuser.connect();
  });
  after(async () => {
    await superuser?.end();
    await world?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const running: TestService[] = [];
  afterEach(async () => {
    for (const service of running.splice(0)) await service.close();
  });
  const start = async () => {
    const service = await startService(world, {
      environment: { AUDIT_SIGNING_KEY_FILE: join(folder, 'key.pem'), RATE_LIMIT_CALLER: '0' },
      adjust: (settings) => ({ ...settings, audit: { ...settings.audit, checkpointMs: 50 } }),
    });
    running.push(service);
    return service;
  };
  const home = () => world.simulator.registration.tenantId;
  const status = async (service: TestService) => {
    const auditor = bearer(await world.simulator.token('auditor'));
    const { body } = await service.api.get(verificationPath).set('authorization', auditor).expect(200);
    return body;
  };
  /** Without the key, but with everything else. */
  async function rewrite(): Promise<void> {
    await superuser.query('begin');
    await superuser.query('set local session_replication_role = replica');
    await superuser.query(
      `update audit_events set record = replace(record::text, 'succeeded', 'refused')::json where chain = $1 and number = 1`,
      [home()],
    );
    await superuser.query(`
      do $$ declare r record; previous bytea := audit_genesis('${home()}'); begin
        for r in select * from audit_events where chain = '${home()}' order by number loop
          previous := sha256(previous || sha256(convert_to(r.record::text, 'UTF8')));
          update audit_events set digest = sha256(convert_to(record::text, 'UTF8')), link = previous
          where chain = r.chain and number = r.number;
        end loop;
        update audit_chains set head = previous where chain = '${home()}';
      end $$`);
    await superuser.query('commit');
  }

  test('is not signed any more, and metric, readiness, log and API say so; nor is it after a restart', async () => {
    const service = await start();
    const reader = bearer(await world.simulator.token('reader'));
    await service.api.get(connectionPath).set('authorization', reader).expect(200);
    await until('it is signed', async () => {
      const { status: is } = await status(service);
      return is === 'signed' || is === 'behind';
    });
    assert.equal(await service.metric('chromeos_bff_audit_contradicted', { reason: 'changed' }), 0);

    await rewrite();
    await service.api.get(connectionPath).set('authorization', reader).expect(200);
    await until('it is noticed', async () => (await status(service)).status === 'contradicted');
    assert.equal(await service.metric('chromeos_bff_audit_contradicted', { reason: 'changed' }), 1);
    const verbose = await service.management.get('/readyz?verbose').expect(200);
    assert.match(JSON.stringify(verbose.body), new RegExp(`${home()} is not signed: the link of event`));
    const said = service.log.filter((line) => String(line.msg).startsWith('an audit chain contradicts'));
    assert.deepEqual(
      said.map(({ level, chain, reason }) => [level, chain, reason]),
      [['error', home(), 'changed']],
    );
    await until('receivers are to be told', async () => {
      const queued = await world.query<{ tenant_id: string; detail: object }>(
        "select tenant_id, detail from notifications where type like '%.history.contradicted'",
      );
      if (queued.length === 0) return false;
      assert.deepEqual(
        queued.map(({ tenant_id, detail }) => ({ chain: tenant_id, ...detail })),
        said.map(({ chain, reason, problem }) => ({ chain, reason, message: problem })),
      );
      return true;
    });
    await service.close();

    // Deleted as well, and a new process knows nothing of before.
    await superuser.query('set session_replication_role = replica');
    await superuser.query('delete from audit_checkpoints');
    await superuser.query("update audit_events set occurred_at = occurred_at - interval '2 hours'");
    await superuser.query('set session_replication_role = origin');
    const again = await start();
    await until('it is noticed', async () => (await status(again)).status === 'contradicted');
    assert.equal(await again.metric('chromeos_bff_audit_contradicted', { reason: 'never_signed' }), 1);
    const { rows } = await superuser.query('select from audit_checkpoints where chain = $1', [home()]);
    assert.equal(rows.length, 0);
  });
});
