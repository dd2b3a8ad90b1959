import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { writeSwitch } from '../../../src/adapters/database/disconnect-switch.ts';
import { functionScene } from './function-scene.ts';

// What the core takes for granted of the port is in operations-port.test.ts, for the one in memory as well.
describe('operations in PostgreSQL', () => {
  const it = functionScene();
  const end = (id: string) => it.operations.move(it.move(id, 'sent', 'failed', { ends: true }));

  test('are found by their tenant alone', async () => {
    const other = await it.open({}, { tenantId: randomUUID() });
    assert.equal(await it.operations.findOpen(it.tenantId), null);
    const own = await it.open({}, { reason: 'Ende', ticket: 'CHG-7' });
    const found = await it.operations.findOpen(it.tenantId);
    assert.deepEqual([found?.id, found?.reason, found?.ticket], [own.id, 'Ende', 'CHG-7']);
    assert.equal((await it.operations.findOpen(other.tenantId))?.id, other.id);
    assert.equal(await it.operations.find(it.tenantId, other.id), null);
  });

  test('are listed by pages, the newest first', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      const { id } = await it.open({ expectedNewestId: ids[0] ?? null });
      await end(id);
      ids.unshift(id);
    }
    const list = (limit: number, cursor: string | null = null) =>
      it.operations.list({ tenantId: it.tenantId, status: null, limit, cursor });
    const idsOf = (page: Awaited<ReturnType<typeof list>>) => page.operations.map(({ id }) => id);
    const [first, all] = [await list(3), await list(4)];
    assert.deepEqual(idsOf(first), ids.slice(0, 3));
    assert.deepEqual(idsOf(await list(3, first.nextCursor)), ids.slice(3));
    assert.deepEqual([idsOf(all), all.nextCursor], [ids, null]);
  });

  test('come with why disconnecting is off', async () => {
    const preconditions = () =>
      it.operations.loadPreconditions({ tenantId: it.tenantId, oid: 'admin' }, null);
    assert.deepEqual(await preconditions(), { newest: null, disabledBecause: null, earlier: null });
    const change = { id: randomUUID(), tenantId: it.tenantId, enabled: false, reason: 'Freeze', by: 'Olga' };
    await writeSwitch(it.database, { ...change, at: new Date() });
    assert.equal((await preconditions()).disabledBecause, 'Freeze');
  });

  test('that wait for a lock of their tenant have one connection for all of them, and hold up no other', async () => {
    const lock = await it.lockTenant();
    const { tenantId } = it;
    const waiting = Array.from({ length: 5 }, () => it.operations.open(it.opening()));
    await it.waiting();
    // More than there would be connections.
    await Promise.all(Array.from({ length: 4 }, () => it.open({}, { tenantId: randomUUID() })));
    await it.waiting(1);
    await lock.end();
    const opened = await Promise.all(waiting);
    assert.equal(opened.filter((one) => typeof one === 'object').length, 1);
    assert.ok(await it.operations.findOpen(tenantId));
  });
});
