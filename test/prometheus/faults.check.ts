import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import type { PersonName } from '../../simulator/simulator.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { until } from '../support/processes.ts';
import { hold, operationsPath } from '../support/scene.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  startService,
  startTestEnvironment,
  type TestEnvironment,
  type TestService,
} from '../support/service.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { type Alert, type Monitoring, startMonitoring, type Target } from './monitoring.ts';
import { alerts, groups } from './sources.ts';

// Each fault is caused in an installation of its own, which a real Prometheus scrapes, and is seen to be told: by the
// alert that is meant, of that installation, and by no other page. Minutes last seconds here, ranges do not.
describe('a fault is told', () => {
  let monitoring: Monitoring;
  before(async () => {
    monitoring = await startMonitoring(groups, { hurried: true });
  });
  after(async () => {
    monitoring?.close();
  });

  type Installation = {
    readonly testEnvironment: TestEnvironment;
    readonly tenantId: string;
    /** Starts a pod in this process, and has it scraped. */
    pod(options?: { environment?: Record<string, string>; unready?: boolean }): Promise<TestService>;
    /** Has these scraped besides. */
    scrape(pod: string, managementUrl: string): void;
    call(url: string, method: string, path: string, as?: PersonName): Promise<number>;
    /** Calls again and again, `count` at once, until the installation ends. */
    keepCalling(count: number, work: () => Promise<unknown>): void;
    /** Waits until that alert has arrived, and gives it. */
    told(alertname: string): Promise<Alert>;
    /** The names of what whoever is on call has been paged for. */
    pages(): string[];
  };

  async function within(
    namespace: string,
    work: (installation: Installation) => Promise<void>,
    adjust: (settings: Settings) => Settings = (settings) => settings,
  ): Promise<void> {
    const testEnvironment = await startTestEnvironment();
    const services: TestService[] = [];
    const targets: Target[] = [];
    const callers: Promise<unknown>[] = [];
    let over = false;
    const scrape = (pod: string, managementUrl: string) => {
      targets.push({ managementUrl, namespace, pod });
      monitoring.scrape(targets);
    };
    const here = ({ labels }: Alert) => labels.namespace === namespace;
    try {
      await work({
        testEnvironment,
        tenantId: testEnvironment.simulator.registration.tenantId,
        async pod({ environment, unready } = {}) {
          const service = await startService(testEnvironment, {
            ...(environment && { environment }),
            ...(unready && { unready }),
            adjust: (settings) =>
              adjust({
                ...settings,
                limits: { ...settings.limits, callerPerMinute: 0 },
                database: { ...settings.database, vitalSignsMs: 300 },
                disconnect: { ...settings.disconnect, sweepMs: 300 },
              }),
          });
          services.push(service);
          const name = `${namespace}-${services.length}`;
          scrape(name, service.managementUrl);
          // A counter that Prometheus has not seen before an event does not seem to grow with it.
          await until(`${name} is scraped`, async () => {
            const samples = await monitoring.query(`count_over_time(up{pod="${name}"}[1m]) > 1`);
            return samples.length === 1;
          });
          return service;
        },
        scrape,
        async call(url, method, path, as = 'admin') {
          const authorization = bearer(await testEnvironment.simulator.token(as));
          const answer = await fetch(`${url}${path}`, { method, headers: { authorization } });
          await answer.arrayBuffer();
          return answer.status;
        },
        keepCalling(count, calling) {
          for (let caller = 0; caller < count; caller += 1) {
            callers.push(
              (async () => {
                while (!over) await calling().catch(() => {});
              })(),
            );
          }
        },
        async told(alertname) {
          const arrived = () =>
            [...monitoring.paged, ...monitoring.ticketed].find(
              (alert) => here(alert) && alert.labels.alertname === alertname && alert.status === 'firing',
            );
          await until(`${alertname} arrives`, () => arrived() !== undefined);
          const alert = arrived() as Alert;
          const rule = alerts.find((one) => one.alert === alertname);
          assert.equal(alert.annotations.runbook_url, rule?.annotations?.runbook_url);
          assert.match(alert.annotations.description ?? '', new RegExp(`\\b${namespace}\\b`));
          assert.doesNotMatch(alert.annotations.description ?? '', /<no value>|pod [ ,.]/);
          return alert;
        },
        pages: () => [...new Set(monitoring.paged.filter(here).map(({ labels }) => labels.alertname ?? ''))],
      });
    } finally {
      over = true;
      await Promise.all(callers);
      for (const service of services) await service.close();
      await testEnvironment.close();
    }
  }

  it('Graph hangs and callers give up: within two minutes', async () => {
    await within('graph-hangs', async ({ testEnvironment, pod, told, pages, keepCalling }) => {
      const { url } = await pod();
      const authorization = bearer(await testEnvironment.simulator.token('reader'));
      testEnvironment.simulator.setFault('list', { hang: true });
      const begun = performance.now();
      keepCalling(4, () =>
        fetch(`${url}${connectionPath}`, { headers: { authorization }, signal: AbortSignal.timeout(2000) }),
      );
      await told('ChromeosBffReadsFailingFast');
      console.log(`    told ${Math.round((performance.now() - begun) / 1000)} s after the first call`);
      assert.deepEqual(pages(), ['ChromeosBffReadsFailingFast']);
    });
  });

  it('every disconnect fails while reads go well', async () => {
    await within('disconnects-fail', async ({ testEnvironment, pod, call, told, pages, keepCalling }) => {
      const { url } = await pod();
      const [{ signature } = { signature: '' }] = await testEnvironment.query<{ signature: string }>(
        "select oid::regprocedure::text as signature from pg_proc where proname = 'open_operation'",
      );
      await testEnvironment.query(
        `revoke execute on function ${signature} from ${new URL(testEnvironment.database.url).username}`,
      );
      keepCalling(2, () => call(url, 'GET', connectionPath, 'reader'));
      for (let count = 0; count < 3; count += 1) assert.equal(await call(url, 'POST', disconnectPath), 503);
      assert.equal(await call(url, 'GET', connectionPath, 'reader'), 200);
      const { annotations } = await told('ChromeosBffAuditNotWritable');
      assert.match(annotations.description ?? '', /disconnects-fail-1/, 'names the pod');
      assert.deepEqual(pages(), ['ChromeosBffAuditNotWritable'], 'the cause alone');
    });
  });

  it('every disconnect fails at Graph while reads go well', async () => {
    await within('graph-refuses-acts', async ({ testEnvironment, pod, call, told, pages }) => {
      const { url } = await pod();
      testEnvironment.simulator.setFault('disconnect', { status: 503, headers: { 'retry-after': '60' } });
      for (let count = 0; count < 3; count += 1) {
        assert.equal(await call(url, 'POST', disconnectPath), 503);
        assert.equal(await call(url, 'GET', connectionPath, 'reader'), 200);
      }
      await told('ChromeosBffDisconnectsFailing');
      assert.deepEqual(pages(), ['ChromeosBffDisconnectsFailing']);
    });
  });

  it('consent was revoked in a tenant, and those with a cached token go on', async () => {
    await within('consent-revoked', async ({ testEnvironment, tenantId, pod, call, told, pages }) => {
      const { url } = await pod();
      assert.equal(await call(url, 'GET', connectionPath, 'reader'), 200);
      for (const person of ['admin', 'second-admin', 'reader'] as const) {
        testEnvironment.simulator.setPerson(person, { consentMissing: true });
      }
      assert.equal(await call(url, 'POST', disconnectPath, 'admin'), 403);
      const { labels } = await told('ChromeosBffTenantRefused');
      assert.deepEqual([labels.tenant, labels.result], [tenantId, 'consent_required']);
      assert.deepEqual(pages(), []);
    });
  });

  it('nobody is assigned to the application any more', async () => {
    await within('not-assigned', async ({ testEnvironment, pod, call, told }) => {
      const { url } = await pod();
      testEnvironment.simulator.setPerson('admin', { entraErrorCode: 50105 });
      for (let count = 0; count < 3; count += 1) assert.equal(await call(url, 'POST', disconnectPath), 403);
      assert.equal((await told('ChromeosBffTenantRefused')).labels.result, 'access_blocked');
    });
  });

  it('our scope is wrong', async () => {
    await within('misconfigured', async ({ testEnvironment, pod, call, told, pages }) => {
      const { url } = await pod();
      testEnvironment.simulator.setPerson('admin', { entraErrorCode: 70011 });
      assert.equal(await call(url, 'POST', disconnectPath), 500);
      await told('ChromeosBffExchangeMisconfigured');
      assert.deepEqual(pages(), ['ChromeosBffExchangeMisconfigured']);
    });
  });

  it('one of two pods freezes', async () => {
    await within('frozen', async ({ testEnvironment, pod, scrape, told, pages }) => {
      await pod();
      const frozen = await startServiceProcess(testEnvironment);
      try {
        scrape('frozen-pod', frozen.managementUrl);
        await until('both are ready', async () => {
          const [sample] = await monitoring.query('sum(chromeos_bff_ready{namespace="frozen"})');
          return sample?.value[1] === '2';
        });
        frozen.child.kill('SIGSTOP');
        await told('ChromeosBffPodsMissing');
        assert.deepEqual(pages(), []);
      } finally {
        await frozen.kill();
      }
    });
  });

  /** A disconnect that Graph has, on a pod of its own that is killed then. */
  async function killInTheMiddle(testEnvironment: TestEnvironment): Promise<void> {
    const killed = await startServiceProcess(testEnvironment);
    await until('it is ready', async () => (await fetch(`${killed.managementUrl}/readyz`)).ok);
    const held = hold(testEnvironment.simulator, 'disconnect');
    const authorization = bearer(await testEnvironment.simulator.token('admin'));
    const answer = fetch(`${killed.url}${disconnectPath}`, { method: 'POST', headers: { authorization } });
    answer.catch(() => {});
    await held.arrived();
    await killed.kill();
    held.release();
    await assert.rejects(answer, 'the admin gets a broken connection');
  }

  it('a pod is killed in the middle of an act', async () => {
    await within('killed', async ({ testEnvironment, tenantId, pod, told, pages }) => {
      await pod();
      await killInTheMiddle(testEnvironment);
      await testEnvironment.query('update operations set lease_until = now()');
      const { labels } = await told('ChromeosBffOutcomeUnknown');
      assert.equal(labels.tenant, tenantId);
      assert.deepEqual(pages(), ['ChromeosBffOutcomeUnknown']);
    });
  });

  it('a pod is killed in the middle of an act, and what it left cannot be closed', async () => {
    await within('killed-and-locked', async ({ testEnvironment, tenantId, pod, told }) => {
      await pod();
      await killInTheMiddle(testEnvironment);
      const holder: pg.Client = await testEnvironment.connect();
      try {
        await holder.query('begin');
        await holder.query('select * from audit_chains for update');
        await testEnvironment.query(
          "update operations set lease_until = now(), sent_at = sent_at - interval '3 minutes'",
        );
        const { labels } = await told('ChromeosBffAttemptWithoutOutcome');
        assert.equal(labels.tenant, tenantId);
      } finally {
        await holder.end();
      }
    });
  });

  it('an accepted disconnect does not end', async () => {
    await within('not-ending', async ({ testEnvironment, tenantId, pod, call, told, pages }) => {
      const { url } = await pod();
      testEnvironment.simulator.setSequence(tenantId, ['inprogress', 'offboarding']);
      assert.equal(await call(url, 'POST', disconnectPath), 200);
      await testEnvironment.query("update operations set sent_at = sent_at - interval '25 hours'");
      assert.equal((await told('ChromeosBffOperationNotEnding')).labels.tenant, tenantId);
      assert.deepEqual(pages(), []);
    });
  });

  it('production is down while staging is up', async () => {
    await within('staging', async ({ pod }) => {
      const { managementUrl } = await pod();
      await within('production', async ({ pod: production, told, pages }) => {
        const service = await production();
        // Beside the other one, which answers all the while.
        monitoring.scrape([
          { managementUrl, namespace: 'staging', pod: 'staging-1' },
          { managementUrl: service.managementUrl, namespace: 'production', pod: 'production-1' },
        ]);
        await until('both are scraped', async () => (await monitoring.query('up == 1')).length === 2);
        await service.close();
        await told('ChromeosBffDown');
        assert.deepEqual(pages(), ['ChromeosBffDown']);
        assert.ok(!monitoring.paged.some(({ labels }) => labels.namespace === 'staging'));
      });
    });
  });

  it('all connections wait for a lock: the pool is saturated, the database is not down', async () => {
    await within('locked', async ({ testEnvironment, pod, call, told, keepCalling }) => {
      const { url } = await pod();
      const holder = await testEnvironment.connect();
      await holder.query('begin');
      await holder.query('lock table operations in access exclusive mode');
      keepCalling(30, () => call(url, 'GET', operationsPath, 'reader'));
      const { annotations } = await told('ChromeosBffDatabasePoolSaturated');
      assert.match(annotations.description ?? '', /locked-1/, 'names the pod');
      await holder.end();
      assert.ok(!monitoring.paged.some(({ labels }) => labels.alertname === 'ChromeosBffDatabaseDown'));
    });
  });

  it('the database is out of reach while many call: one page', async () => {
    await within('no-database', async ({ testEnvironment, pod, call, told, pages, keepCalling }) => {
      const url = new URL(testEnvironment.database.url);
      const wire = await startTcpProxy(Number(url.port));
      url.port = String(wire.port);
      try {
        const service = await pod({ environment: { DATABASE_URL: url.href } });
        keepCalling(3, () => call(service.url, 'GET', connectionPath, 'reader'));
        keepCalling(1, () => call(service.url, 'POST', disconnectPath));
        wire.onConnection(() => 'refuse');
        wire.cut();
        await told('ChromeosBffDatabaseDown');
        await until('Alertmanager keeps back what follows from it', async () => {
          const kept = await monitoring.keptBack('no-database');
          return ['AuditNotWritable', 'DisconnectsFailing', 'ReadsFailingFast'].every((name) =>
            kept.includes(`ChromeosBff${name}`),
          );
        });
        assert.deepEqual(pages(), ['ChromeosBffDatabaseDown']);
      } finally {
        await wire.close();
      }
    });
  });
});
