import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeSwitch } from '../../../src/adapters/database/disconnect-switch.ts';
import { acknowledgeLostHistory } from '../../../src/adapters/database/lost-history.ts';
import type { Subscription } from '../../../src/adapters/database/notification-queue.ts';
import { notificationTypes, typeOf } from '../../../src/core/notification.ts';
import { movesFrom, type OperationStatus, operationStatuses } from '../../../src/core/operation/life.ts';
import type { StoredOperation } from '../../../src/core/operation/operation.ts';
import { sampleEvent } from '../../support/audit.ts';
import { type NotificationScene, startNotificationScene } from '../../support/notification-scene.ts';

const everything: Subscription = { receiver: 'first', types: null, tenants: null };
const leaseMs = 60_000;
/** What the database refuses. */
const unavailable = /^CallFailed: audit_unavailable/;

describe('the queue of notifications', () => {
  let scene: NotificationScene;
  before(async () => {
    scene = await startNotificationScene();
  });
  after(() => scene?.close());
  beforeEach(async () => {
    await scene.owner.query('truncate notifications, notification_receivers, notification_deliveries');
    await scene.queue.claim(everything, 1, leaseMs);
  });

  const claim = (but: Partial<Subscription> = {}, limit = 100, lease = leaseMs) =>
    scene.queue.claim({ ...everything, ...but }, limit, lease);
  const types = (claimed: readonly { type: string }[]) => claimed.map(({ type }) => type);
  const rows = async (text: string, values: unknown[] = []) => (await scene.owner.query(text, values)).rows;

  const switchOff = (tenantId: string) => {
    const id = randomUUID();
    const event = sampleEvent(tenantId, { id, event: 'switched', operationId: null, move: null });
    const change = { id, tenant_id: tenantId, enabled: false, reason: 'x', changed_by: 'x' };
    return [JSON.stringify({ ...change, changed_at: new Date() }), JSON.stringify([event])];
  };

  test('every move is told under its event’s id, with what is on record of it', async () => {
    const tenantId = randomUUID();
    const asked = await scene.open(tenantId, 'awaiting_approval');
    const approved = await scene.move(asked.value, 'approved');
    const claimed = await claim();
    assert.deepEqual(types(claimed), [typeOf('operation.awaiting_approval'), typeOf('operation.approved')]);
    assert.deepEqual(
      claimed.map(({ id }) => id),
      [asked.eventId, approved.eventId],
    );
    for (const { tenantId: told, event, operation, attempt, detail } of claimed) {
      assert.equal(told, tenantId);
      assert.equal(event?.operationId, asked.value.id);
      assert.equal(operation?.id, asked.value.id);
      assert.deepEqual(operation?.connection, asked.value.connection);
      assert.deepEqual([attempt, detail], [1, {}]);
    }
    assert.deepEqual(
      claimed.map(({ queuedAt }) => queuedAt),
      (await rows('select queued_at from notifications order by queued_at')).map(({ queued_at }) =>
        queued_at.toISOString(),
      ),
    );
  });

  test('each move of the table of moves is one that receivers can be told', () => {
    const reached = [...movesFrom(null), ...operationStatuses.flatMap((status) => movesFrom(status))];
    for (const status of reached) assert.ok(notificationTypes.includes(typeOf(`operation.${status}`)));
  });

  test('the switch, and history that is lost and acknowledged, once each', async () => {
    const tenantId = randomUUID();
    const change = { tenantId, enabled: false, reason: 'freeze', by: 'alice', at: new Date() };
    const off = { ...change, id: randomUUID() };
    await writeSwitch(scene.database, off);
    await writeSwitch(scene.database, off);
    await writeSwitch(scene.database, { ...change, id: randomUUID(), enabled: true, tenantId: null });
    const lose = (number: number) =>
      scene.database.query("select report_lost_history($1, $2, '\\x00')", [tenantId, number]);
    await lose(7);
    await lose(7);
    await lose(9);
    const client = await scene.owner.connect();
    await acknowledgeLostHistory(client, { tenantId, by: 'bob', reason: 'restored', now: new Date() });
    client.release();
    const contradiction = { chain: tenantId, reason: 'changed', message: 'event 3 differs' };
    await scene.queue.reportContradiction(contradiction);
    await scene.queue.reportContradiction({ ...contradiction, message: 'event 4 differs' });

    const claimed = await claim();
    assert.deepEqual(
      claimed.map(({ type, tenantId: told, event, detail }) => [type, told, event?.actor.name, detail]),
      [
        [typeOf('switch.off'), tenantId, 'alice', {}],
        [typeOf('switch.on'), null, 'alice', {}],
        [typeOf('history.lost'), tenantId, undefined, { number: 7 }],
        [typeOf('history.acknowledged'), tenantId, 'bob', {}],
        [
          typeOf('history.contradicted'),
          tenantId,
          undefined,
          { reason: 'changed', message: 'event 3 differs' },
        ],
      ],
    );
  });

  test('a receiver hears what it asks for, of its tenants and of all, and what happens from its first claim on', async () => {
    const [mine, other] = [randomUUID(), randomUUID()];
    const only = {
      receiver: 'second',
      types: [typeOf('operation.sent'), typeOf('switch.off')],
      tenants: [mine],
    };
    await scene.open(other, 'sent');
    assert.deepEqual(await claim(only), [], 'what happened before is not for it');
    await scene.open(mine, 'awaiting_approval');
    await scene.open(randomUUID(), 'awaiting_approval');
    await writeSwitch(scene.database, {
      id: randomUUID(),
      tenantId: null,
      enabled: false,
      reason: 'freeze',
      by: 'alice',
      at: new Date(),
    });
    await writeSwitch(scene.database, {
      id: randomUUID(),
      tenantId: null,
      enabled: true,
      reason: 'over',
      by: 'alice',
      at: new Date(),
    });
    const sent = await scene.open(randomUUID(), 'sent');
    assert.equal(sent.value.status, 'sent');
    assert.deepEqual(types(await claim(only)), [typeOf('switch.off')]);
    assert.equal((await claim()).length, 6, 'another receiver has its own');
  });

  test('handed out once until the lease ends; then again, and what comes late from the first is not counted', async () => {
    await scene.open(randomUUID(), 'sent');
    const [first] = await claim({}, 100, 0);
    assert.equal(first?.attempt, 1);
    const [second] = await claim();
    assert.deepEqual([second?.id, second?.attempt], [first?.id, 2]);
    assert.deepEqual(await claim(), []);
    assert.equal(await scene.queue.record('first', first as never, { went: 'failed', waitMs: 0 }), null);
    assert.deepEqual(await claim(), [], 'it is still in the hands of the second');
    assert.equal(await scene.queue.record('first', first as never, { went: 'delivered' }), 'delivered');
    assert.equal(await scene.queue.record('first', second as never, { went: 'failed', waitMs: 0 }), null);
    assert.deepEqual(await scene.queue.pending(everything), { number: 0, oldestSeconds: 0 });
  });

  test('while one replica claims another gets nothing, and waits for nothing', async () => {
    await scene.open(randomUUID(), 'sent');
    await scene.database.transact(async (connection) => {
      const statement = 'select notification_id from claim_notifications($1, null, null, 9, 60000)';
      const { rows } = await connection.query(statement, ['first']);
      assert.equal(rows.length, 1);
      assert.deepEqual(await claim(), []);
    });
    assert.deepEqual(await claim(), []);
  });

  test('what failed comes again when its time has come, and is given up a day after it was queued', async () => {
    await scene.open(randomUUID(), 'sent');
    const record = (claimed: unknown, waitMs: number) =>
      scene.queue.record('first', claimed as never, { went: 'failed', waitMs });
    const [first] = await claim();
    assert.equal(await record(first, 60_000), 'pending');
    assert.deepEqual(await claim(), []);
    await rows("update notification_deliveries set due_at = due_at - interval '2 minutes'");
    const [second] = await claim();
    assert.equal(second?.attempt, 2);
    const dayMs = 24 * 3600 * 1000;
    await rows("update notifications set queued_at = queued_at - interval '23 hours'");
    await rows("update notification_receivers set since = since - interval '2 days'");
    const { number, oldestSeconds } = await scene.queue.pending(everything);
    assert.equal(number, 1);
    assert.ok(oldestSeconds >= 23 * 3600, `${oldestSeconds}`);
    assert.equal(await record(second, dayMs), 'given_up');
    assert.equal((await scene.queue.pending(everything)).number, 0);
    assert.deepEqual(await claim(), []);
  });

  test('what a receiver refuses for good is given up at once', async () => {
    await scene.open(randomUUID(), 'sent');
    const [claimed] = await claim();
    assert.equal(await scene.queue.record('first', claimed as never, { went: 'refused' }), 'given_up');
    assert.deepEqual(await claim(), []);
  });

  test('old ones are forgotten, and receivers that nobody names any more', async () => {
    await scene.open(randomUUID(), 'sent');
    await claim({ receiver: 'second' });
    await claim();
    await scene.queue.prune(['first']);
    assert.equal((await rows('select from notifications')).length, 1);
    await rows("update notifications set queued_at = queued_at - interval '49 hours'");
    await rows("update notification_receivers set seen_at = seen_at - interval '49 hours'");
    await scene.queue.prune(['first']);
    assert.deepEqual(await rows('select id from notifications'), []);
    assert.deepEqual(await rows('select * from notification_deliveries'), []);
    assert.deepEqual(await rows('select receiver from notification_receivers'), [{ receiver: 'first' }]);
  });

  test('a move that is taken back, or refused, is told nobody', async () => {
    const tenantId = randomUUID();
    const { value: asked } = await scene.open(tenantId, 'awaiting_approval');
    const refused = await scene.move({ ...asked, status: 'approved' }, 'sent');
    assert.equal(refused.value, 'moved_already');
    await assert.rejects(scene.move(asked, 'completed'), unavailable);
    await scene.database
      .transact(async (connection) => {
        await connection.query('select switch_disconnect($1, $2, 1000)', switchOff(tenantId));
        throw new Error('taken back');
      })
      .catch(() => {});
    assert.deepEqual(types(await claim()), [typeOf('operation.awaiting_approval')]);
  });

  // Each makes the queue fail, and says how it is made to work again.
  const broken: readonly (readonly [string, string, string])[] = [
    [
      'refuses what is written',
      'alter table notifications add constraint broken check (false) not valid',
      'alter table notifications drop constraint broken',
    ],
    [
      'is not there',
      'alter table notifications rename to notifications_elsewhere',
      'alter table notifications_elsewhere rename to notifications',
    ],
  ];
  for (const [what, brake, mend] of broken) {
    test(`where the queue ${what} the move stands, and that is counted`, async () => {
      const before = await notQueued();
      await rows(brake);
      try {
        const { value: opened } = await scene.open(randomUUID(), 'sent');
        const { value: moved } = await scene.move(opened, 'accepted');
        assert.equal((moved as StoredOperation).status, 'accepted');
      } finally {
        await rows(mend);
      }
      assert.equal(await notQueued(), before + 2);
      assert.equal(await scene.queue.notQueued(), before + 2);
      assert.deepEqual(await claim(), []);
    });
  }

  test('what is recorded does not wait for whoever has the queue locked', async () => {
    const before = await notQueued();
    const locker = await scene.owner.connect();
    await locker.query('begin; lock table notifications in access exclusive mode');
    try {
      // Whoever records would wait a minute for a lock; the statement is given five seconds.
      await scene.database.transact(async (connection) => {
        await connection.query("set local statement_timeout = '5s'");
        await connection.query('select switch_disconnect($1, $2, 60000)', switchOff(randomUUID()));
      });
    } finally {
      await locker.query('rollback');
      locker.release();
    }
    assert.equal(await notQueued(), before + 1);
  });

  const notQueued = async (): Promise<number> => {
    const [row] = await scene.database.query<{ number: string }>(
      'select case when is_called then last_value else 0 end as number from notifications_not_queued',
    );
    return Number(row?.number);
  };

  test('the service’s role reads the queue, and writes it through its functions alone', async () => {
    for (const table of ['notifications', 'notification_receivers', 'notification_deliveries']) {
      await scene.database.query(`select * from ${table}`);
      await assert.rejects(scene.database.query(`delete from ${table}`), unavailable);
    }
    await assert.rejects(
      scene.database.query("select queue_notification(gen_random_uuid(), 'x', 'x')"),
      unavailable,
    );
  });
});

describe('a thousand operations', () => {
  let scene: NotificationScene;
  before(async () => {
    scene = await startNotificationScene();
  });
  after(() => scene?.close());

  /** A number in [0, 1), always the same series. */
  let seed = 20_261_128;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const oneOf = <Value>(values: readonly Value[]): Value =>
    values[Math.floor(random() * values.length)] as Value;

  test('every event arrives at each receiver, from two replicas with failing tries, and none that did not happen', async () => {
    const happened = new Set<string>();
    const inTurn = async (total: number, atOnce: number, work: () => Promise<void>) => {
      let left = total;
      const lane = async () => {
        while (left > 0) {
          left -= 1;
          await work();
        }
      };
      await Promise.all(Array.from({ length: atOnce }, lane));
    };
    const live = async () => {
      const tenantId = randomUUID();
      const opened = await scene.open(tenantId, oneOf(['sent', 'awaiting_approval'] as const));
      happened.add(opened.eventId);
      let operation = opened.value;
      while (random() < 0.8) {
        const next: readonly OperationStatus[] = movesFrom(operation.status);
        if (next.length === 0) return;
        // Two decide at the same moment: one of them is too late.
        const tries = await Promise.all(
          Array.from({ length: random() < 0.2 ? 2 : 1 }, () => scene.move(operation, oneOf(next))),
        );
        for (const { value, eventId } of tries) {
          if (typeof value === 'string') continue;
          happened.add(eventId);
          operation = value;
        }
      }
    };

    const arrived = new Map([
      ['first', new Map<string, number>()],
      ['second', new Map<string, number>()],
    ]);
    let over = false;
    /** One replica's work for one receiver: it fails now and then, or dies with what it has in hand. */
    const deliver = async (receiver: string) => {
      const got = arrived.get(receiver) as Map<string, number>;
      const subscription = { ...everything, receiver };
      for (;;) {
        const before = over;
        const claimed = await scene.queue.claim(subscription, 50, 500);
        if (claimed.length === 0) await sleep(20);
        for (const one of claimed) {
          const luck = random();
          if (luck < 0.05) continue;
          if (luck < 0.15) {
            await scene.queue.record(receiver, one, { went: 'failed', waitMs: 10 });
            continue;
          }
          got.set(one.id, (got.get(one.id) ?? 0) + 1);
          if (luck > 0.95) continue;
          await scene.queue.record(receiver, one, { went: 'delivered' });
        }
        if (before && (await scene.queue.pending(subscription)).number === 0) return;
      }
    };
    await Promise.all(
      [...arrived.keys()].map((receiver) => scene.queue.claim({ ...everything, receiver }, 1, 1)),
    );
    const delivering = ['first', 'first', 'second', 'second'].map(deliver);
    await inTurn(1000, 6, live);
    over = true;
    await Promise.all(delivering);

    assert.ok(happened.size > 2000, `${happened.size} events happened`);
    for (const [receiver, got] of arrived) {
      assert.deepEqual(new Set(got.keys()), happened, receiver);
    }
  });
});
