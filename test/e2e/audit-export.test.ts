import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { describe, test } from 'node:test';
import { exportPath, exportScene, lengthenTrail, linesIn } from '../support/audit-exports.ts';
import { apiActivity, complaintsAbout } from '../support/ocsf-schema.ts';
import { until } from '../support/processes.ts';
import type { TestService } from '../support/service.ts';

const statusPath = '/api/v1/audit/verification';

describe('the export of the audit trail', () => {
  const it = exportScene();

  test('a whole chain with its checkpoints verifies alone, and holds that it was exported', async () => {
    const response = await it.download().expect(200);
    assert.equal(response.headers['content-type'], 'application/x-ndjson; charset=utf-8');
    assert.match(
      response.headers['content-disposition'] ?? '',
      /^attachment; filename="audit-\d{4}-\d\d-\d\d\.ndjson"$/,
    );
    const lines = linesIn(response.body);
    const report = await it.verify(response.body);
    assert.equal(report.chain, it.tenantId);
    assert.ok(report.signedCheckpoints > 0 && report.provenTo > 0);
    const last = lines.findLast(({ type }) => type === 'event');
    assert.deepEqual([last?.event?.event, last?.event?.explanation], ['read', 'an export as ndjson']);
    assert.equal(last?.event?.requestId, response.headers['client-request-id']);
    assert.equal(report.length, last?.number);
    assert.equal(lines.at(-1)?.type, 'end');
  });

  test('a filtered one keeps what it leaves out by its digest, and verifies too', async () => {
    const bytes = await it.exported('?event=attempt');
    const lines = linesIn(bytes);
    const events = lines.filter(({ type }) => type === 'event');
    assert.deepEqual(
      events.map(({ event }) => event?.event),
      ['attempt'],
    );
    const report = await it.verify(bytes);
    assert.equal(lines.filter(({ type }) => type === 'omitted').length, report.length - 1);
    assert.equal(report.omitted, report.length - 1);
    assert.ok(report.provenTo > 0);
  });

  test('as OCSF it is the same events, a valid API Activity each', async () => {
    const response = await it.download('?format=ocsf&event=attempt').expect(200);
    assert.match(response.headers['content-disposition'] ?? '', /\.ocsf\.ndjson"$/);
    const activities = linesIn(response.body);
    assert.equal(activities.length, 1);
    for (const activity of activities) assert.deepEqual(complaintsAbout(activity, apiActivity), []);
    const all = linesIn((await it.download('?format=ocsf').expect(200)).body);
    assert.ok(all.length > 5);
    for (const activity of all) assert.deepEqual(complaintsAbout(activity, apiActivity), []);
  });

  test('a service that loses its database midway does not end as if that were all', async () => {
    await lengthenTrail(it.testEnvironment, it.tenantId);
    const reading = get(`${it.service.url}${exportPath}`, { headers: { authorization: it.auditor } });
    const [response] = await once(reading, 'response');
    response.once('data', () => response.pause());
    await once(response, 'pause');
    await it.query('alter table audit_events rename to audit_events_gone');
    try {
      const broken = once(response, 'end');
      response.resume();
      await assert.rejects(broken, { code: 'ECONNRESET' });
      assert.equal(response.complete, false);
    } finally {
      await it.query('alter table audit_events_gone rename to audit_events');
    }
    await until(
      'the service is done with it',
      async () => (await it.service.metric('chromeos_bff_requests_in_flight')) === 0,
    );
    const line = it.service.log.findLast(({ route }) => route === exportPath);
    assert.deepEqual([line?.failure, line?.aborted], ['audit_unavailable', true], JSON.stringify(line));
  });

  test('a caller who goes away ends the reading', async () => {
    const reading = get(`${it.service.url}${exportPath}`, { headers: { authorization: it.auditor } });
    const [response] = await once(reading, 'response');
    await once(response, 'data');
    response.on('error', () => {});
    response.destroy();
    await until(
      'the service is done with it',
      async () => (await it.service.metric('chromeos_bff_requests_in_flight')) === 0,
    );
  });

  test('refusals are on the record, and say what is wrong', async () => {
    for (const [query, field] of [
      ['?format=pdf', 'format'],
      ['?limit=5', 'limit'],
      ['?cursor=x', 'cursor'],
      ['?event=nothing', 'event'],
    ]) {
      const { status, body } = await it.get(`${exportPath}${query}`, { as: 'auditor' });
      assert.deepEqual([status, body.errors[0].field], [400, field]);
    }
    const refused = await it.get(exportPath);
    assert.equal(refused.status, 403);
    const [event] = await it.eventsOfCall(refused);
    assert.deepEqual([event?.event, event?.failure], ['refused', 'role_missing']);
    await it.service.api.post(exportPath).set('authorization', it.auditor).expect(405);
    const head = await it.service.api.head(exportPath).set('authorization', it.auditor).expect(200);
    assert.equal(head.headers['content-type'], 'application/x-ndjson; charset=utf-8');
  });

  test('when it cannot be put on record nothing leaves', async () => {
    await it.query('alter function record_audit_events rename to gone');
    try {
      const response = await it.service.api.get(exportPath).set('authorization', it.auditor).expect(503);
      assert.equal(response.body.code, 'audit_unavailable');
      assert.equal(response.headers['content-disposition'], undefined);
    } finally {
      await it.query('alter function gone rename to record_audit_events');
    }
  });

  test('tells how well the chain is covered', async () => {
    const statusOn = async (on: TestService) => {
      const { status, body } = await it.get(statusPath, { on, as: 'auditor' });
      assert.equal(status, 200);
      return body;
    };
    const behind = await statusOn(it.service);
    assert.equal(behind.status, 'behind');
    assert.deepEqual([behind.lastCheckpoint.keyId, behind.lastCheckpoint.signed], [it.verifier.keyId, true]);
    assert.ok(behind.lastCheckpoint.number < behind.length);
    // At its stop the service signs; what is read next is the chain before that reading.
    await it.service.close();
    const next = await it.start();
    const signed = await statusOn(next);
    assert.deepEqual([signed.status, signed.lastCheckpoint.number], ['signed', signed.length]);
    const again = await statusOn(next);
    assert.deepEqual([again.status, again.length], ['behind', signed.length + 1]);

    const token = { tenantId: it.simulator.otherTenantId };
    const elsewhere = await it.get(statusPath, { on: next, as: 'auditor', token });
    assert.deepEqual([elsewhere.status, elsewhere.body.code], [401, 'invalid_token']);
  });
});
