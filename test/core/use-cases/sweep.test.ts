import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnect } from '../../../src/core/use-cases/disconnect.ts';
import { sweep } from '../../../src/core/use-cases/sweep.ts';
import { coreScene, fails, person, plainRequest, recordDown, tenantId, timing } from '../../support/core.ts';
import { type HeldStatus, holdSlot } from '../../support/holders.ts';

describe('the sweep', () => {
  const overdue: [HeldStatus, number, string, string][] = [
    ['sent', timing.leaseMs, 'unknown', 'outcome sent → unknown'],
    ['awaiting_approval', timing.approvalMs, 'expired', 'move awaiting_approval → expired'],
    ['approved', timing.approvalMs, 'expired', 'move approved → expired'],
  ];
  for (const [status, afterMs, ended, line] of overdue) {
    test(`ends one that is ${status} when its time is up, to the millisecond, by nobody’s call`, async () => {
      const core = coreScene();
      const { id, sinceSentMs } = await holdSlot(core, status);
      core.advance(afterMs - (sinceSentMs ?? 0) - 1);
      assert.equal(await sweep(core.dependencies), 0);
      core.advance(1);
      assert.equal(await sweep(core.dependencies), 1);
      assert.equal((await core.newest()).status, ended);
      assert.equal(core.story().at(-1), line);
      const event = core.trail.at(-1);
      assert.deepEqual(event?.actor, {
        kind: 'system',
        oid: 'system',
        tenantId,
        name: 'chromeos-connector-bff',
        clientId: 'system',
      });
      assert.deepEqual(
        [event?.tenantId, event?.source, event?.operationId, event?.action, event?.result],
        [tenantId, { address: 'internal' }, id, 'disconnect', ended],
      );
      assert.ok(event?.requestId);
      assert.equal(await sweep(core.dependencies), 0);
    });
  }

  for (const status of ['accepted', 'unknown'] as const) {
    test(`leaves one alone that is ${status}, however old`, async () => {
      const core = coreScene();
      await holdSlot(core, status);
      core.advance(1e10);
      assert.equal(await sweep(core.dependencies), 0);
      assert.equal((await core.newest()).status, status);
    });
  }

  test('each operation once: what another has ended is not counted', async () => {
    const core = coreScene();
    await holdSlot(core, 'sent');
    core.advance(timing.leaseMs);
    const dependencies = {
      ...core.dependencies,
      operations: { ...core.dependencies.operations, find: async () => null },
    };
    core.before('move', async () => void (await sweep(core.dependencies)));
    assert.equal(await sweep(dependencies), 0);
    assert.equal(core.story().filter((line) => line === 'outcome sent → unknown').length, 1);
  });

  test('in several tenants, each on its own trail', async () => {
    const core = await overdueInTwoTenants();
    const recorded = core.trail.length;
    assert.equal(await sweep(core.dependencies), 2);
    const swept = core.trail.slice(recorded);
    assert.deepEqual(
      swept.map((event) => event.tenantId),
      [tenantId, 'fabrikam'],
    );
    assert.equal(new Set(swept.map(({ requestId }) => requestId)).size, 2);
  });

  test('one that cannot be ended keeps no other from it, and is told', async () => {
    const core = await overdueInTwoTenants();
    const recorded = core.trail.length;
    core.before('move', fails(recordDown));
    await assert.rejects(sweep(core.dependencies), { message: 'audit_unavailable' });
    assert.deepEqual(
      core.trail.slice(recorded).map((event) => event.tenantId),
      ['fabrikam'],
    );
    assert.equal(await sweep(core.dependencies), 1, 'the next sweep finds it again');
  });

  test('fails where the record cannot be written', async () => {
    const core = coreScene();
    await holdSlot(core, 'sent');
    core.advance(timing.leaseMs);
    core.before('move', fails(recordDown));
    await assert.rejects(sweep(core.dependencies), { message: 'audit_unavailable' });
  });
});

/** One that is `sent` in the usual tenant, then one that awaits approval in another; the time of both is up. */
async function overdueInTwoTenants() {
  const core = coreScene();
  await holdSlot(core, 'sent');
  core.people.set('elsewhere', person('elsewhere', { tenantId: 'fabrikam' }));
  core.demand({ approvalRequired: true });
  await disconnect(core.dependencies, core.call('elsewhere'), async () => plainRequest);
  core.advance(timing.approvalMs);
  return core;
}
