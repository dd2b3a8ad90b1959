import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../support/processes.ts';
import { hold, holdAnswers, operationsPath, scene } from '../support/scene.ts';

const quarter = 15 * 60_000;

describe('one open operation in a tenant', () => {
  const it = scene();

  test('a second disconnect while the first is accepted: 409 with a link to it, nothing sent', async () => {
    const first = await it.acceptedOperation();
    const second = await it.disconnect({ as: 'second-admin' });
    assert.deepEqual([second.status, second.body.code], [409, 'operation_in_progress']);
    assert.equal(second.body.operationId, first);
    assert.equal(second.body.operation, `${operationsPath}/${first}`);
    assert.equal(second.headers.location, `${operationsPath}/${first}`);
    assert.equal(it.asked('disconnect'), 1);
    assert.equal(await it.status(first), 'accepted');
    const [refused] = await it.eventsOfCall(second);
    assert.deepEqual([refused?.event, refused?.failure], ['refused', 'operation_in_progress']);
  });

  test('while the first is being sent: 409, and the first is not disturbed', async () => {
    const held = hold(it.simulator, 'disconnect');
    const first = it.disconnect();
    await held.arrived();
    const second = await it.disconnect({ as: 'second-admin' });
    assert.deepEqual([second.status, second.body.code], [409, 'operation_in_progress']);
    assert.equal(await it.status(second.body.operationId), 'sent');
    held.release();
    assert.equal((await first).status, 200);
    assert.equal(it.asked('disconnect'), 1);
  });

  for (const start of ['accepted', 'unknown'] as const) {
    const begin = () => (start === 'accepted' ? it.acceptedOperation() : it.unknownOperation());

    test(`${start} and that id is gone: the older one is completed, and the new call finds nothing`, async () => {
      const first = await begin();
      it.simulator.setConnection(it.tenantId, null);
      const second = await it.disconnect({ as: 'second-admin' });
      assert.deepEqual([second.status, second.body.code], [409, 'not_connected']);
      assert.equal(await it.status(first), 'completed');
      const last = (await it.events(first)).at(-1);
      assert.deepEqual(last?.move, { from: start, to: 'completed' });
      assert.notEqual(last?.actor.oid, (await it.events(first))[0]?.actor.oid);
    });

    test(`${start} and another connection stands there: completed, and the new call disconnects that one`, async () => {
      const first = await begin();
      it.simulator.setConnection(it.tenantId, { id: 'another-connection' });
      const second = await it.disconnect();
      assert.equal(second.status, 200);
      assert.equal(await it.status(first), 'completed');
      const [attempt] = await it.events(second.body.operationId);
      assert.equal(attempt?.connection?.id, 'another-connection');
    });

    test(`${start} and Intune says failed: failed, and the new call goes on`, async () => {
      const first = await begin();
      it.simulator.setConnection(it.tenantId, { onboardingStatus: 'failed' });
      const second = await it.disconnect();
      assert.equal(second.status, 200, JSON.stringify(second.body));
      assert.equal(await it.status(first), 'failed');
      assert.equal(it.asked('disconnect'), 2);
    });

    test(`${start} and still onboarded: 409 within 15 minutes, failed after them`, async () => {
      const first = await begin();
      it.simulator.setConnection(it.tenantId, {});
      await it.age(first, quarter - 60_000);
      const early = await it.disconnect();
      assert.deepEqual([early.status, early.body.code], [409, 'operation_in_progress']);
      await it.age(first, 120_000);
      const late = await it.disconnect();
      assert.equal(late.status, 200, JSON.stringify(late.body));
      assert.equal(await it.status(first), 'failed');
      const { body } = await it.operation(first);
      assert.match(body.explanation, /still onboarded 16 minutes/);
      assert.equal(body.concludedFrom, 'reading');
    });

    test(`${start}: another connection never makes it failed, however late`, async () => {
      const first = await begin();
      await it.age(first, 10 * quarter);
      it.simulator.setConnection(it.tenantId, { id: 'another', onboardingStatus: 'failed' });
      await it.readConnection();
      assert.equal(await it.status(first), 'completed');
    });
  }

  test('a later read of the connection settles it, whoever reads', async () => {
    const first = await it.unknownOperation();
    it.simulator.setConnection(it.tenantId, { onboardingStatus: 'offboarding' });
    await it.readConnection({ as: 'reader' });
    assert.equal(await it.status(first), 'accepted');
    it.simulator.setConnection(it.tenantId, null);
    await it.readConnection({ as: 'reader' });
    assert.equal(await it.status(first), 'completed');
    const moves = (await it.events(first)).map(({ move }) => move?.to);
    assert.deepEqual(moves, ['sent', 'unknown', 'accepted', 'completed']);
  });

  test('only an end has a time it took', async () => {
    const first = await it.unknownOperation();
    it.simulator.setConnection(it.tenantId, { onboardingStatus: 'offboarding' });
    assert.deepEqual(pick((await it.operation(first)).body), { status: 'accepted', tookMs: null });
    it.simulator.setConnection(it.tenantId, null);
    const { status, tookMs } = (await it.operation(first)).body;
    assert.equal(status, 'completed');
    assert.ok(tookMs > 0);
  });

  test('a read from before an operation began settles nothing', async () => {
    it.simulator.setConnection(it.tenantId, null);
    const held = holdAnswers(it.simulator, 'list');
    const slow = it.readConnection({ as: 'reader' });
    await held.arrived();
    it.simulator.setConnection(it.tenantId, {});
    const first = await it.acceptedOperation();
    held.release();
    assert.equal((await slow).status, 200);
    assert.equal(await it.status(first), 'accepted');
  });

  test('a look from before an operation began settles nothing either', async () => {
    it.simulator.setConnection(it.tenantId, null);
    const held = holdAnswers(it.simulator, 'list');
    const second = it.disconnect({ as: 'second-admin' });
    await held.arrived();
    it.simulator.setConnection(it.tenantId, {});
    const first = await it.acceptedOperation();
    held.release();
    const response = await second;
    assert.deepEqual([response.status, response.body.operationId], [409, first]);
    assert.equal(await it.status(first), 'accepted');
  });

  test('a look during which the holder ended is not acted on', async () => {
    const first = await it.acceptedOperation();
    // It still sees the connection on its way out.
    const held = holdAnswers(it.simulator, 'list');
    const second = it.disconnect({ as: 'second-admin' });
    await held.arrived();
    await it.readConnection();
    assert.equal(await it.status(first), 'completed');
    held.release();
    const response = await second;
    assert.deepEqual([response.status, response.body.code], [409, 'not_connected']);
    assert.equal(it.asked('disconnect'), 1);
  });

  test('a look from before another operation ended is not acted on', async () => {
    // The second admin saw the connection; before they could act it went, by the first one's disconnect.
    const held = holdAnswers(it.simulator, 'list');
    const second = it.disconnect({ as: 'second-admin' });
    await held.arrived();
    const first = await it.acceptedOperation();
    it.simulator.setConnection(it.tenantId, null);
    await it.readConnection();
    assert.equal(await it.status(first), 'completed');
    held.release();
    const response = await second;
    assert.deepEqual([response.status, response.body.code], [409, 'not_connected']);
    assert.equal(it.asked('disconnect'), 1);
  });
});

describe('taking over from an operation whose end is unknown', () => {
  // Nobody gives up while a test holds a lock.
  const it = scene({ timings: { writeTimeoutMs: 30_000 } });

  test('by name: the new one goes on, both say so, and the old one stays unknown', async () => {
    const old = await it.unknownOperation();
    const refused = await it.disconnect({ as: 'second-admin' });
    assert.deepEqual([refused.status, refused.body.operationId], [409, old]);
    const taken = await it.disconnect({ as: 'second-admin', body: { supersedes: old.toUpperCase() } });
    assert.equal(taken.status, 200, JSON.stringify(taken.body));
    const id = taken.body.operationId;
    assert.equal((await it.operation(id)).body.supersedes, old);
    const before = (await it.operation(old)).body;
    assert.deepEqual([before.status, before.supersededBy], ['unknown', id]);
    const [attempt] = await it.events(id);
    assert.match(String(attempt?.explanation), new RegExp(old));
    assert.equal(attempt?.actor.oid, (await it.operation(id)).body.requester.oid);
  });

  test('an accepted one that comes to no end can be taken over, but only late', async () => {
    const old = await it.acceptedOperation();
    it.simulator.setConnection(it.tenantId, { onboardingStatus: 'inprogress' });
    const early = await it.disconnect({ body: { supersedes: old } });
    assert.equal(early.body.code, 'operation_in_progress');
    await it.age(old, 16 * 60_000);
    assert.equal((await it.disconnect()).body.code, 'operation_in_progress');
    const taken = await it.disconnect({ body: { supersedes: old } });
    assert.equal(taken.status, 200);
    const { body } = await it.operation(old);
    assert.deepEqual([body.status, body.supersededBy], ['accepted', taken.body.operationId]);
  });

  test('what was taken over is not settled by what the new one does', async () => {
    const old = await it.unknownOperation();
    const taken = await it.disconnect({ body: { supersedes: old } });
    it.simulator.setConnection(it.tenantId, null);
    await it.readConnection();
    assert.equal(await it.status(taken.body.operationId), 'completed');
    assert.equal(await it.status(old), 'unknown');
    const view = await it.operation(old);
    assert.equal(view.headers['retry-after'], undefined);
  });

  test('not from one that is accepted, nor under another name', async () => {
    const accepted = await it.acceptedOperation();
    const one = await it.disconnect({ body: { supersedes: accepted } });
    assert.deepEqual([one.status, one.body.code], [409, 'operation_in_progress']);
    await it.testEnvironment.closeOperations();
    it.simulator.setConnection(it.tenantId, {});
    const old = await it.unknownOperation();
    const wrong = await it.disconnect({ body: { supersedes: '11111111-2222-4333-8444-555555555555' } });
    assert.deepEqual([wrong.status, wrong.body.operationId], [409, old]);
    const malformed = await it.disconnect({ body: { supersedes: 'nonsense' } });
    assert.deepEqual([malformed.status, malformed.body.errors[0].field], [400, 'supersedes']);
    assert.equal(it.asked('disconnect'), 2);
  });

  test('of two who take over at once, one does', async () => {
    const old = await it.unknownOperation();
    const looks = hold(it.simulator, 'list', 2);
    const begun = (['admin', 'second-admin'] as const).map((as) =>
      it.disconnect({ as, body: { supersedes: old } }),
    );
    await looks.allArrived();
    looks.release();
    const both = await Promise.all(begun);
    assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409]);
    assert.equal(it.asked('disconnect'), 2);
    const rows = await it.query('select id from operations where supersedes = $1', [old]);
    assert.equal(rows.length, 1);
  });

  test('not from one that a reader settles while the new one waits for its turn', async () => {
    const old = await it.unknownOperation();
    const turn = 'hashtextextended($1, 0)';
    const lock = await it.testEnvironment.connect();
    try {
      await lock.query(`select pg_advisory_lock(${turn})`, [it.tenantId]);
      const taking = it.disconnect({ as: 'second-admin', body: { supersedes: old } });
      await until('it waits for its turn', async () => {
        const waiting = await it.query("select from pg_locks where locktype = 'advisory' and not granted");
        return waiting.length > 0;
      });
      it.simulator.setConnection(it.tenantId, { onboardingStatus: 'offboarding' });
      await it.readConnection({ as: 'reader' });
      assert.equal(await it.status(old), 'accepted');
      await lock.query(`select pg_advisory_unlock(${turn})`, [it.tenantId]);
      const refused = await taking;
      assert.deepEqual([refused.status, refused.body.code], [409, 'operation_in_progress']);
      assert.equal(refused.body.operationId, old);
    } finally {
      await lock.end();
    }
    assert.equal(it.asked('disconnect'), 1, 'Graph has no second disconnect');
    assert.equal((await it.operation(old)).body.supersededBy, null);
  });

  test('a settled one makes way before it is taken over', async () => {
    const old = await it.unknownOperation();
    it.simulator.setConnection(it.tenantId, { id: 'another' });
    const next = await it.disconnect({ body: { supersedes: old } });
    assert.equal(next.status, 200);
    assert.equal(await it.status(old), 'completed');
    assert.equal((await it.operation(next.body.operationId)).body.supersedes, null);
  });
});

const pick = ({ status, tookMs }: { status: string; tookMs: number | null }) => ({ status, tookMs });
