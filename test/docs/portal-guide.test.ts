import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { catalogue } from '../../src/http/problems/catalogue.ts';
import { fetchOf } from '../support/as-browser.ts';
import { folderOf, type Snippet, snippetsIn, standIn } from '../support/guide.ts';
import { signIns } from '../support/msal-stand-in.ts';
import { until } from '../support/processes.ts';
import { hold } from '../support/scene.ts';
import { startService, startWorld, type TestService, type World } from '../support/service.ts';
import { adjusted } from '../support/timings.ts';

const origin = 'http://localhost:5173';
const originalFetch = globalThis.fetch;
const stepUp = { access_token: { acrs: { essential: true, value: 'c1' } } };

// What the guide's files export; their own text is what is checked.
// biome-ignore lint/suspicious/noExplicitAny: JavaScript of a document
type Exports = Record<string, any>;
type GuideFile =
  | 'config'
  | 'sign-in'
  | 'call'
  | 'connection'
  | 'disconnect'
  | 'watch'
  | 'approval'
  | 'errors'
  | 'audit'
  | 'graph';

describe('the portal guide', () => {
  let snippets: Snippet[];
  let files: Awaited<ReturnType<typeof folderOf>>;
  let world: World;
  let service: TestService;
  let tlsFolder: string;
  let profiler: Session;
  let guide: Record<GuideFile, Exports>;
  const undo: (() => void)[] = [];
  /** What the page asked a person for: the claims, or null. */
  const asked: (string | null)[] = [];
  let call: unknown;

  before(async () => {
    snippets = await snippetsIn('docs/portal-guide.md');
    files = await folderOf(snippets);
    world = await startWorld();
    tlsFolder = await mkdtemp(join(tmpdir(), 'chromeos-bff-guide-tls-'));
    const { certPem, keyPem } = world.simulator.tls;
    await writeFile(join(tlsFolder, 'cert.pem'), certPem);
    await writeFile(join(tlsFolder, 'key.pem'), keyPem);
    service = await startService(world, {
      environment: {
        CORS_ALLOWED_ORIGINS: origin,
        TLS_CERT_FILE: join(tlsFolder, 'cert.pem'),
        TLS_KEY_FILE: join(tlsFolder, 'key.pem'),
      },
      adjust: adjusted({ policy: { approvalRequired: false } }),
    });

    const standInUrl = new URL('../support/msal-stand-in.ts', import.meta.url).href;
    const names = ['@azure/msal-browser', '@azure/msal-browser/redirect-bridge'];
    undo.push(standIn(names, files.url(''), standInUrl));
    signIns.simulator = world.simulator;
    const { fetch } = globalThis;
    globalThis.fetch = fetchOf(origin, fetch);
    Object.assign(globalThis, { location: new URL(`${origin}/`) });
    undo.push(() => {
      globalThis.fetch = fetch;
      Reflect.deleteProperty(globalThis, 'location');
    });

    profiler = new Session();
    profiler.connect();
    await profiler.post('Profiler.enable');
    await profiler.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    const { config } = await import(files.url('config.js'));
    Object.assign(config, {
      api: service.url,
      authority: `${world.simulator.url}/${world.simulator.registration.tenantId}`,
      clientId: world.simulator.portalClientId,
      scope: `${world.simulator.registration.audience}/access_as_user`,
      authorityMetadata: await browserDoor(),
    });
    const loaded: [string, Exports][] = [];
    for (const { language, name } of snippets) {
      if (language === 'js' && name !== null)
        loaded.push([name.replace('.js', ''), await import(files.url(name))]);
    }
    guide = Object.fromEntries(loaded) as Record<GuideFile, Exports>;
    call = guide.call.callerWith(async (claims: string | null) => {
      asked.push(claims);
      await guide['sign-in'].signIn(claims);
    });
  });
  after(async () => {
    profiler?.disconnect();
    for (const one of undo) one();
    await service?.close();
    await world?.close();
    await files?.close();
    await rm(tlsFolder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await world.closeOperations();
    world.simulator.reset();
    world.simulator.clearCalls();
    Object.assign(signIns, { person: 'admin', interactionRequired: false, tokenOptions: {} });
    await guide['sign-in'].signIn();
    signIns.asked.length = 0;
    asked.length = 0;
  });

  const browserDoor = async () => {
    const { browserUrl, registration } = world.simulator;
    const path = `/${registration.tenantId}/v2.0/.well-known/openid-configuration`;
    return (await originalFetch(new URL(path, browserUrl))).text();
  };
  const as = async (person: typeof signIns.person) => {
    signIns.person = person;
    await guide['sign-in'].signIn();
  };
  const acts = () => world.simulator.acts().length;
  const readConnection = (seen?: object) => guide.connection.readConnection(call, seen);
  const intentNow = async (more = {}) =>
    guide.disconnect.newIntent({
      etag: (await readConnection()).etag,
      reason: 'r',
      ticket: 'CHG-1',
      ...more,
    });
  const disconnect = (intent: object) => guide.disconnect.disconnect(call, intent);

  test('signs in as the guide says: claims-capable, nothing in storage, back to the bridge page', async () => {
    const [config] = signIns.configs;
    assert.deepEqual(config?.auth.clientCapabilities, ['cp1']);
    assert.equal(config?.cache.cacheLocation, 'memoryStorage');
    assert.equal(config?.auth.redirectUri, `${origin}/redirect.html`);
    assert.equal(signIns.bridged, 1);
    const metadata = JSON.parse(String(config?.auth.authorityMetadata));
    assert.ok(metadata.authorization_endpoint.startsWith(world.simulator.browserUrl));
    assert.deepEqual(config?.auth.knownAuthorities, [new URL(world.simulator.url).host]);
  });

  test('who I am, what is connected, and whether anything has changed', async () => {
    const me = await guide.connection.me(call);
    assert.deepEqual(me.permissions, ['read_connection', 'disconnect']);
    const seen = await readConnection();
    assert.deepEqual(seen.connection, world.simulator.connection());
    assert.equal(await readConnection(seen), seen);
    world.simulator.setConnection(world.simulator.registration.tenantId, null);
    const later = await readConnection(seen);
    assert.equal(later.connection, null);
    assert.notEqual(later.etag, seen.etag);
  });

  test('a token that is too old is renewed, and then a person is asked, once each', async () => {
    signIns.tokenOptions = { expiresIn: -3600 };
    await guide['sign-in'].signIn();
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
    const tried = await guide.disconnect.dryRun(call, intent);
    assert.equal(tried.would, 'disconnect');
    assert.match(tried.consequence, /cannot be undone/);
    assert.equal(acts(), 0);

    const sent = await disconnect(intent);
    assert.deepEqual([sent.end, sent.value, acts()], ['operation', 'inprogress', 1]);
    const looks: string[] = [];
    const ended = await guide.watch.watch(call, sent.operationId, ({ status }: Exports) =>
      looks.push(status),
    );
    assert.equal(ended.status, 'completed');
    assert.equal(looks.at(0), 'accepted');
    assert.ok((await readConnection()).connection === null);
  });

  test('a claims challenge in the middle: signs in with the claims, same key, one act', async () => {
    const intent = await intentNow();
    world.simulator.setPerson('admin', { mfaRequired: JSON.stringify(stepUp) });
    const sent = await disconnect(intent);
    assert.equal(sent.end, 'operation');
    assert.deepEqual(
      asked.map((claims) => JSON.parse(String(claims))),
      [stepUp],
    );
    assert.equal(acts(), 1);
    const rows = await world.query<{ idempotency_key: string }>(
      'select idempotency_key from operations where id = $1',
      [sent.operationId],
    );
    assert.equal(rows[0]?.idempotency_key, intent.key);
  });

  test('claims that the user cannot prove are asked for once', async () => {
    const other = { access_token: { acrs: { essential: true, value: 'c2' } } };
    world.simulator.setPerson('admin', { mfaRequired: JSON.stringify(other) });
    signIns.tokenOptions = { claims: { acrs: ['c1'] } };
    const sent = await disconnect(guide.disconnect.newIntent({ etag: '*' }));
    assert.deepEqual([sent.end, sent.error.problem.code, acts()], ['refused', 'insufficient_claims', 0]);
    assert.equal(asked.length, 1);
  });

  test('no answer is unsure, and the same intent brings certainty: one act', async () => {
    const intent = await intentNow();
    const broken = globalThis.fetch;
    globalThis.fetch = async (input, init) => {
      await broken(input, init);
      throw new TypeError('network error');
    };
    try {
      const lost = await disconnect(intent);
      assert.equal(lost.end, 'unsure');
    } finally {
      globalThis.fetch = broken;
    }
    const sent = await disconnect(intent);
    assert.deepEqual([sent.end, acts()], ['operation', 1]);
  });

  test('after an unsure try a refusal is unsure too; a gateway’s answer is none', async () => {
    const intent = await intentNow();
    const real = globalThis.fetch;
    globalThis.fetch = async () => new Response('<html>', { status: 502 });
    try {
      assert.equal((await disconnect(intent)).end, 'unsure');
    } finally {
      globalThis.fetch = real;
    }
    world.simulator.setFault('token', { status: 503, times: 9 });
    assert.equal((await disconnect(intent)).end, 'unsure');
    world.simulator.clearFaults();
    assert.deepEqual([(await disconnect(intent)).end, acts()], ['operation', 1]);
  });

  test('a first call that is still running is waited for', async () => {
    const intent = await intentNow();
    const held = hold(world.simulator, 'disconnect');
    const first = disconnect(intent);
    await held.arrived();
    const second = disconnect({ ...intent });
    await until('the second is told to wait', () =>
      service.log.some((line) => JSON.stringify(line).includes('idempotency_key_in_use')),
    );
    held.release();
    assert.equal((await second).operationId, (await first).operationId);
    assert.equal(acts(), 1);
  });

  test('a refusal says that nothing was done; an unknown outcome becomes an operation', async () => {
    const refused = await disconnect(guide.disconnect.newIntent({ etag: '"other"' }));
    assert.deepEqual([refused.end, refused.error.problem.code], ['refused', 'connection_changed']);
    assert.equal(acts(), 0);
    world.simulator.setFault('disconnect', { reset: true, times: 1 });
    const unknown = await disconnect(await intentNow());
    assert.equal(unknown.end, 'operation');
    const enough = ({ status }: Exports) => status === 'unknown';
    const seen = await guide.watch.watch(call, unknown.operationId, () => {}, enough);
    assert.equal(seen.status, 'unknown');
    const over = await disconnect(await intentNow({ supersedes: unknown.operationId }));
    assert.equal(over.end, 'operation');
    assert.equal(acts(), 1);
  });

  test('two people', async () => {
    const two = await startService(world, {
      environment: {
        CORS_ALLOWED_ORIGINS: origin,
        TLS_CERT_FILE: join(tlsFolder, 'cert.pem'),
        TLS_KEY_FILE: join(tlsFolder, 'key.pem'),
      },
      adjust: adjusted({ policy: { approvalRequired: true } }),
    });
    const { config } = guide.config;
    config.api = two.url;
    try {
      const { operationId, end } = await disconnect(await intentNow());
      assert.deepEqual([end, acts()], ['operation', 0]);
      const own = await guide.approval.lookAt(call, operationId);
      await assert.rejects(guide.approval.decide(call, own, 'approve', 'mine'), /own_approval|role/);
      await as('second-admin');
      assert.deepEqual(
        (await guide.approval.waiting(call)).map((operation: Exports) => operation.operationId),
        [operationId],
      );
      const looked = await guide.approval.lookAt(call, operationId);
      assert.match(looked.operation.consequence, /cannot be undone/);
      const stale = { ...looked, etag: '"another"' };
      await assert.rejects(guide.approval.decide(call, stale, 'approve', 'seen'), /operation_changed/);
      const approved = await guide.approval.decide(call, looked, 'approve', 'seen');
      assert.equal(approved.status, 'approved');
      await as('admin');
      const { etag } = await readConnection();
      assert.equal((await guide.approval.execute(call, operationId, etag)).operationId, operationId);
      assert.equal(acts(), 1);
    } finally {
      config.api = service.url;
      await two.close();
    }
  });

  test('a sentence for each error there is, and one for those that will come', () => {
    assert.deepEqual(Object.keys(guide.errors.nextStep).toSorted(), Object.keys(catalogue).toSorted());
    const problem = { code: 'rate_limited', title: 'Too many calls', requestId: 'r' };
    assert.equal(
      guide.errors.sentenceFor(problem),
      'Too many calls. Nothing was done. Try again in a while. (r)',
    );
    const unheard = { code: 'x', title: 'T', detail: 'D.', hint: 'H.', requestId: 'r' };
    assert.equal(guide.errors.sentenceFor(unheard), 'T. D. H. (r)');
  });

  test('the audit trail, page by page, and as a file', async () => {
    await readConnection();
    await as('auditor');
    const events: AuditEvent[] = [];
    for await (const event of guide.audit.auditEvents(call, { event: 'read' })) events.push(event);
    assert.ok(events.length > 10);
    assert.ok(events.every(({ event }) => event === 'read'));
    const file: File = await guide.audit.auditFile(call);
    assert.match(file.name, /^audit-\d{4}-\d\d-\d\d\.ndjson$/);
    const lines = (await file.text()).trimEnd().split('\n');
    assert.equal(JSON.parse(String(lines.at(-1))).type, 'end');
  });

  test('Microsoft’s Graph client', async () => {
    const { etag } = await readConnection();
    const { value } = await guide.graph.graph.api('/deviceManagement/chromeOSOnboardingSettings').get();
    assert.equal(value.length, 1);
    const key = crypto.randomUUID();
    const answer = await guide.graph.disconnectWithGraphClient(key, etag);
    assert.equal(answer.value, 'inprogress');
    assert.equal((await guide.graph.disconnectWithGraphClient(key, etag)).operationId, answer.operationId);
    assert.equal(acts(), 1);
  });

  test('a waiting time as a date, a header without a challenge', async () => {
    assert.equal(guide.call.demandedClaims('Bearer realm="x"'), null);
    assert.equal(guide.call.demandedClaims(null), null);
    const real = globalThis.fetch;
    const at = new Date(Date.now() + 30_000).toUTCString();
    const body = JSON.stringify({ code: 'overloaded', title: 'Busy' });
    globalThis.fetch = async () => new Response(body, { status: 503, headers: { 'retry-after': at } });
    try {
      await assert.rejects(
        readConnection(),
        ({ retryAfter }: Exports) => retryAfter > 25 && retryAfter <= 30,
      );
    } finally {
      globalThis.fetch = real;
    }
  });

  test('every function in it has been run', async () => {
    const { result } = await profiler.post('Profiler.takePreciseCoverage');
    for (const { language, name } of snippets) {
      if (language !== 'js') continue;
      assert.ok(name, 'a snippet has no name');
      const covered = result.find(({ url }) => url === files.url(name));
      assert.ok(covered, `${name} was not loaded`);
      const idle = covered.functions.filter(({ ranges }) => ranges[0]?.count === 0);
      assert.deepEqual(
        idle.map(({ functionName, ranges }) => `${name}: ${functionName} at ${ranges[0]?.startOffset}`),
        [],
      );
    }
  });
});
