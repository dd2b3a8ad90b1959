import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  readSwitches,
  type SwitchChange,
  writeSwitch,
} from '../../../src/adapters/database/disconnect-switch.ts';
import { switchedOff } from '../../../src/adapters/database/statements/switched-off.ts';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';
import { type AuditScene, homeTenant, otherTenant, startAuditScene } from '../../support/audit.ts';

describe('the changes of the switch', () => {
  let scene: AuditScene;
  const changes: SwitchChange[] = [];
  const change = (tenantId: string | null, enabled: boolean): SwitchChange => {
    const at = new Date(Date.parse('2026-03-01T00:00:00Z') + changes.length * 1000);
    const made = {
      id: randomUUID(),
      tenantId,
      enabled,
      reason: `Reason ${changes.length}`,
      by: `Olga ${at}`,
      at,
    };
    changes.push(made);
    return made;
  };
  const [offForAll, homeOff, homeOn, otherOff] = [
    change(null, false),
    change(homeTenant, false),
    change(homeTenant, true),
    change(otherTenant, false),
  ];
  before(async () => {
    scene = await startAuditScene();
    for (const one of changes) await writeSwitch(scene.serviceDatabase, one);
  });
  after(() => scene?.close());

  const sorted = (some: SwitchChange[]) => some.toSorted((one, other) => one.id.localeCompare(other.id));
  const latest: [string, string | null, SwitchChange[]][] = [
    ['every tenant', null, [offForAll, homeOn, otherOff]],
    ['one, and for all', homeTenant, [offForAll, homeOn]],
    ['another, and for all', otherTenant, [offForAll, otherOff]],
    ['one that has none of its own', randomUUID(), [offForAll]],
  ];
  for (const [name, tenantId, expected] of latest) {
    test(`are read as they were made, the latest for ${name}`, async () => {
      assert.deepEqual(sorted(await readSwitches(scene.serviceDatabase, tenantId)), sorted(expected));
    });
  }

  test('are each on the record of their tenant, or of none', async () => {
    const { rows } = await scene.superuser.query<{ record: AuditEvent }>(
      'select record::json as record from audit_events order by occurred_at',
    );
    const recorded = rows.map(({ record: { id, tenantId, event, action, reason, value, actor } }) => {
      return { id, tenantId, event, action, reason, value, by: actor.name, command: actor.clientId };
    });
    const expected = [offForAll, homeOff, homeOn, otherOff].map(({ id, tenantId, enabled, reason, by }) => ({
      id,
      tenantId: tenantId ?? 'none',
      event: 'switched',
      action: 'switch_disconnect',
      reason,
      value: enabled ? 'on' : 'off',
      by,
      command: 'disconnect-switch',
    }));
    assert.deepEqual(recorded, expected);
  });

  test('count once, however often they are written', async () => {
    await writeSwitch(scene.serviceDatabase, otherOff);
    const { rows } = await scene.superuser.query('select id from disconnect_switches order by position');
    assert.deepEqual(
      rows.map(({ id }) => id),
      changes.map(({ id }) => id),
    );
  });

  test('say why disconnecting is off: the latest that turned it off, for the tenant or for all', async () => {
    const database = scene.serviceDatabase;
    const why = async (tenantId: string) => {
      const [row] = await database.query<{ reason: string }>(switchedOff, [tenantId]);
      const [off] = await database.query('select disconnect_switched_off($1) as off', [tenantId]);
      assert.equal(off?.off, row !== undefined);
      return row?.reason;
    };
    const tenants = [homeTenant, otherTenant, randomUUID()];
    const all = () => Promise.all(tenants.map(why));
    assert.deepEqual(await all(), [offForAll.reason, otherOff.reason, offForAll.reason]);
    await writeSwitch(database, change(null, true));
    assert.deepEqual(await all(), [undefined, otherOff.reason, undefined]);
    const offAgain = change(null, false);
    await writeSwitch(database, offAgain);
    assert.deepEqual(await all(), [offAgain.reason, offAgain.reason, offAgain.reason]);
  });
});
