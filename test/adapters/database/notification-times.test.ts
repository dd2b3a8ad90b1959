import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type pg from 'pg';
import { type NotificationScene, startNotificationScene } from '../../support/notification-scene.ts';

// In one transaction, so that moments can be compared. What each does is in notification-queue.test.ts.
describe('the queue of notifications goes by the time it is, not when the transaction began', () => {
  let scene: NotificationScene;
  let client: pg.PoolClient;
  const row = async (text: string, values: unknown[] = []) => (await client.query(text, values)).rows[0];
  before(async () => {
    scene = await startNotificationScene();
    await scene.queue.claim({ receiver: 'first', types: null, tenants: null }, 1, 1000);
    await scene.open(randomUUID(), 'sent');
    client = await scene.owner.connect();
  });
  after(async () => {
    client?.release();
    await scene?.close();
  });

  /** In a transaction that began a moment ago and is taken back. */
  const later = async (work: () => Promise<void>) => {
    await client.query('begin');
    try {
      await client.query('select pg_sleep(0.01)');
      // Between the beginning and now.
      await client.query(
        'create temporary table moment as select now() + (clock_timestamp() - now()) / 2 as at',
      );
      await work();
    } finally {
      await client.query('rollback');
    }
  };
  const claim = "select count(*)::int as number from claim_notifications('first', null, null, 9, 60000)";
  const due = (after: string) =>
    row(
      `select bool_and(due_at > m.at + interval '${after}') as later from notification_deliveries, moment m`,
    );

  test('as it hands out, to whom it is due, and for how long', () =>
    later(async () => {
      await client.query(
        'update notification_receivers set since = (select min(queued_at) from notifications)',
      );
      assert.deepEqual(await row(claim), { number: 1 }, 'what was queued at the moment they came counts');
      assert.deepEqual(await due('60 s'), { later: true });
      await client.query('update notification_deliveries set due_at = m.at from moment m');
      assert.deepEqual(await row(claim), { number: 1 });
    }));

  test('as it says when the next try is', () =>
    later(async () => {
      await client.query(claim);
      const { id } = await row('select notification_id as id from notification_deliveries');
      const told = await row("select record_delivery($1, 'first', 1, 'failed', 5000) as state", [id]);
      assert.deepEqual(told, { state: 'pending' });
      assert.deepEqual(await due('5 s'), { later: true });
    }));

  test('as it forgets', () =>
    later(async () => {
      await client.query("insert into notification_receivers (receiver) values ('second')");
      await client.query(
        "update notification_receivers set seen_at = m.at - interval '2 days' from moment m",
      );
      await client.query("update notifications set queued_at = m.at - interval '2 days' from moment m");
      await client.query("select prune_notifications(array['first'])");
      assert.deepEqual(await row('select array_agg(receiver) as all from notification_receivers'), {
        all: ['first'],
      });
      assert.deepEqual(
        await row('select bool_and(seen_at > m.at) as later from notification_receivers, moment m'),
        {
          later: true,
        },
      );
      assert.deepEqual(await row('select count(*)::int as number from notifications'), { number: 0 });
    }));

  test('PostgreSQL’s log says why one could not be queued', () =>
    later(async () => {
      const notices: (string | undefined)[] = [];
      client.on('notice', ({ message }) => notices.push(message));
      await client.query('alter table notifications rename to notifications_elsewhere');
      await client.query("select queue_notification(gen_random_uuid(), 'x', 'tenant')");
      assert.deepEqual(notices, [
        'a notification could not be queued: relation "notifications" does not exist',
      ]);
    }));
});
