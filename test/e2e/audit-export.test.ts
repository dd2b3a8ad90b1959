import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { ChainReport } from '../../src/adapters/audit-verification/chain-proofs.ts';
import { verifyExport } from '../../src/adapters/audit-verification/export-file.ts';
import { Finding } from '../../src/adapters/audit-verification/finding.ts';
import { verifierFrom } from '../../src/adapters/database/statement.ts';
import type { AuditEvent } from '../../src/core/audit-event.ts';
import { apiActivity, complaintsAbout } from '../support/ocsf-schema.ts';
import { until } from '../support/processes.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  startService,
  startWorld,
  type TestService,
  type World,
} from '../support/service.ts';

const exportPath = '/api/v1/audit/export';
const statusPath = '/api/v1/audit/verification';

type Line = { type: string; number: number; digest?: string; event?: AuditEvent; signature?: string };

describe('the export of the audit trail', () => {
  let world: World;
  let service: TestService;
  let folder: string;
  let auditor: string;
  const { privateKey } = generateKeyPairSync('ed25519');
  const verifier = verifierFrom(
    createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
  );
  const environment = () => ({ AUDIT_SIGNING_KEY_FILE: join(folder, 'key.pem'), LOG_LEVEL: 'info' });

  before(async () => {
    world = await startWorld();
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-export-'));
    await writeFile(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    // What was done under an earlier process is signed when that one stops.
    const earlier = await startService(world, { environment: environment() });
    const admin = bearer(await world.simulator.token('admin'));
    await earlier.api
      .post(disconnectPath)
      .set('authorization', admin)
      .send({ reason: 'Zoë: "миграция" \u2028 💻' })
      .expect(200);
    for (let count = 0; count < 5; count += 1) {
      await earlier.api.get(connectionPath).set('authorization', admin).expect(200);
    }
    await earlier.api.get(exportPath).set('authorization', admin).expect(403);
    await earlier.close();
    service = await startService(world, { environment: environment() });
    auditor = bearer(await world.simulator.token('auditor'));
  });
  after(async () => {
    await service?.close();
    await world?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const download = (query = '') =>
    service.api
      .get(`${exportPath}${query}`)
      .set('authorization', auditor)
      .buffer(true)
      .parse((response, done) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => done(null, Buffer.concat(chunks)));
      });
  const exported = async (query?: string): Promise<Buffer> => (await download(query).expect(200)).body;
  const linesIn = (bytes: Buffer): Line[] =>
    bytes
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const verify = (bytes: Buffer): Promise<ChainReport> =>
    verifyExport(
      (async function* () {
        // In pieces, as a file comes.
        for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
      })(),
      { verifiers: new Map([[verifier.keyId, verifier]]), outside: new Map(), onProgress: () => {} },
    );
  const findingOf = async (bytes: Buffer): Promise<Finding> => {
    try {
      await verify(bytes);
    } catch (error) {
      assert.ok(error instanceof Finding, String(error));
      return error;
    }
    return assert.fail('nothing was found');
  };

  test('a whole chain with its checkpoints verifies alone, and holds that it was exported', async () => {
    const response = await download().expect(200);
    assert.equal(response.headers['content-type'], 'application/x-ndjson; charset=utf-8');
    assert.match(
      response.headers['content-disposition'] ?? '',
      /^attachment; filename="audit-\d{4}-\d\d-\d\d\.ndjson"$/,
    );
    const lines = linesIn(response.body);
    const report = await verify(response.body);
    assert.equal(report.chain, world.simulator.registration.tenantId);
    assert.ok(report.signedCheckpoints > 0 && report.provenTo > 0);
    const last = lines.findLast(({ type }) => type === 'event');
    assert.deepEqual([last?.event?.event, last?.event?.explanation], ['read', 'an export as ndjson']);
    assert.equal(last?.event?.requestId, response.headers['client-request-id']);
    assert.equal(report.length, last?.number);
    assert.equal(lines.at(-1)?.type, 'end');
  });

  test('a filtered one keeps what it leaves out by its digest, and verifies too', async () => {
    const bytes = await exported('?event=attempt');
    const lines = linesIn(bytes);
    const events = lines.filter(({ type }) => type === 'event');
    assert.deepEqual(
      events.map(({ event }) => event?.event),
      ['attempt'],
    );
    const report = await verify(bytes);
    assert.equal(lines.filter(({ type }) => type === 'omitted').length, report.length - 1);
    assert.ok(report.provenTo > 0);
  });

  test('as OCSF it is the same events, a valid API Activity each', async () => {
    const response = await download('?format=ocsf&event=attempt').expect(200);
    assert.match(response.headers['content-disposition'] ?? '', /\.ocsf\.ndjson"$/);
    const activities = linesIn(response.body);
    assert.equal(activities.length, 1);
    for (const activity of activities) assert.deepEqual(complaintsAbout(activity, apiActivity), []);
    const all = linesIn((await download('?format=ocsf').expect(200)).body);
    assert.ok(all.length > 5);
    for (const activity of all) assert.deepEqual(complaintsAbout(activity, apiActivity), []);
  });

  test('names what was done to a file, and where', async () => {
    const text = (await exported()).toString('utf8');
    const lines = text.split('\n');
    const at = lines.findIndex((line) => line.includes('"event":"attempt"'));
    const swapped = lines.with(at, String(lines[at + 1])).with(at + 1, String(lines[at]));
    const { number } = JSON.parse(String(lines[at]));
    const endless = lines.toSpliced(-2, 1);
    const { digest } = JSON.parse(String(lines[at]));
    for (const [what, altered, kind, says] of [
      ['edited', text.replace('Zoë', 'Zoe'), 'altered_event', new RegExp(`Event ${number} was altered`)],
      [
        'left out',
        lines.toSpliced(at, 1).join('\n'),
        'wrong_number',
        new RegExp(`Event ${number} is missing`),
      ],
      ['said twice', lines.toSpliced(at, 0, String(lines[at])).join('\n'), 'wrong_number', /stands twice/],
      ['reordered', swapped.join('\n'), 'wrong_number', /is missing/],
      ['cut short', endless.join('\n'), 'cut', /breaks off/],
      [
        'an event hidden behind another digest',
        text.replace(`"digest":"${digest}"`, `"digest":"${'0'.repeat(64)}"`),
        'altered_event',
        /altered/,
      ],
      [
        'formatted',
        text.replace('"type":"end",', '"type": "end",'),
        'malformed',
        /not as the service writes it/,
      ],
      ['prolonged', `${text}{}\n`, 'malformed', /nothing after the end/],
      ['without its header', lines.slice(1).join('\n'), 'malformed', /header is missing/],
      [
        'given to another tenant',
        text.replaceAll(world.simulator.registration.tenantId, world.simulator.otherTenantId),
        'altered_event',
        /./,
      ],
      ['nothing', '', 'malformed', /empty/],
    ] as const) {
      const found = await findingOf(Buffer.from(altered));
      assert.deepEqual([what, found.kind], [what, kind], found.message);
      assert.match(found.message, says);
    }
  });

  test('a checkpoint contradicts whoever makes a file anew from an edited event on', async () => {
    const lines = linesIn(await exported('?event=attempt'));
    const first = lines.findIndex(({ type }) => type === 'omitted');
    const forged = lines.with(first, { ...(lines[first] as Line), digest: 'a'.repeat(64) });
    const found = await findingOf(Buffer.from(forged.map((line) => `${JSON.stringify(line)}\n`).join('')));
    assert.equal(found.kind, 'contradicted');
  });

  test('any other byte anywhere is found', async () => {
    const bytes = await exported();
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const altered = Buffer.from(bytes);
        altered[at] = (Number(altered[at]) + by) % 256;
        await findingOf(altered);
      }),
      { numRuns: 1000 },
    );
  });

  test('a service that loses its database midway does not end as if that were all', async () => {
    const { tenantId } = world.simulator.registration;
    await world.query(
      `select append_audit_events(array_agg(replace(record::text, id::text, gen_random_uuid()::text)))
       from (select * from audit_events where chain = $1 order by number limit 1) one, generate_series(1, 15000)`,
      [tenantId],
    );
    const reading = get(`${service.url}${exportPath}`, { headers: { authorization: auditor } });
    const [response] = await once(reading, 'response');
    response.once('data', () => response.pause());
    await once(response, 'pause');
    await world.query('alter table audit_events rename to audit_events_gone');
    try {
      const broken = once(response, 'end');
      response.resume();
      await assert.rejects(broken, { code: 'ECONNRESET' });
      assert.equal(response.complete, false);
    } finally {
      await world.query('alter table audit_events_gone rename to audit_events');
    }
    await until(
      'the service is done with it',
      async () => (await service.metric('chromeos_bff_requests_in_flight')) === 0,
    );
    const line = service.log.findLast(({ route }) => route === exportPath);
    assert.deepEqual([line?.failure, line?.aborted], ['audit_unavailable', true], JSON.stringify(line));
  });

  test('a caller who goes away ends the reading', async () => {
    const reading = get(`${service.url}${exportPath}`, { headers: { authorization: auditor } });
    const [response] = await once(reading, 'response');
    await once(response, 'data');
    response.on('error', () => {});
    response.destroy();
    await until(
      'the service is done with it',
      async () => (await service.metric('chromeos_bff_requests_in_flight')) === 0,
    );
  });

  test('refusals are on the record, and say what is wrong', async () => {
    for (const [query, field] of [
      ['?format=pdf', 'format'],
      ['?limit=5', 'limit'],
      ['?cursor=x', 'cursor'],
      ['?event=nothing', 'event'],
    ]) {
      const { body } = await service.api
        .get(`${exportPath}${query}`)
        .set('authorization', auditor)
        .expect(400);
      assert.equal(body.errors[0].field, field);
    }
    const admin = bearer(await world.simulator.token('admin'));
    const refused = await service.api.get(exportPath).set('authorization', admin).expect(403);
    const [event] = await world.query<{ record: AuditEvent }>(
      "select record from audit_events where record->>'requestId' = $1",
      [refused.body.requestId],
    );
    assert.deepEqual([event?.record.event, event?.record.failure], ['refused', 'role_missing']);
    await service.api.post(exportPath).set('authorization', auditor).expect(405);
    const head = await service.api.head(exportPath).set('authorization', auditor).expect(200);
    assert.equal(head.headers['content-type'], 'application/x-ndjson; charset=utf-8');
  });

  test('when it can not be put on record nothing leaves', async () => {
    await world.query('alter function append_audit_events rename to gone');
    try {
      const response = await service.api.get(exportPath).set('authorization', auditor).expect(503);
      assert.equal(response.body.code, 'audit_unavailable');
      assert.equal(response.headers['content-disposition'], undefined);
    } finally {
      await world.query('alter function gone rename to append_audit_events');
    }
  });

  test('tells how well the chain is covered', async () => {
    const behind = (await service.api.get(statusPath).set('authorization', auditor).expect(200)).body;
    assert.equal(behind.status, 'behind');
    assert.deepEqual([behind.lastCheckpoint.keyId, behind.lastCheckpoint.signed], [verifier.keyId, true]);
    assert.ok(behind.lastCheckpoint.number < behind.length);
    // At its stop the service signs; what is read next is the chain before that reading.
    await service.close();
    service = await startService(world, { environment: environment() });
    const signed = (await service.api.get(statusPath).set('authorization', auditor).expect(200)).body;
    assert.deepEqual([signed.status, signed.lastCheckpoint.number], ['signed', signed.length]);
    const again = (await service.api.get(statusPath).set('authorization', auditor).expect(200)).body;
    assert.deepEqual([again.status, again.length], ['behind', signed.length + 1]);

    const other = bearer(await world.simulator.token('auditor', { tenantId: world.simulator.otherTenantId }));
    const none = (await service.api.get(statusPath).set('authorization', other)).body;
    assert.ok(none.code === 'invalid_token' || none.status === 'none', JSON.stringify(none));
  });
});
