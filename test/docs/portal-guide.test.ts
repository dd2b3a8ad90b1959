import assert from 'node:assert/strict';
import { Session } from 'node:inspector/promises';
import { after, describe, test } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { catalogue } from '../../src/http/problems/catalogue.ts';
import { type Exports, guidePortal, origin } from '../support/guide-portal.ts';
import { signIns } from '../support/msal-stand-in.ts';
import { until } from '../support/processes.ts';
import { hold } from '../support/scene.ts';

const onTrouble = (error: unknown) => assert.fail(String(error));
const stepUp = { access_token: { acrs: { essential: true, value: 'c1' } } };

describe('the portal guide', () => {
  let profiler: Session;
  const portal = guidePortal({
    tls: true,
    async onLoad() {
      profiler = new Session();
      profiler.connect();
      await profiler.post('Profiler.enable');
      await profiler.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    },
  });
  const { acts, as, asked, readConnection, intentNow, disconnect, withFetch } = portal;
  after(() => profiler?.disconnect());

  test('signs in as the guide says: claims-capable, nothing in storage, back to the bridge page', async () => {
    const [config] = signIns.configs;
    assert.deepEqual(config?.auth.clientCapabilities, ['cp1']);
    assert.equal(config?.cache.cacheLocation, 'memoryStorage');
    assert.equal(config?.auth.redirectUri, `${origin}/redirect.html`);
    assert.equal(signIns.bridged, 1);
    const metadata = JSON.parse(String(config?.auth.authorityMetadata));
    assert.ok(metadata.authorization_endpoint.startsWith(portal.testEnvironment.simulator.browserUrl));
    assert.deepEqual(config?.auth.knownAuthorities, [new URL(portal.testEnvironment.simulator.url).host]);
  });

  test('who I am, what is connected, and whether anything has changed', async () => {
    const me = await portal.guide.connection.me(portal.call);
    assert.deepEqual(me.permissions, ['read_connection', 'disconnect']);
    const seen = await readConnection();
    assert.deepEqual(seen.connection, portal.testEnvironment.simulator.connection());
    assert.equal(await readConnection(seen), seen);
    portal.testEnvironment.simulator.setConnection(
      portal.testEnvironment.simulator.registration.tenantId,
      null,
    );
    const later = await readConnection(seen);
    assert.equal(later.connection, null);
    assert.notEqual(later.etag, seen.etag);
  });

  test('a token that is too old is renewed, and then a person is asked, once each', async () => {
    signIns.tokenOptions = { expiresIn: -3600 };
    await portal.guide['sign-in'].signIn();
    signIns.asked.length = 0;
    await assert.rejects(readConnection(), ({ problem }: Exports) => problem.code === 'invalid_token');
    assert.deepEqual(signIns.asked, ['silent', 'renewed', 'popup', 'silent']);
    assert.deepEqual(asked, [null]);
    signIns.tokenOptions = {};
    assert.ok((await readConnection()).etag);
  });

  test('without a session a person is asked before the call', async () => {
    signIns.interactionRequired = true;
    assert.ok((await readConnection()).connection);
    assert.deepEqual(asked, [null]);
  });

  test('the dry run, the act, and the wait for its end', async () => {
    const intent = await intentNow();
    const tried = await portal.guide.disconnect.dryRun(portal.call, intent);
    assert.equal(tried.would, 'disconnect');
    assert.match(tried.consequence, /cannot be undone/);
    assert.equal(acts(), 0);

    const sent = await disconnect(intent);
    assert.deepEqual([sent.end, sent.value, acts()], ['operation', 'inprogress', 1]);
    const looks: string[] = [];
    const onLook = ({ status }: Exports) => looks.push(status);
    const ended = await portal.guide.watch.watch(portal.call, sent.operationId, { onLook, onTrouble });
    assert.equal(ended.status, 'completed');
    const newest = await portal.guide.disconnect.newestOperation(portal.call);
    assert.equal(newest.operationId, sent.operationId);
    assert.equal(looks.at(0), 'accepted');
    assert.ok((await readConnection()).connection === null);
  });

  test('a claims challenge in the middle: signs in with the claims, same key, one act', async () => {
    const intent = await intentNow();
    portal.testEnvironment.simulator.setPerson('admin', { mfaRequired: JSON.stringify(stepUp) });
    const sent = await disconnect(intent);
    assert.equal(sent.end, 'operation');
    assert.deepEqual(
      asked.map((claims) => JSON.parse(String(claims))),
      [stepUp],
    );
    assert.equal(acts(), 1);
    const rows = await portal.testEnvironment.query<{ idempotency_key: string }>(
      'select idempotency_key from operations where id = $1',
      [sent.operationId],
    );
    assert.equal(rows[0]?.idempotency_key, intent.key);
  });

  test('claims that the user cannot prove are asked for once', async () => {
    const other = { access_token: { acrs: { essential: true, value: 'c2' } } };
    portal.testEnvironment.simulator.setPerson('admin', { mfaRequired: JSON.stringify(other) });
    signIns.tokenOptions = { claims: { acrs: ['c1'] } };
    const sent = await disconnect(portal.guide.disconnect.newIntent({ etag: '*' }));
    assert.deepEqual([sent.end, sent.error.problem.code, acts()], ['refused', 'insufficient_claims', 0]);
    assert.equal(asked.length, 1);
  });

  test('a first call that is still running is waited for', async () => {
    const intent = await intentNow();
    const held = hold(portal.testEnvironment.simulator, 'disconnect');
    const first = disconnect(intent);
    await held.arrived();
    const second = disconnect({ ...intent });
    await until('the second is told to wait', () =>
      portal.service.log.some((line) => JSON.stringify(line).includes('idempotency_key_in_use')),
    );
    held.release();
    assert.equal((await second).operationId, (await first).operationId);
    assert.equal(acts(), 1);
  });

  test('a refusal says that nothing was done; an unknown outcome becomes an operation', async () => {
    const refused = await disconnect(portal.guide.disconnect.newIntent({ etag: '"other"' }));
    assert.deepEqual([refused.end, refused.error.problem.code], ['refused', 'connection_changed']);
    assert.equal(acts(), 0);
    portal.testEnvironment.simulator.setFault('disconnect', { reset: true, times: 1 });
    const unknown = await disconnect(await intentNow());
    assert.equal(unknown.end, 'operation');
    const enough = ({ status }: Exports) => status === 'unknown';
    const seen = await portal.guide.watch.watch(portal.call, unknown.operationId, {
      onLook() {},
      onTrouble,
      enough,
    });
    assert.equal(seen.status, 'unknown');
    const over = await disconnect(await intentNow({ supersedes: unknown.operationId }));
    assert.equal(over.end, 'operation');
    assert.equal(acts(), 1);
  });

  test('watching goes on after a look that broke off, and after one that was turned away', async () => {
    const { operationId } = await disconnect(await intentNow());
    const troubles: unknown[] = [];
    const answers = [
      async () => new Response('<html>', { status: 502 }),
      async () =>
        Response.json({ code: 'overloaded', status: 503 }, { status: 503, headers: { 'retry-after': '0' } }),
    ];
    const real = globalThis.fetch;
    const statuses: string[] = [];
    const ended: Exports = await portal.withFetch(
      (input, init) => (answers.shift() ?? (() => real(input, init)))(),
      () =>
        portal.guide.watch.watch(portal.call, operationId, {
          onLook: ({ status }: Exports) => statuses.push(status),
          onTrouble: (error: unknown) => troubles.push(error),
        }),
    );
    assert.deepEqual([ended.status, troubles.length], ['completed', 2]);
  });

  test('what another look would not mend ends the watching', async () => {
    const watching = portal.guide.watch.watch(portal.call, crypto.randomUUID(), { onLook() {}, onTrouble });
    await assert.rejects(watching, ({ problem }: Exports) => problem.code === 'operation_not_found');
  });

  test('two people', async () => {
    const two = await portal.startService({ policy: { approvalRequired: true } });
    const { config } = portal.guide.config;
    config.api = two.url;
    try {
      const { operationId, end } = await disconnect(await intentNow());
      assert.deepEqual([end, acts()], ['operation', 0]);
      const own = await portal.guide.approval.lookAt(portal.call, operationId);
      await assert.rejects(
        portal.guide.approval.decide(portal.call, own, 'approve', 'mine'),
        /own_approval|role/,
      );
      await as('second-admin');
      assert.deepEqual(
        (await portal.guide.approval.waiting(portal.call)).map((operation: Exports) => operation.operationId),
        [operationId],
      );
      const looked = await portal.guide.approval.lookAt(portal.call, operationId);
      assert.match(looked.operation.consequence, /cannot be undone/);
      const stale = { ...looked, etag: '"another"' };
      await assert.rejects(
        portal.guide.approval.decide(portal.call, stale, 'approve', 'seen'),
        /operation_changed/,
      );
      const approved = await portal.guide.approval.decide(portal.call, looked, 'approve', 'seen');
      assert.equal(approved.status, 'approved');
      await as('admin');
      const { etag } = await readConnection();
      assert.equal(
        (await portal.guide.approval.execute(portal.call, operationId, etag)).operationId,
        operationId,
      );
      assert.equal(acts(), 1);
    } finally {
      config.api = portal.service.url;
      await two.close();
    }
  });

  test('a sentence for each error there is, and one for those that will come', () => {
    assert.deepEqual(Object.keys(portal.guide.errors.nextStep).toSorted(), Object.keys(catalogue).toSorted());
    const problem = { code: 'rate_limited', title: 'Too many calls', requestId: 'r' };
    assert.equal(
      portal.guide.errors.sentenceFor(problem),
      'Too many calls. Nothing was done. Try again in a while. (r)',
    );
    const check = {
      code: 'request_invalid',
      title: 'T',
      errors: [{ field: 'ticket', message: 'must match x' }],
    };
    assert.equal(
      portal.guide.errors.sentenceFor(check),
      'T. ticket must match x. Correct what is marked and send it again.',
    );
    const unheard = { code: 'x', title: 'T', detail: 'D.', hint: 'H.', requestId: 'r' };
    assert.equal(portal.guide.errors.sentenceFor(unheard), 'T. D. H. (r)');
  });

  test('the audit trail, page by page, and as a file', async () => {
    await readConnection();
    await as('auditor');
    const events: AuditEvent[] = [];
    for await (const event of portal.guide.audit.auditEvents(portal.call, { event: 'read' }))
      events.push(event);
    assert.ok(events.length > 10);
    assert.ok(events.every(({ event }) => event === 'read'));
    const file: File = await portal.guide.audit.auditFile(portal.call);
    assert.match(file.name, /^audit-\d{4}-\d\d-\d\d\.ndjson$/);
    const lines = (await file.text()).trimEnd().split('\n');
    assert.equal(JSON.parse(String(lines.at(-1))).type, 'end');
  });

  test('Microsoft’s Graph client', async () => {
    const { etag } = await readConnection();
    const { value } = await portal.guide.graph.graph
      .api('/deviceManagement/chromeOSOnboardingSettings')
      .get();
    assert.equal(value.length, 1);
    const key = crypto.randomUUID();
    const answer = await portal.guide.graph.disconnectWithGraphClient(key, etag);
    assert.equal(answer.value, 'inprogress');
    assert.equal(
      (await portal.guide.graph.disconnectWithGraphClient(key, etag)).operationId,
      answer.operationId,
    );
    assert.equal(acts(), 1);
  });

  test('a waiting time as a date, a header without a challenge', async () => {
    assert.equal(portal.guide.call.demandedClaims('Bearer realm="x"'), null);
    assert.equal(portal.guide.call.demandedClaims(null), null);
    const at = new Date(Date.now() + 30_000).toUTCString();
    const body = JSON.stringify({ code: 'overloaded', title: 'Busy' });
    const busy = async () => new Response(body, { status: 503, headers: { 'retry-after': at } });
    await withFetch(busy, () =>
      assert.rejects(readConnection(), ({ retryAfter }: Exports) => retryAfter > 25 && retryAfter <= 30),
    );
  });

  test('every function in it has been run', async () => {
    const { result } = await profiler.post('Profiler.takePreciseCoverage');
    for (const { language, name } of portal.snippets) {
      if (language !== 'js') continue;
      assert.ok(name, 'a snippet has no name');
      const covered = result.find(({ url }) => url === portal.urlOf(name));
      assert.ok(covered, `${name} was not loaded`);
      const idle = covered.functions.filter(({ ranges }) => ranges[0]?.count === 0);
      assert.deepEqual(
        idle.map(({ functionName, ranges }) => `${name}: ${functionName} at ${ranges[0]?.startOffset}`),
        [],
      );
    }
  });
});
