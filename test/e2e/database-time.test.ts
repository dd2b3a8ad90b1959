import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../support/processes.ts';
import { type Replica, startReplica } from '../support/replica.ts';
import { scene } from '../support/scene.ts';

/** Loaded before the service: a machine whose clock is that far ahead (or behind, if negative). */
function clockOff(ms: number): string {
  const script = `
    const RealDate = Date;
    globalThis.Date = class extends RealDate {
      constructor(...given) { given.length === 0 ? super(RealDate.now() + ${ms}) : super(...given); }
      static now() { return RealDate.now() + ${ms}; }
    };`;
  return `--import=data:text/javascript,${encodeURIComponent(script)}`;
}

const minute = 60_000;

describe('the database’s clock decides', () => {
  const it = scene();
  let ahead: Replica;
  let behind: Replica;
  before(async () => {
    const off = (ms: number) =>
      startReplica(it.testEnvironment, {}, { NODE_OPTIONS: clockOff(ms) }, '/livez');
    [ahead, behind] = await Promise.all([off(16 * minute), off(-2 * minute)]);
  });
  after(() => Promise.all([ahead?.kill(), behind?.kill()]));

  test('a replica 16 minutes ahead settles nothing as failed, and nothing is sent over it', async () => {
    it.simulator.setSequence(it.tenantId, ['inprogress', 'onboarded']);
    const id = await it.acceptedOperation();
    const seen = await it.operation(id, { on: ahead });
    assert.deepEqual([seen.status, seen.body.status], [200, 'accepted']);
    const second = await it.disconnect({ on: ahead });
    assert.deepEqual([second.status, second.body.code], [409, 'operation_in_progress']);
    assert.equal(it.asked('disconnect'), 1);
  });

  test('what a replica sends is dated by the database', async () => {
    const sent = await it.disconnect({ on: ahead });
    assert.equal(sent.status, 200, JSON.stringify(sent.body));
    const [row] = await it.query<{ recent: boolean }>(
      `select greatest(requested_at, sent_at, moved_at) <= now() as recent from operations where id = $1`,
      [sent.body.operationId],
    );
    assert.equal(row?.recent, true);
  });

  for (const [off, ms, says] of [
    [() => ahead, 16 * minute, /^is 9[56]\d s ahead of the database's/],
    [() => behind, -2 * minute, /^is 1[12]\d s behind the database's/],
  ] as const) {
    test(`a replica that is ${ms / minute} minutes off is not ready, and says so`, async () => {
      const { management } = off();
      await until('it has compared its clock', async () => {
        const { body } = await management.get('/readyz?verbose');
        return body.checks.some(({ name }: { name: string }) => name === 'clock');
      });
      const { status, body } = await management.get('/readyz');
      assert.equal(status, 503);
      assert.match(body.checks.find(({ name }: { name: string }) => name === 'clock').problem, says);
      const { text } = await management.get('/metrics');
      const offset = Number(/^chromeos_bff_clock_offset_seconds (\S+)$/m.exec(text)?.[1]);
      assert.ok(Math.abs(offset - ms / 1000) < 10, String(offset));
    });
  }

  test('one whose clock is right is ready, and says so', async () => {
    const { body } = await it.service.management.get('/readyz?verbose');
    assert.deepEqual(
      body.checks.find(({ name }: { name: string }) => name === 'clock'),
      { name: 'clock', status: 'ok' },
    );
  });
});
