import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type request from 'supertest';
import { until } from '../support/processes.ts';
import { faultsInTurn, operationsPath, scene } from '../support/scene.ts';
import { holdConnectionToGraph, startWireToDatabase } from '../support/tcp-proxy.ts';

describe('each sending is permitted by the database, directly before it', () => {
  const it = scene({ timings: { sweepMs: 60_000 } });

  const newest = async () => {
    const [row] = await it.query<{ id: string; status: string; explanation: string | null }>(
      'select id, status, explanation from operations order by position desc limit 1',
    );
    assert.ok(row, 'there is an operation');
    return row;
  };
  const switchTo = (enabled: boolean) =>
    it.query(
      `insert into disconnect_switches (id, tenant_id, enabled, reason, changed_by, changed_at)
       values (gen_random_uuid(), $1, $2, 'the rollout is being looked at', 'operator', now())`,
      [it.tenantId, enabled],
    );

  type Change = { what: string; make: () => Promise<unknown>; code: string; undo?: () => Promise<unknown> };
  const changes: Change[] = [
    {
      what: 'disconnecting is switched off',
      make: () => switchTo(false),
      code: 'disconnect_disabled',
      undo: () => switchTo(true),
    },
    {
      what: 'the lease ends by the database’s clock',
      make: () => it.query("update operations set lease_until = now() where status = 'sent'"),
      code: 'not_sent_in_time',
    },
    {
      what: 'the lease would end before Graph could answer',
      make: () =>
        it.query("update operations set lease_until = now() + interval '900 ms' where status = 'sent'"),
      code: 'not_sent_in_time',
    },
  ];

  for (const { what, make, code, undo } of changes) {
    test(`a retry that waits is not sent when ${what}`, async () => {
      const end = faultsInTurn(it.simulator, 'disconnect', [{ status: 429, retryAfter: '1' }, null]);
      try {
        const sending = it.disconnect({ headers: { 'idempotency-key': 'k1' } });
        await until('it was throttled', () => it.asked('disconnect') === 1);
        await make();
        await assertNotSent(await sending, code);
      } finally {
        end();
        it.simulator.setFault('disconnect', null);
        await undo?.();
      }
      const again = await it.disconnect({ headers: { 'idempotency-key': 'k1' } });
      assert.deepEqual([again.status, again.body.value], [200, 'inprogress'], 'the key is free');
    });

    test(`nothing is sent when ${what} while the connection is being made`, async () => {
      const graph = await holdConnectionToGraph(it.simulator);
      const on = await it.start({ environment: graph.environment, timings: { graphTimeoutMs: 4000 } });
      try {
        const sending = it.disconnect({ on });
        await graph.arrived();
        await make();
        graph.release();
        assert.equal(it.asked('disconnect'), 0);
        await assertNotSent(await sending, code);
        assert.equal(it.asked('disconnect'), 0);
      } finally {
        await undo?.();
        await graph.close();
      }
    });
  }

  test('an execution whose approval has run out while a retry waited is not sent again', async () => {
    const on = await it.start({ timings: { policy: { approvalRequired: true } } });
    const asked = await it.disconnect({ on });
    assert.equal(asked.status, 202);
    const path = `${operationsPath}/${asked.body.operationId}`;
    assert.equal((await it.approve(asked.body.operationId, { on })).status, 200);
    const end = faultsInTurn(it.simulator, 'disconnect', [{ status: 429, retryAfter: '1' }, null]);
    const executing = it.post(`${path}/execute`, { on });
    await until('it was throttled', () => it.asked('disconnect') === 1);
    await it.query("update operations set expires_at = now() where status = 'sent'");
    await assertNotSent(await executing, 'not_sent_in_time');
    end();
  });

  test('without the database nothing is sent, though the attempt is on record', async () => {
    const wire = await startWireToDatabase(it.testEnvironment);
    const graph = await holdConnectionToGraph(it.simulator);
    const on = await it.start({
      environment: { ...graph.environment, ...wire.environment },
      timings: { graphTimeoutMs: 4000 },
    });
    try {
      const sending = it.disconnect({ on });
      await graph.arrived();
      wire.onConnection(() => 'refuse');
      wire.cut();
      graph.release();
      const response = await sending;
      assert.deepEqual([response.status, response.body.code], [503, 'audit_unavailable']);
      assert.equal(it.asked('disconnect'), 0);
      wire.onConnection(() => 'pass');
      await until('that is on the record', async () => (await newest()).status === 'failed');
    } finally {
      await on.close();
      await Promise.all([wire.close(), graph.close()]);
    }
  });

  async function assertNotSent(response: request.Response, code: string): Promise<void> {
    assert.equal(response.body.code, code, JSON.stringify(response.body));
    assert.ok(it.asked('disconnect') <= 1);
    const { id, status } = await newest();
    assert.equal(status, 'failed');
    const outcome = (await it.events(id)).at(-1);
    assert.deepEqual([outcome?.event, outcome?.result, outcome?.failure], ['outcome', 'failed', code]);
    assert.equal(it.simulator.acts().length, 0);
  }
});
