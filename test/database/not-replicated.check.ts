import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { makeTls } from '../../simulator/certificates.ts';
import { migrate } from '../../src/adapters/database/migrate.ts';
import { Secret } from '../../src/core/secret.ts';
import { ids, makeSigningKey, makeToken, tenantNumber } from '../../tools/bench/tokens.ts';
import { startUpstream, type Upstream } from '../../tools/bench/upstream/upstream.ts';
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
import { type DebianPostgres, startDebianPostgres } from './debian-postgres.ts';

const tenants = Array.from({ length: 32 }, (_, index) => tenantNumber(index));

type Alone = {
  readonly primary: DebianPostgres;
  readonly standby: DebianPostgres;
  readonly service: TestService;
  rows(sql: string): Promise<Record<string, unknown>[]>;
};

describe('while no standby confirms a commit', () => {
  let testEnvironment: TestEnvironment;
  let upstream: Upstream;
  let tokens: string[];
  before(async () => {
    testEnvironment = await startTestEnvironment();
    const [key, certificate] = [makeSigningKey(), await makeTls()];
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), certificate.caPem]);
    upstream = await startUpstream(certificate, key.publicJwk);
    tokens = await Promise.all(
      tenants.map((tenant, user) => makeToken(key.privateKey, upstream.url, tenant, user)),
    );
  });
  after(async () => {
    await upstream?.close();
    await testEnvironment?.close();
  });

  const environment = (databaseUrl: string) => ({
    DATABASE_URL: databaseUrl,
    AZURE_AUTHORITY_HOST: upstream.url,
    GRAPH_BASE_URL: `${upstream.url}/beta`,
    AZURE_TENANT_ID: ids.homeTenant,
    ALLOWED_TENANT_IDS: tenants.join(','),
    AZURE_CLIENT_ID: ids.clientId,
    AZURE_CLIENT_SECRET: ids.clientSecret,
    ALLOWED_CLIENT_IDS: ids.portalId,
  });
  const everywhere = (service: TestService, method: 'get' | 'post', path: string) =>
    Promise.all(tokens.map((token) => service.api[method](path).set('authorization', bearer(token))));
  const acts = async () => (await upstream.stand()).calls.disconnect;

  /** A primary whose only standby has just died, and a service that has served everybody before. */
  async function alone(writeTimeoutMs: number, work: (scene: Alone) => Promise<void>): Promise<void> {
    const primary = await startDebianPostgres();
    const database = await primary.createDatabase('replicated');
    await migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
    const standby = await startDebianPostgres({ standbyOf: primary });
    const rows: Alone['rows'] = (sql) => primary.query(sql, 'replicated');
    let service: TestService | undefined;
    try {
      await configure(primary, "synchronous_standby_names = 'standby'");
      await until('the standby follows', async () => {
        const following = await rows("select from pg_stat_replication where sync_state = 'sync'");
        return following.length === 1;
      });
      service = await startService(testEnvironment, {
        environment: environment(database.url),
        adjust: (settings) => {
          const adjusting = adjusted({ graphTimeoutMs: 20_000, writeTimeoutMs })(settings);
          return { ...adjusting, database: { ...adjusting.database, vitalSignsMs: 100 } };
        },
      });
      for (const { status } of await everywhere(service, 'get', connectionPath)) assert.equal(status, 200);
      await standby.stop('SIGQUIT');
      await work({ primary, standby, rows, service });
    } finally {
      await service?.close();
      await Promise.all([primary.remove(), standby.remove()]);
    }
  }

  /** Every operation has ended as never sent, nobody is paged, and the first tenant can disconnect. */
  async function assertNothingLeft({ rows, service }: Alone, actsBefore: number): Promise<void> {
    await until('every operation has ended', async () => {
      const open = await rows('select from operations where open');
      return open.length === 0;
    });
    assert.deepEqual(await rows('select distinct status, explanation from operations'), [
      { status: 'failed', explanation: 'The record was not confirmed in time, so nothing was sent.' },
    ]);
    assert.deepEqual(await rows("select from audit_events where record ->> 'result' = 'unknown'"), []);
    assert.equal(await acts(), actsBefore, 'Graph was not asked to disconnect anything');
    await until('nobody is paged', async () => {
      const unknown = await service.metric('chromeos_bff_operations_unknown');
      return unknown === 0 && (await service.metric('chromeos_bff_attempts_without_outcome')) === 0;
    });
    const [token = ''] = tokens;
    await until('the slot is free, and a commit is confirmed', async () => {
      const { status } = await service.api.post(disconnectPath).set('authorization', bearer(token));
      return status === 200;
    });
    assert.equal((await acts()) - actsBefore, 1);
  }

  const ends: [string, (scene: Alone) => Promise<unknown>][] = [
    ['the standby is back', ({ standby }) => standby.start()],
    [
      'an operator takes it out of synchronous_standby_names',
      ({ primary }) => configure(primary, "synchronous_standby_names = ''"),
    ],
  ];
  for (const [what, end] of ends) {
    test(`nothing is sent, and nothing is left behind once ${what}`, () =>
      alone(2000, async (scene) => {
        const { rows, service } = scene;
        const actsBefore = await acts();
        const answers = await everywhere(service, 'post', disconnectPath);
        for (const { status, body } of answers) {
          assert.deepEqual([status, body.code], [503, 'audit_unavailable'], JSON.stringify(body));
        }
        // What was committed without anybody's knowing is not told as nothing.
        const opened = (await rows('select tenant_id from operations')).map(({ tenant_id }) => tenant_id);
        assert.ok(opened.length > 0, 'PostgreSQL has committed some');
        for (const [index, { body }] of answers.entries()) {
          if (opened.includes(tenants[index])) assert.doesNotMatch(JSON.stringify(body), /Nothing was done/);
        }
        await end(scene);
        await assertNothingLeft(scene, actsBefore);
      }));
  }

  // PostgreSQL calls the commit a success then, with a warning. An operator may cancel it, and so does the time limit
  // of our own sessions.
  test('a commit whose wait for the standby is cancelled is none to send on', () =>
    alone(10_000, async (scene) => {
      const { primary, rows, service } = scene;
      const actsBefore = await acts();
      const [token = ''] = tokens;
      const answer = service.api
        .post(disconnectPath)
        .set('authorization', bearer(token))
        .then((response) => response);
      await until('its commit waits for the standby, and is cancelled', async () => {
        const cancelled = await rows(
          "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep' and usename = 'chromeos_bff'",
        );
        return cancelled.length > 0;
      });
      const { status, body } = await answer;
      assert.deepEqual([status, body.code], [503, 'audit_unavailable'], JSON.stringify(body));
      assert.doesNotMatch(JSON.stringify(body), /Nothing was done/);
      await configure(primary, "synchronous_standby_names = ''");
      await assertNothingLeft(scene, actsBefore);
    }));
});

async function configure(postgres: DebianPostgres, setting: string): Promise<void> {
  await postgres.query(`alter system set ${setting}`);
  await postgres.query('select pg_reload_conf()');
}
