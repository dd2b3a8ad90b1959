import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';
import {
  type AuditScene,
  homeTenant,
  otherTenant,
  sampleEvent,
  startAuditScene,
} from '../../support/audit.ts';

const chains = [homeTenant, otherTenant, 'none'];

describe('batches of audit events', () => {
  let scene: AuditScene;
  before(async () => {
    scene = await startAuditScene();
  });
  after(() => scene?.close());

  const idsOf = async (chain: string) => {
    const { rows } = await scene.superuser.query<{ number: number; id: string }>(
      'select number::int, id from audit_events where chain = $1 order by number',
      [chain],
    );
    assert.deepEqual(
      rows.map(({ number }) => number),
      rows.map((_, index) => index + 1),
      'numbers have no gap',
    );
    return rows.map(({ id }) => id);
  };

  test('whatever is repeated in them: each event stands once, in its chain, in the order it came in', async () => {
    // Few events in many batches, so that most stand already, some of them twice in one batch.
    const batch = fc.array(fc.nat(29), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 8 }), async (batches) => {
        const events = Array.from({ length: 30 }, (_, index) => sampleEvent(chains[index % 3] ?? ''));
        const expected = new Map<string, string[]>();
        for (const chain of chains) expected.set(chain, await idsOf(chain));
        for (const numbers of batches) {
          const given = numbers.map((number) => events[number] as AuditEvent);
          await scene.append(...given);
          for (const { tenantId, id } of given) {
            const ids = expected.get(tenantId) ?? [];
            if (!ids.includes(id)) ids.push(id);
          }
        }
        for (const chain of chains) assert.deepEqual(await idsOf(chain), expected.get(chain));
      }),
      { numRuns: 40 },
    );
    const key = await scene.key();
    await scene.checkpoint(key.signer);
    const verified = await scene.verify('--public-key', key.publicFile);
    assert.equal(verified.code, 0, verified.out + verified.err);
  });

  test('one that cannot be recorded takes the whole batch with it, and nothing else', async () => {
    const before = await idsOf(homeTenant);
    const good = sampleEvent(homeTenant);
    const bad = { ...sampleEvent(homeTenant), time: null } as unknown as AuditEvent;
    await assert.rejects(scene.append(good, bad), /null value in column "occurred_at"/);
    assert.deepEqual(await idsOf(homeTenant), before);
    await scene.append(good);
    assert.deepEqual(await idsOf(homeTenant), [...before, good.id]);
  });
});
