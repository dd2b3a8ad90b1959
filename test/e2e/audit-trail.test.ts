import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import { digestOf, genesisOf, nextLink } from '../../src/audit-verification/format/audit-chain.ts';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { sampleEvent } from '../support/audit.ts';
import { until } from '../support/processes.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  eventsPath,
  startService,
  startWorld,
  type TestService,
  type World,
} from '../support/service.ts';
import { startServiceProcess } from '../support/service-process.ts';

type Row = { number: string; text: string; digest: Buffer; link: Buffer; record: AuditEvent };

describe('the audit trail', () => {
  let world: World;
  let folder: string;
  let keyFile: string;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  before(async () => {
    world = await startWorld();
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-audit-'));
    keyFile = join(folder, 'key.pem');
    await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  });
  after(async () => {
    await world?.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await world.closeOperations();
    world.simulator.reset();
  });

  const home = () => world.simulator.registration.tenantId;
  const chain = (name: string) =>
    world.query<Row>(
      'select number, record::text as text, record, digest, link from audit_events where chain = $1 order by number',
      [name],
    );
  const withService = async (
    options: Parameters<typeof startService>[1],
    use: (service: TestService) => Promise<void>,
  ) => {
    const service = await startService(world, options);
    try {
      await use(service);
    } finally {
      await service.close();
    }
  };

  test('two replicas share one chain without a gap, and every link is what it should be', async () => {
    const reader = bearer(await world.simulator.token('reader'));
    await withService({}, (one) =>
      withService({}, async (two) => {
        const calls = Array.from({ length: 100 }, (_, index) =>
          (index % 2 === 0 ? one : two).api.get(connectionPath).set('authorization', reader).expect(200),
        );
        await Promise.all(calls);
      }),
    );
    const rows = await chain(home());
    assert.ok(rows.length >= 100);
    let link = genesisOf(home());
    for (const [index, row] of rows.entries()) {
      assert.equal(Number(row.number), index + 1);
      assert.deepEqual(row.digest, digestOf(row.text));
      link = nextLink(link, row.digest);
      assert.deepEqual(row.link, link);
    }
    const [head] = await world.query<{ length: string; head: Buffer }>(
      'select length, head from audit_chains where chain = $1',
      [home()],
    );
    assert.deepEqual([Number(head?.length), head?.head], [rows.length, link]);
  });

  test('checkpoints are signed at the start and at a clean stop, in the database and on stdout', async () => {
    const service = await startService(world, { environment: { AUDIT_SIGNING_KEY_FILE: keyFile } });
    await until('a checkpoint is printed', () =>
      service.log.some((line) => line.stream === 'audit-checkpoint'),
    );
    const auditor = bearer(await world.simulator.token('auditor'));
    await service.api.get(eventsPath).set('authorization', auditor).expect(200);
    assert.equal(await service.metric('chromeos_bff_audit_checkpoints_signed'), 1);
    await service.close();

    const printed = service.log.filter((line) => line.stream === 'audit-checkpoint');
    const last = printed.at(-1);
    const statement = JSON.parse(String(last?.statement));
    const rows = await chain(home());
    assert.equal(statement.chain, home());
    assert.equal(statement.number, rows.length);
    assert.equal(statement.link, rows.at(-1)?.link.toString('hex'));
    const key = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }));
    const signature = Buffer.from(String(last?.signature), 'base64');
    assert.ok(verify(null, Buffer.from(String(last?.statement)), key, signature));
    const stored = await world.query<{ statement: string; signature: Buffer }>(
      'select statement, signature from audit_checkpoints where chain = $1 order by made_at desc limit 1',
      [home()],
    );
    assert.equal(stored[0]?.statement, last?.statement);
    assert.deepEqual(stored[0]?.signature, signature);
  });

  test('a key that is replaced signs from the next checkpoint on, without a restart', async () => {
    const file = `${keyFile}-rotating`;
    const next = generateKeyPairSync('ed25519');
    const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
    await copyFile(keyFile, file);
    const service = await startService(world, { environment: { AUDIT_SIGNING_KEY_FILE: file } });
    const signedWith = (key: KeyObject) => {
      const last = service.log.findLast(({ stream }) => stream === 'audit-checkpoint');
      const signature = Buffer.from(String(last?.signature), 'base64');
      return verify(null, Buffer.from(String(last?.statement)), createPublicKey(pemOf(key)), signature);
    };
    try {
      await writeFile(file, 'half a key');
      const { body } = await service.management.get('/readyz?verbose').expect(200);
      assert.match(JSON.stringify(body), /using the previous key: AUDIT_SIGNING_KEY_FILE does not hold/);
      await writeFile(file, pemOf(next.privateKey));
      const auditor = bearer(await world.simulator.token('auditor'));
      await service.api.get(eventsPath).set('authorization', auditor).expect(200);
    } finally {
      await service.close();
    }
    assert.ok(signedWith(next.privateKey));
  });

  test('without a key checkpoints are unsigned, and readiness and a metric say so', async () => {
    await withService({}, async (service) => {
      const verbose = await service.management.get('/readyz?verbose').expect(200);
      assert.match(JSON.stringify(verbose.body), /AUDIT_SIGNING_KEY_FILE: checkpoints are unsigned/);
      assert.equal(await service.metric('chromeos_bff_audit_checkpoints_signed'), 0);
    });
  });

  test('the same events stand on stdout, told apart by a field', async () => {
    await withService({}, async (service) => {
      const admin = bearer(await world.simulator.token('admin'));
      const { body } = await service.api.post(disconnectPath).set('authorization', admin).expect(200);
      const printed = service.log
        .filter((line) => line.stream === 'audit')
        .map((line) => line.event as AuditEvent)
        .filter((event) => event.operationId === body.operationId);
      const stored = (await chain(home())).map((row) => row.record);
      assert.deepEqual(
        printed,
        stored.filter((event) => event.operationId === body.operationId),
      );
      assert.deepEqual(
        printed.map((event) => event.event),
        ['attempt', 'outcome'],
      );
    });
  });

  test('rejected sign-ins are on the record of nobody’s chain, with their true cause', async () => {
    await withService({}, async (service) => {
      const stale = bearer(await world.simulator.token('admin', { expiresIn: -600 }));
      const refused = await service.api.get(connectionPath).set('authorization', stale).expect(401);
      const record = async () =>
        (await chain('none')).find((row) => row.record.requestId === refused.body.requestId)?.record;
      await until('it is on record', async () => (await record()) !== undefined);
      const event = await record();
      assert.deepEqual(
        [event?.event, event?.action, event?.failure],
        ['refused', 'sign_in', 'token_invalid'],
      );
      assert.match(String(event?.explanation), /expired/);
      assert.equal(event?.actor.oid, 'unknown');
    });
  });

  test('a flood of rejected sign-ins holds nobody up: some are dropped, and counted', async () => {
    const adjust = (
      settings: Parameters<NonNullable<NonNullable<Parameters<typeof startService>[1]>['adjust']>>[0],
    ) => ({
      ...settings,
      audit: {
        ...settings.audit,
        rejectedSignIns: 5,
        rejectedSignInsPerMinute: { perAddress: 1000, overAll: 1000 },
      },
    });
    // Nothing can be written while another holds the chain's head, so the queue fills for certain.
    const blocker = new pg.Client({ connectionString: world.database.adminUrl });
    await blocker.connect();
    await withService({ adjust }, async (service) => {
      const garbage = await world.simulator.token('admin', { key: 'unpublished' });
      await blocker.query('begin');
      await blocker.query(
        "insert into audit_chains values ('none', 0, audit_genesis('none')) on conflict do nothing",
      );
      await blocker.query("select from audit_chains where chain = 'none' for update");
      const flood = Array.from({ length: 60 }, () =>
        service.api.get(connectionPath).set('authorization', bearer(garbage)).expect(401),
      );
      await Promise.all(flood);
      await blocker.query('rollback');
      const dropped = await service.metric('chromeos_bff_audit_rejected_sign_ins_dropped_total', {
        reason: 'full',
      });
      assert.ok(dropped > 0);
      const reader = bearer(await world.simulator.token('reader'));
      await service.api.get(connectionPath).set('authorization', reader).expect(200);
    });
    await blocker.end();
  });

  test('rejected sign-ins beyond a small rate are one event that sums them up', async () => {
    const before = (await chain('none')).length;
    await withService({ environment: { TRUST_PROXY_HOPS: '1' } }, async (service) => {
      const send = (address: string, times: number) =>
        Promise.all(
          Array.from({ length: times }, () =>
            service.api
              .get(connectionPath)
              .set('authorization', 'Bearer a.b.c')
              .set('x-forwarded-for', address)
              .expect(401),
          ),
        );
      await send('192.0.2.1', 20);
      await send('192.0.2.2', 8);
    });
    const events = (await chain('none')).slice(before).map(({ record }) => record);
    const addresses = events.map(({ source }) => source.address).toSorted();
    assert.deepEqual(addresses, [...Array(5).fill('192.0.2.1'), ...Array(5).fill('192.0.2.2'), 'several']);
    const summary = events.find(({ source }) => source.address === 'several');
    assert.deepEqual(
      [summary?.event, summary?.action, summary?.actor.oid],
      ['refused', 'sign_in', 'unknown'],
    );
    assert.match(
      String(summary?.explanation),
      /^18 more rejected sign-ins within a minute, from 2 addresses: 18 × /,
    );
  });

  test('answers show nothing that a terminal would obey, whatever is stored', async () => {
    await withService({}, async (service) => {
      const reason = 'a\u009b31m\u202eb';
      const event = sampleEvent(home(), { reason, time: new Date().toISOString() });
      await world.query('select from record_audit_events($1::json, 5000)', [JSON.stringify([event])]);
      const auditor = bearer(await world.simulator.token('auditor'));
      const { text, body } = await service.api.get(eventsPath).set('authorization', auditor).expect(200);
      assert.match(text, /a\\u009b31m\\u202eb/);
      assert.ok(body.events.some((one: AuditEvent) => one.reason === reason));
    });
  });

  test('a setting keeps names off the record', async () => {
    const service = await startService(world, {
      adjust: (settings) => ({ ...settings, audit: { ...settings.audit, keepNames: false } }),
    });
    try {
      const admin = bearer(await world.simulator.token('admin'));
      const { body } = await service.api.post(disconnectPath).set('authorization', admin).expect(200);
      const events = (await chain(home())).filter((row) => row.record.operationId === body.operationId);
      assert.equal(events.length, 2);
      for (const { record } of events) assert.equal(record.actor.name, null);
      assert.equal(events[0]?.record.connection?.owner, null);
      const [operation] = await world.query(
        'select requester_name, connection from operations where id = $1',
        [body.operationId],
      );
      assert.equal(operation?.requester_name, null);
      assert.equal(operation?.connection.owner, null);
    } finally {
      await service.close();
    }
  });

  test('a write that hangs counts as failed: nothing is done, and the caller is told so', async () => {
    const blocker = new pg.Client({ connectionString: world.database.adminUrl });
    await blocker.connect();
    await withService(
      { adjust: (settings) => ({ ...settings, audit: { ...settings.audit, writeTimeoutMs: 300 } }) },
      async (service) => {
        const admin = bearer(await world.simulator.token('admin'));
        await blocker.query('begin');
        await blocker.query('select from audit_chains where chain = $1 for update', [home()]);
        const acts = world.simulator.acts().length;
        const response = await service.api.post(disconnectPath).set('authorization', admin).expect(503);
        assert.equal(response.body.code, 'audit_unavailable');
        assert.match(response.body.detail, /Nothing was done/);
        await blocker.query('rollback');
        assert.equal(world.simulator.acts().length, acts);
        await until('it serves again', async () => {
          const again = await service.api.post(disconnectPath).set('authorization', admin);
          return again.status === 200;
        });
        assert.equal(world.simulator.acts().length, acts + 1);
      },
    );
    await blocker.end();
  });

  test('connections cut at any moment: nothing acknowledged is lost, nothing stands twice', async () => {
    await withService({}, async (service) => {
      const reader = bearer(await world.simulator.token('reader'));
      // A role may end its own connections.
      const cutter = new pg.Client({ connectionString: world.database.url });
      await cutter.connect();
      const calls = Array.from({ length: 60 }, () =>
        service.api.get(connectionPath).set('authorization', reader),
      );
      let cutting = true;
      const ended = Promise.all(calls).finally(() => {
        cutting = false;
      });
      while (cutting) {
        await cutter.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chromeos-connector-bff' and datname = current_database()",
        );
        await new Promise((resolve) => setImmediate(resolve));
      }
      const responses = await ended;
      await cutter.end();
      const rows = await chain(home());
      const onRecord = rows.map((row) => row.record.requestId);
      assert.equal(new Set(rows.map((row) => row.record.id)).size, rows.length);
      for (const response of responses) {
        assert.ok([200, 503].includes(response.status), String(response.status));
        const id = String(response.headers['client-request-id']);
        if (response.status === 200) assert.equal(onRecord.filter((candidate) => candidate === id).length, 1);
      }
    });
  });

  test('killed under load: no act without its attempt, and each attempt is closed once', async () => {
    const before = world.simulator.acts().length;
    for (let round = 0; round < 3; round += 1) {
      await world.closeOperations();
      world.simulator.setConnection(home(), { id: crypto.randomUUID() });
      const service = await startServiceProcess(world);
      const admin = bearer(await world.simulator.token('admin'));
      const killed = Promise.withResolvers<void>();
      const stopListening = world.simulator.onCall((call) => {
        // At another moment each round: before the exchange is answered, the read, the act.
        if (call.endpoint !== (['token', 'list', 'disconnect'] as const)[round]) return;
        service.child.kill('SIGKILL');
        killed.resolve();
      });
      const call = fetch(`${service.url}${disconnectPath}`, {
        method: 'POST',
        headers: { authorization: admin },
      }).catch(() => null);
      await Promise.all([killed.promise, call, service.ended()]);
      stopListening();
    }
    await world.query("update operations set lease_until = now() where status = 'sent'");
    await withService({}, async (service) => {
      const open = () => world.query("select from operations where status = 'sent'");
      await until('every attempt has an outcome', async () => (await open()).length === 0);
      const events = (await chain(home())).map((row) => row.record);
      const acts = world.simulator.acts().slice(before);
      assert.equal(acts.length, 1);
      for (const act of acts) {
        const attempts = events.filter(
          (event) => event.event === 'attempt' && event.requestId === act.clientRequestId,
        );
        assert.equal(attempts.length, 1);
        const outcomes = events.filter(
          (event) => event.event === 'outcome' && event.operationId === attempts[0]?.operationId,
        );
        assert.equal(outcomes.length, 1);
        assert.equal(outcomes[0]?.result, 'unknown');
        assert.match(String(outcomes[0]?.explanation), /may have stopped/);
      }
      assert.ok(service);
    });
  });
});
