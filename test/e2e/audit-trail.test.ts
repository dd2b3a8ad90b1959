import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import pg from 'pg';
import { digestOf, genesisOf, nextLink } from '../../src/audit-verification/format/audit-chain.ts';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { sampleEvent } from '../support/audit.ts';
import { until } from '../support/processes.ts';
import { emptyScene } from '../support/scene.ts';
import { connectionPath, eventsPath } from '../support/service.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { signingKey, signingKeyPem } from '../support/signing-key.ts';

type Row = { number: string; text: string; digest: Buffer; link: Buffer; record: AuditEvent };

describe('the audit trail', () => {
  const key = signingKey();
  const it = emptyScene({ timings: { graphTimeoutMs: 30_000 } });

  const chain = (name: string) =>
    it.query<Row>(
      'select number, record::text as text, record, digest, link from audit_events where chain = $1 order by number',
      [name],
    );
  const readEvents = async () => {
    const answer = await it.get(eventsPath, { as: 'auditor' });
    assert.equal(answer.status, 200);
    return answer;
  };
  const disconnected = async () => {
    const { status, body } = await it.disconnect();
    assert.equal(status, 200);
    return body;
  };

  test('two replicas share one chain without a gap, and every link is what it should be', async () => {
    const [one, two] = [await it.start(), await it.start()];
    const calls = Array.from({ length: 100 }, (_, index) =>
      it.readConnection({ on: index % 2 === 0 ? one : two, as: 'reader' }),
    );
    for (const { status } of await Promise.all(calls)) assert.equal(status, 200);
    const rows = await chain(it.tenantId);
    assert.ok(rows.length >= 100);
    let link = genesisOf(it.tenantId);
    for (const [index, row] of rows.entries()) {
      assert.equal(Number(row.number), index + 1);
      assert.deepEqual(row.digest, digestOf(row.text));
      link = nextLink(link, row.digest);
      assert.deepEqual(row.link, link);
    }
    const [head] = await it.query<{ length: string; head: Buffer }>(
      'select length, head from audit_chains where chain = $1',
      [it.tenantId],
    );
    assert.deepEqual([Number(head?.length), head?.head], [rows.length, link]);
  });

  test('checkpoints are signed at the start and at a clean stop, in the database and on stdout', async () => {
    const service = await it.start({ environment: key.environment });
    await until('a checkpoint is printed', () =>
      service.log.some((line) => line.stream === 'audit-checkpoint'),
    );
    await readEvents();
    assert.equal(await service.metric('chromeos_bff_audit_checkpoints_signed'), 1);
    await service.close();

    const printed = service.log.filter((line) => line.stream === 'audit-checkpoint');
    const last = printed.at(-1);
    const statement = JSON.parse(String(last?.statement));
    const rows = await chain(it.tenantId);
    assert.equal(statement.chain, it.tenantId);
    assert.equal(statement.number, rows.length);
    assert.equal(statement.link, rows.at(-1)?.link.toString('hex'));
    const signature = Buffer.from(String(last?.signature), 'base64');
    assert.ok(verify(null, Buffer.from(String(last?.statement)), key.publicKey, signature));
    const stored = await it.query<{ statement: string; signature: Buffer }>(
      'select statement, signature from audit_checkpoints where chain = $1 order by made_at desc limit 1',
      [it.tenantId],
    );
    assert.equal(stored[0]?.statement, last?.statement);
    assert.deepEqual(stored[0]?.signature, signature);
  });

  test('a key that is replaced signs from the next checkpoint on, without a restart', async () => {
    const file = `${key.file}-rotating`;
    const next = generateKeyPairSync('ed25519');
    await copyFile(key.file, file);
    const service = await it.start({ environment: { AUDIT_SIGNING_KEY_FILE: file } });
    const isSignedWith = (key: KeyObject) => {
      const last = service.log.findLast(({ stream }) => stream === 'audit-checkpoint');
      const signature = Buffer.from(String(last?.signature), 'base64');
      return verify(null, Buffer.from(String(last?.statement)), createPublicKey(key), signature);
    };
    await writeFile(file, 'half a key');
    const { body } = await service.management.get('/readyz?verbose').expect(200);
    assert.match(JSON.stringify(body), /using the previous key: AUDIT_SIGNING_KEY_FILE does not hold/);
    await writeFile(file, signingKeyPem(next.privateKey));
    await readEvents();
    await service.close();
    assert.ok(isSignedWith(next.privateKey));
  });

  test('without a key checkpoints are unsigned, and readiness and a metric say so', async () => {
    const service = await it.start();
    const verbose = await service.management.get('/readyz?verbose').expect(200);
    assert.match(JSON.stringify(verbose.body), /AUDIT_SIGNING_KEY_FILE: checkpoints are unsigned/);
    assert.equal(await service.metric('chromeos_bff_audit_checkpoints_signed'), 0);
  });

  test('the same events stand on stdout, told apart by a field', async () => {
    const service = await it.start();
    const body = await disconnected();
    const printed = service.log
      .filter((line) => line.stream === 'audit')
      .map((line) => line.event as AuditEvent)
      .filter((event) => event.operationId === body.operationId);
    const stored = (await chain(it.tenantId)).map((row) => row.record);
    assert.deepEqual(
      printed,
      stored.filter((event) => event.operationId === body.operationId),
    );
    assert.deepEqual(
      printed.map((event) => event.event),
      ['attempt', 'outcome'],
    );
  });

  test('rejected sign-ins are on the record of nobody’s chain, with their true cause', async () => {
    await it.start();
    const refused = await it.readConnection({ token: { expiresIn: -600 } });
    assert.equal(refused.status, 401);
    const record = async () =>
      (await chain('none')).find((row) => row.record.requestId === refused.body.requestId)?.record;
    await until('it is on record', async () => (await record()) !== undefined);
    const event = await record();
    assert.deepEqual([event?.event, event?.action, event?.failure], ['refused', 'sign_in', 'token_invalid']);
    assert.match(String(event?.explanation), /expired/);
    assert.equal(event?.actor.oid, 'unknown');
  });

  test('a flood of rejected sign-ins holds nobody up: some are dropped, and counted', async () => {
    await it.start({
      adjust: (settings) => ({
        ...settings,
        audit: {
          ...settings.audit,
          rejectedSignIns: 5,
          rejectedSignInsPerMinute: { perAddress: 1000, overAll: 1000 },
        },
      }),
    });
    // Nothing can be written while another holds the chain's head, so the queue fills for certain.
    const blocker = await it.testEnvironment.connect();
    const garbage = await it.simulator.token('admin', { key: 'unpublished' });
    await blocker.query('begin');
    await blocker.query(
      "insert into audit_chains values ('none', 0, audit_genesis('none')) on conflict do nothing",
    );
    await blocker.query("select from audit_chains where chain = 'none' for update");
    const flood = Array.from({ length: 60 }, () => it.readConnection({ token: garbage }));
    for (const { status } of await Promise.all(flood)) assert.equal(status, 401);
    await blocker.query('rollback');
    const dropped = await it.service.metric('chromeos_bff_audit_rejected_sign_ins_dropped_total', {
      reason: 'full',
    });
    assert.ok(dropped > 0);
    assert.equal((await it.readConnection({ as: 'reader' })).status, 200);
  });

  test('rejected sign-ins beyond a small rate are one event that sums them up', async () => {
    const before = (await chain('none')).length;
    const service = await it.start({ environment: { TRUST_PROXY_HOPS: '1' } });
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
    // The minute's summary comes at the end, if not before.
    await service.close();
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
    await it.start();
    const reason = 'a\u009b31m\u202eb';
    const event = sampleEvent(it.tenantId, { reason, time: new Date().toISOString() });
    await it.query('select from record_audit_events($1::json, 5000)', [JSON.stringify([event])]);
    const { text, body } = await readEvents();
    assert.match(text, /a\\u009b31m\\u202eb/);
    assert.ok(body.events.some((one: AuditEvent) => one.reason === reason));
  });

  test('a setting keeps names off the record', async () => {
    await it.start({
      adjust: (settings) => ({ ...settings, audit: { ...settings.audit, keepNames: false } }),
    });
    const { operationId } = await disconnected();
    const events = await it.events(operationId);
    assert.equal(events.length, 2);
    for (const { actor } of events) assert.equal(actor.name, null);
    assert.equal(events[0]?.connection?.owner, null);
    const [operation] = await it.query('select requester_name, connection from operations where id = $1', [
      operationId,
    ]);
    assert.equal(operation?.requester_name, null);
    assert.equal(operation?.connection.owner, null);
  });

  test('a write that hangs counts as failed: nothing is done, and the caller is told so', async () => {
    await it.start({ timings: { writeTimeoutMs: 1000 } });
    const blocker = await it.testEnvironment.connect();
    await blocker.query('begin');
    await blocker.query('select from audit_chains where chain = $1 for update', [it.tenantId]);
    const acts = it.simulator.acts().length;
    const { status, body } = await it.disconnect();
    await blocker.query('rollback');
    assert.deepEqual([status, body.code], [503, 'audit_unavailable']);
    assert.match(body.detail, /Nothing was done/);
    assert.equal(it.simulator.acts().length, acts);
    await until('it serves again', async () => (await it.disconnect()).status === 200);
    assert.equal(it.simulator.acts().length, acts + 1);
  });

  test('connections cut at any moment: nothing acknowledged is lost, nothing stands twice', async () => {
    await it.start();
    const token = await it.simulator.token('reader');
    // A role may end its own connections.
    const cutter = new pg.Client({ connectionString: it.testEnvironment.database.url });
    await cutter.connect();
    const calls = Array.from({ length: 60 }, () => it.readConnection({ token }));
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
    const rows = await chain(it.tenantId);
    const onRecord = rows.map((row) => row.record.requestId);
    assert.equal(new Set(rows.map((row) => row.record.id)).size, rows.length);
    for (const response of responses) {
      assert.ok([200, 503].includes(response.status), String(response.status));
      const id = String(response.headers['client-request-id']);
      if (response.status === 200) assert.equal(onRecord.filter((candidate) => candidate === id).length, 1);
    }
  });

  test('killed under load: no act without its attempt, and each attempt is closed once', async () => {
    const before = it.simulator.acts().length;
    for (let round = 0; round < 3; round += 1) {
      await it.testEnvironment.closeOperations();
      it.simulator.setConnection(it.tenantId, { id: crypto.randomUUID() });
      const service = await startServiceProcess(it.testEnvironment);
      const killed = Promise.withResolvers<void>();
      const stopListening = it.simulator.onCall((call) => {
        // At another moment each round: before the exchange is answered, the read, the act.
        if (call.endpoint !== (['token', 'list', 'disconnect'] as const)[round]) return;
        service.child.kill('SIGKILL');
        killed.resolve();
      });
      const call = it.disconnect({ on: service }).catch(() => null);
      await Promise.all([killed.promise, call, service.ended()]);
      stopListening();
    }
    await it.query("update operations set lease_until = now() where status = 'sent'");
    await it.start();
    const open = () => it.query("select from operations where status = 'sent'");
    await until('every attempt has an outcome', async () => (await open()).length === 0);
    const events = (await chain(it.tenantId)).map((row) => row.record);
    const acts = it.simulator.acts().slice(before);
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
  });
});
