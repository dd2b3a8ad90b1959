import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import type { NotificationType } from '../../src/core/notification.ts';
import { typeOf } from '../../src/core/notification.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { until } from '../support/processes.ts';
import { startReplica } from '../support/replica.ts';
import { hold, operationsPath, scene } from '../support/scene.ts';
import { assertNoSecret, bearer, disconnectPath } from '../support/service.ts';
import type { Timings } from '../support/timings.ts';
import { newWebhookSecret, startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

type CloudEvent = {
  id: string;
  type: string;
  link?: string;
  data: {
    operationId: string | null;
    status: string | null;
    consequence: string;
    reason: string | null;
    ticket: string | null;
    explanation: string | null;
    by: { kind: string; oid: string; name: string | null } | null;
    requester: { oid: string; name: string | null } | null;
  };
};

const secret = newWebhookSecret();
const portalUrl = 'https://portal.example.com/operations/{operationId}';

/** What a receiver has verified, each id once. */
function heard({ received }: WebhookReceiver): CloudEvent[] {
  const events = received.map(({ body, headers }) => {
    const event = new Webhook(secret).verify(body, headers) as CloudEvent;
    assert.equal(headers['webhook-id'], event.id);
    return event;
  });
  return [...new Map(events.map((event) => [event.id, event])).values()];
}

const kinds = (events: readonly CloudEvent[]) => events.map(({ type }) => type);

/** A folder with the files that a receiver's settings name. */
async function filesFor(urls: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-notifications-'));
  await writeFile(join(folder, 'secrets'), `${secret}\n`);
  for (const [name, url] of Object.entries(urls)) await writeFile(join(folder, name), `${url}\n`);
  const webhook = (
    name: string,
    types: NotificationType[] | null = null,
    tenants: string[] | null = null,
  ) => ({
    address: { file: join(folder, name) },
    secretFile: join(folder, 'secrets'),
    format: 'cloudevents' as const,
    types,
    tenants,
  });
  return { folder, webhook, remove: () => rm(folder, { recursive: true, force: true }) };
}

describe('receivers of notifications', () => {
  const timings: Timings = { policy: { approvalRequired: true }, sweepMs: 200 };
  const it = scene({ timings });
  let all: WebhookReceiver;
  let chosen: WebhookReceiver;
  let files: Awaited<ReturnType<typeof filesFor>>;
  let withReceivers: Timings;
  before(async () => {
    [all, chosen] = await Promise.all([startWebhookReceiver(), startWebhookReceiver()]);
    files = await filesFor({ all: all.url, chosen: chosen.url });
    withReceivers = {
      ...timings,
      notifications: {
        portalUrl,
        webhooks: [
          files.webhook('all'),
          files.webhook('chosen', [typeOf('operation.rejected')], [it.tenantId]),
        ],
      },
    };
  });
  after(async () => {
    await all?.close();
    await chosen?.close();
    await files?.remove();
  });
  /** Both are known to the database: from then on they are told what happens. */
  const known = () =>
    until('both receivers are known', async () => {
      const [row] = await it.query<{ count: string }>('select count(*) from notification_receivers');
      return row?.count === '2';
    });

  const operator = (program: string, args: string[]) =>
    new Promise<number>((resolve) => {
      const env = childEnvironment({
        DATABASE_URL: it.testEnvironment.database.url,
        DATABASE_ADMIN_URL: it.testEnvironment.database.adminUrl,
      });
      const path = fileURLToPath(new URL(`../../src/cli/${program}.ts`, import.meta.url));
      execFile(process.execPath, [path, ...args], { env }, (error) => resolve(Number(error?.code ?? 0)));
    });

  test('hear of each step, with who, why, what follows and where to look', async () => {
    await it.beside(withReceivers, async (on) => {
      await known();
      const asked = await it.disconnect({ on, body: { reason: 'The contract ends.', ticket: 'CHG-7' } });
      assert.equal(asked.status, 202);
      const id = asked.body.operationId;
      const approved = await it.approve(id, { on, body: { reason: 'Checked.' } });
      assert.equal(approved.status, 200, JSON.stringify(approved.body));
      assert.equal((await it.post(`${operationsPath}/${id}/execute`, { on })).status, 200);
      await until('all four are told', () => heard(all).length === 4);
      const events = heard(all);
      const expected = ['awaiting_approval', 'approved', 'sent', 'accepted'] as const;
      assert.deepEqual(
        new Set(kinds(events)),
        new Set(expected.map((status) => typeOf(`operation.${status}`))),
      );
      for (const { link, data } of events) {
        assert.equal(data.operationId, id);
        assert.equal(link, portalUrl.replace('{operationId}', id));
        assert.deepEqual([data.reason, data.ticket], ['The contract ends.', 'CHG-7']);
        assert.ok(data.consequence.length > 20);
      }
      const decision = events.find(({ data }) => data.status === 'approved');
      assert.notEqual(decision?.data.by?.oid, decision?.data.requester?.oid);
      assert.equal(decision?.data.explanation, 'Checked.');

      await it.testEnvironment.closeOperations();
      const second = await it.disconnect({ on, body: { reason: 'Again.' } });
      await it.post(`${operationsPath}/${second.body.operationId}/reject`, {
        on,
        as: 'second-admin',
        body: { reason: 'No.' },
      });
      await until('the chosen one is told', () => heard(chosen).length === 1);
      assert.deepEqual(kinds(heard(chosen)), [typeOf('operation.rejected')]);

      const shown = JSON.stringify([on.log, (await on.management.get('/metrics')).text]);
      assertNoSecret(shown, ['very-secret', secret, secret.slice('whsec_'.length)]);
      assertNoSecret(JSON.stringify(all.received), ['eyJ']);
      await until('the metrics say so', async () => {
        const receiver = `webhooks[0] ${new URL(all.url).host}`;
        const told = await on.metric('chromeos_bff_notification_tries_total', {
          receiver,
          result: 'delivered',
        });
        const gauge = async (name: string) => on.metric(`chromeos_bff_notifications_${name}`, { receiver });
        return told === 6 && (await gauge('pending')) === 0 && (await gauge('oldest_pending_seconds')) === 0;
      });
    });
  });

  test('hear of the switch, thrown while no replica runs, and of lost history and its acknowledgement', async () => {
    all.received.length = 0;
    assert.equal(
      await operator('disconnect-switch', ['off', '--by', 'an operator', '--reason', 'Freeze']),
      0,
    );
    assert.equal(await operator('disconnect-switch', ['on', '--by', 'an operator', '--reason', 'Over']), 0);
    await it.query("select report_lost_history($1, 1000, '\\x00')", [it.tenantId]);
    const because = ['--tenant', it.tenantId, '--by', 'bob', '--reason', 'restored'];
    assert.equal(await operator('audit-acknowledge-loss', because), 0);
    await it.beside(withReceivers, async () => {
      await until('all of it is told', () => heard(all).length === 4);
      assert.deepEqual(
        new Set(kinds(heard(all))),
        new Set((['switch.off', 'switch.on', 'history.lost', 'history.acknowledged'] as const).map(typeOf)),
      );
    });
  });

  test('a receiver that fails is told in metrics, log and, once it is well, of everything', async () => {
    await it.beside(withReceivers, async (on) => {
      all.received.length = 0;
      all.answerWith((response) => response.writeHead(500).end());
      const asked = await it.disconnect({ on });
      assert.equal(asked.status, 202, 'a call hears nothing of it');
      const receiver = `webhooks[0] ${new URL(all.url).host}`;
      await until('it is counted', async () => {
        const failed = await on.metric('chromeos_bff_notification_tries_total', {
          receiver,
          result: 'failed',
        });
        return failed > 0 && (await on.metric('chromeos_bff_notifications_pending', { receiver })) === 1;
      });
      assert.ok(
        on.log.some(({ msg, why }) => /receiver of notifications fails/.test(msg) && why === 'HTTP 500'),
      );
      all.answerWith((response) => response.writeHead(204).end());
      await it.query('update notification_deliveries set due_at = now()');
      await until('it works again', () => on.log.some(({ msg }) => /works again/.test(msg)));
      assert.deepEqual(kinds(heard(all)), [typeOf('operation.awaiting_approval')]);
    });
  });

  test('a replica that is to stop begins nothing more, and is held up by no receiver', async () => {
    all.received.length = 0;
    await it.beside(
      // A call that is not over keeps the replica draining, for less time than a receiver is waited for.
      {
        ...withReceivers,
        graphTimeoutMs: 12_000,
        notifications: { portalUrl, webhooks: [files.webhook('all')] },
      },
      async (on) => {
        let ended = false;
        all.answerWith((response) =>
          response.once('close', () => {
            ended = true;
          }),
        );
        assert.equal((await it.disconnect({ on })).status, 202);
        await until('the receiver is asked', () => all.received.length === 1);
        const graph = hold(it.simulator, 'list');
        const reading = it.readConnection({ on }).then(({ status }) => status);
        await graph.arrived();
        const closed = on.close();
        await until('it drains', async () => (await on.management.get('/readyz')).status === 503);
        all.answerWith((response) => response.writeHead(204).end());
        await until('the try under way is ended', () => ended);
        await it.query(
          "update notification_deliveries set due_at = now() - interval '1 minute' where result is null",
        );
        assert.equal(all.received.length, 1);
        graph.release();
        assert.equal(await reading, 200);
        await closed;
        assert.equal(all.received.length, 1, 'nobody else was asked');
        assert.ok(!on.log.some(({ msg }) => msg === 'shutdown cleanup timed out'));
      },
    );
    await it.beside(withReceivers, async () => {
      await until('the next process tells it', () => all.received.length === 2);
    });
  });

  test('files that are not usable are told on the readiness page, and keep nothing from starting', async () => {
    const broken = { ...files.webhook('all'), secretFile: join(files.folder, 'not-there') };
    const timings: Timings = { notifications: { portalUrl: null, webhooks: [broken] } };
    await it.beside(timings, async (on) => {
      const { body } = await on.management.get('/readyz?verbose').expect(200);
      assert.deepEqual(
        body.checks.find(({ name }: { name: string }) => name === 'notifications'),
        { name: 'notifications', status: 'warning', warning: 'webhooks[0].secretFile is not there' },
      );
    });
  });
});

describe('replicas that are killed', () => {
  const it = scene({ timings: {} });
  let receiver: WebhookReceiver;
  let files: Awaited<ReturnType<typeof filesFor>>;
  before(async () => {
    receiver = await startWebhookReceiver();
    files = await filesFor({ all: receiver.url });
  });
  after(async () => {
    await receiver?.close();
    await files?.remove();
  });

  test('leave nothing untold, and tell nothing that did not happen', async () => {
    const timings: Timings = { notifications: { portalUrl, webhooks: [files.webhook('all')] } };
    // Some answers get lost with whoever asked for them.
    const held: (() => void)[] = [];
    receiver.answerWith((response) => void held.push(() => response.writeHead(204).end()));
    // A replica trusts the receiver too.
    const { simulator } = it.testEnvironment;
    const caPem = `${simulator.caPem}\n${receiver.caPem}`;
    const start = () => startReplica({ ...it.testEnvironment, simulator: { ...simulator, caPem } }, timings);
    const first = await start();
    await until('the receiver is known', async () => {
      const [row] = await it.query<{ count: string }>('select count(*) from notification_receivers');
      return row?.count === '1';
    });
    const disconnect = async ({ api }: typeof first) =>
      api.post(disconnectPath).set('authorization', bearer(await it.simulator.token('admin')));
    for (let round = 0; round < 3; round += 1) {
      await it.testEnvironment.closeOperations();
      it.simulator.reset();
      assert.equal((await disconnect(first)).status, 200);
    }
    await until('the receiver is asked', () => held.length > 0);
    await first.kill();

    receiver.answerWith((response) => response.writeHead(204).end());
    const before = receiver.received.length;
    // As if the leases of what died with it had ended.
    await it.query('update notification_deliveries set due_at = now()');
    const replicas = await Promise.all([start(), start()]);
    try {
      for (const replica of replicas) {
        await it.testEnvironment.closeOperations();
        it.simulator.reset();
        assert.equal((await disconnect(replica)).status, 200);
      }
      const happened = await it.query<{ id: string }>(
        "select id from audit_events where record ->> 'move' is not null",
      );
      assert.equal(happened.length, 10);
      await until('all of it is told', () => heard(receiver).length === happened.length);
      assert.deepEqual(new Set(heard(receiver).map(({ id }) => id)), new Set(happened.map(({ id }) => id)));
      const again = receiver.received.slice(before).map(({ headers }) => headers['webhook-id']);
      assert.equal(again.length, happened.length, 'each by one of the two replicas');
    } finally {
      await Promise.all(replicas.map((replica) => replica.kill()));
    }
  });
});
