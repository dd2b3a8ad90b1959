import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { deliverDue, type Tried } from '../../../src/adapters/notifications/delivery.ts';
import {
  type Receiver,
  type ReceiverOptions,
  receiversFrom,
} from '../../../src/adapters/notifications/receiver.ts';
import { createHttpClient, type EndableHttpClient } from '../../../src/adapters/outbound/http-client.ts';
import { Secret } from '../../../src/core/secret.ts';
import { isReceiverUrl } from '../../../src/settings/notification-settings.ts';
import { startProxy } from '../../support/connect-proxy.ts';
import { type NotificationScene, startNotificationScene } from '../../support/notification-scene.ts';
import { until } from '../../support/processes.ts';
import {
  newWebhookSecret,
  startWebhookReceiver,
  type WebhookReceiver,
} from '../../support/webhook-receiver.ts';

describe('telling a receiver', () => {
  let scene: NotificationScene;
  let peer: WebhookReceiver;
  let http: EndableHttpClient;
  let folder: string;
  let secretFile: string;
  let secret: string;
  /** What was asked for between tries, in milliseconds. */
  const pauses: number[] = [];
  before(async () => {
    scene = await startNotificationScene();
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-notifications-'));
  });
  after(async () => {
    await scene?.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await scene.owner.query('truncate notifications, notification_receivers, notification_deliveries');
    pauses.length = 0;
    peer = await startWebhookReceiver();
    http = createHttpClient({ https: null, exceptions: null });
    secret = newWebhookSecret();
    secretFile = join(folder, randomUUID());
    await writeFile(secretFile, `${secret}\n`);
  });
  afterEach(async () => {
    await http.destroy();
    await peer.close();
  });

  const receiverAt = (url: string, but: Partial<ReceiverOptions> = {}): Receiver => {
    const options: ReceiverOptions = {
      address: { value: new Secret(url) },
      secretFile,
      format: 'cloudevents',
      types: null,
      tenants: null,
      ...but,
    };
    const [receiver] = receiversFrom([options], isReceiverUrl, () => {});
    return receiver as Receiver;
  };
  /** What is due now, told once; gives how each try went. */
  const deliver = async (receiver: Receiver, timeoutMs = 10_000, client = http): Promise<Tried[]> => {
    const tried: Tried[] = [];
    await deliverDue(
      {
        queue: {
          ...scene.queue,
          record(name, notification, attempted) {
            if (attempted.went === 'failed') pauses.push(attempted.waitMs);
            return scene.queue.record(name, notification, attempted);
          },
        },
        receiver,
        http: client,
        message: { keepNames: true, portalUrl: 'https://portal.example.com/operations/{operationId}' },
        timeoutMs,
        clock: Date.now,
        random: () => 0,
        onTried: (one) => tried.push(one),
      },
      () => false,
    );
    return tried;
  };
  /** Lets everything that waits be due. */
  const due = () => scene.owner.query('update notification_deliveries set due_at = clock_timestamp()');
  /** The receiver is known, and something has happened since. */
  const something = async (receiver: Receiver) => {
    await deliver(receiver);
    return (await scene.open(randomUUID(), 'awaiting_approval')).eventId;
  };
  test('is signed so that the library verifies it, and told once', async () => {
    const receiver = receiverAt(peer.url);
    const id = await something(receiver);
    const [tried] = await deliver(receiver);
    assert.deepEqual([tried?.went, tried?.why, tried?.state], ['delivered', null, 'delivered']);
    assert.deepEqual(await deliver(receiver), []);
    assert.equal(peer.received.length, 1);
    const [{ headers, body } = assert.fail()] = peer.received;
    assert.equal(headers['webhook-id'], id);
    assert.equal(headers['content-type'], 'application/cloudevents+json; charset=utf-8');
    const event = new Webhook(secret).verify(body, headers) as { id: string; data: { reason: string } };
    assert.equal(event.id, id);
    assert.match(event.data.reason, /миграция/);
    assert.throws(() => new Webhook(secret).verify(`${body} `, headers), /No matching signature/);
    assert.throws(() => new Webhook(newWebhookSecret()).verify(body, headers), /No matching signature/);
  });

  test('both secrets sign during a rotation; what the file holds then counts without a restart', async () => {
    const receiver = receiverAt(peer.url);
    const next = newWebhookSecret();
    await something(receiver);
    await writeFile(secretFile, `${secret}\n${next}\n`);
    await deliver(receiver);
    await something(receiver);
    await writeFile(secretFile, `${next}\n`);
    await deliver(receiver);
    const [during = assert.fail(), afterwards = assert.fail()] = peer.received;
    for (const known of [secret, next]) new Webhook(known).verify(during.body, during.headers);
    new Webhook(next).verify(afterwards.body, afterwards.headers);
    assert.throws(() => new Webhook(secret).verify(afterwards.body, afterwards.headers));
  });

  test('a card for Teams needs no secret, and is then not signed', async () => {
    const receiver = receiverAt(peer.url, { format: 'adaptive-card', secretFile: null });
    const id = await something(receiver);
    await deliver(receiver);
    const [{ headers, body } = assert.fail()] = peer.received;
    assert.equal(headers['webhook-id'], id);
    assert.equal(headers['webhook-signature'], undefined);
    assert.equal(JSON.parse(body).attachments[0].contentType, 'application/vnd.microsoft.card.adaptive');
  });

  const bad: readonly (readonly [string, (response: ServerResponse) => void, string | RegExp, number])[] = [
    ['answers 500', (response) => response.writeHead(500).end('<html>'), 'HTTP 500', 10_000],
    ['answers 404', (response) => response.writeHead(404).end(), 'HTTP 404', 10_000],
    [
      'redirects',
      (response) => response.writeHead(307, { location: `${peer.url}&redirected` }).end(),
      'HTTP 307',
      10_000,
    ],
    ['answers too late', () => {}, 'TIMEOUT', 300],
    ['hangs up', (response) => response.destroy(), /UND_ERR_SOCKET|ECONNRESET/, 10_000],
    [
      'sends no end of an answer',
      (response) => {
        response.writeHead(200);
        response.write('x'.repeat(2 * 1024 * 1024));
      },
      'UND_ERR_RES_EXCEEDED_MAX_SIZE',
      10_000,
    ],
  ];
  for (const [what, answer, why, timeoutMs] of bad) {
    test(`one that ${what} is told again, under the same id`, async () => {
      const receiver = receiverAt(peer.url);
      const id = await something(receiver);
      peer.answerWith(answer);
      const [failed] = await deliver(receiver, timeoutMs);
      assert.deepEqual([failed?.went, failed?.state], ['failed', 'pending']);
      if (typeof why === 'string') assert.equal(failed?.why, why);
      else assert.match(failed?.why ?? '', why);
      assert.deepEqual(await deliver(receiver), [], 'not at once');
      peer.answerWith((response) => response.writeHead(202).end());
      await due();
      const [told] = await deliver(receiver);
      assert.equal(told?.state, 'delivered');
      const ids = new Set(peer.received.map(({ headers }) => headers['webhook-id']));
      assert.deepEqual([...ids], [id]);
    });
  }

  test('one whose certificate nobody here knows hears nothing, nor does one that is not there', async () => {
    const stranger = await startWebhookReceiver({ stranger: true });
    try {
      const receiver = receiverAt(stranger.url);
      await something(receiver);
      const [failed] = await deliver(receiver);
      assert.match(failed?.why ?? '', /CERT|SIGNATURE|ISSUER/);
      assert.deepEqual(stranger.received, []);
    } finally {
      await stranger.close();
    }
    const gone = receiverAt(stranger.url);
    await due();
    assert.equal((await deliver(gone))[0]?.why, 'ECONNREFUSED');
  });

  test('410 is its last word on a notification, and on no other', async () => {
    const receiver = receiverAt(peer.url);
    await something(receiver);
    peer.answerWith((response) => response.writeHead(410).end());
    const [refused] = await deliver(receiver);
    assert.deepEqual([refused?.went, refused?.state], ['refused', 'given_up']);
    peer.answerWith((response) => response.writeHead(204).end());
    await something(receiver);
    await due();
    assert.deepEqual(
      (await deliver(receiver)).map(({ state }) => state),
      ['delivered'],
    );
  });

  test('pauses double, never below what the receiver asks for and not for days because it does', async () => {
    const receiver = receiverAt(peer.url);
    await something(receiver);
    for (const retryAfter of [undefined, undefined, '600', '0', '864000']) {
      const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
      peer.answerWith((response) => response.writeHead(503, headers).end());
      await deliver(receiver);
      await due();
    }
    assert.deepEqual(pauses, [1000, 2000, 600_000, 8000, 3_600_000]);
  });

  test('a file that makes no sense is a failed try, and mended without a restart', async () => {
    const urlFile = join(folder, randomUUID());
    const receiver = receiverAt('', { address: { file: urlFile } });
    assert.equal(receiver.label(), 'webhooks[0]');
    await something(receiver);
    assert.equal((await deliver(receiver))[0]?.why, 'its files are not usable');
    assert.equal(receiver.problem(), 'webhooks[0].urlFile is not there');
    await writeFile(urlFile, 'http://intranet.example.com/hook');
    await due();
    assert.equal((await deliver(receiver))[0]?.why, 'its files are not usable');
    assert.equal(receiver.problem(), 'webhooks[0].urlFile does not hold an https URL');
    await writeFile(urlFile, `${peer.url}\n`);
    await due();
    assert.equal((await deliver(receiver))[0]?.state, 'delivered');
    assert.equal(receiver.problem(), null);
    assert.equal(receiver.label(), `webhooks[0] ${new URL(peer.url).host}`);
  });

  test('a receiver that never answers holds up no other, and no connection to the database', async () => {
    const silent = receiverAt(peer.url);
    const other = await startWebhookReceiver();
    // Whom to trust is settled when a client is made.
    const client = createHttpClient({ https: null, exceptions: null });
    try {
      const well = receiverAt(other.url);
      await Promise.all([deliver(well), deliver(silent)]);
      peer.answerWith(() => {});
      for (let count = 0; count < 20; count += 1) await scene.open(randomUUID(), 'awaiting_approval');
      const waiting = deliver(silent, 60_000, client);
      await until('the silent one is asked', () => peer.received.length === 8);
      assert.deepEqual(
        (await deliver(well, 10_000, client)).map(({ went, why }) => why ?? went),
        Array(20).fill('delivered'),
      );
      const { rows } = await scene.owner.query(
        "select 1 from pg_stat_activity where datname = current_database() and state like 'idle in%'",
      );
      assert.deepEqual(rows, []);
      await client.destroy();
      const tried = await waiting;
      assert.deepEqual(new Set(tried.map(({ went }) => went)), new Set(['failed']));
    } finally {
      await client.destroy();
      await other.close();
    }
  });

  test('that a defect of ours keeps from being sent is tried again, and the log says that it is ours', async () => {
    const receiver = receiverAt(peer.url);
    await something(receiver);
    const broken = { ...http, send: () => Promise.reject(new TypeError('with what nobody may read')) };
    const [tried] = await deliver(receiver, 10_000, broken);
    assert.deepEqual([tried?.went, tried?.why], ['failed', 'a defect of this service: TypeError']);
  });

  test('goes through the proxy that other calls go through', async () => {
    const proxy = await startProxy();
    const client = createHttpClient({ https: proxy.url, exceptions: null });
    try {
      const receiver = receiverAt(peer.url);
      await something(receiver);
      assert.equal((await deliver(receiver, 10_000, client))[0]?.state, 'delivered');
      assert.deepEqual([...new Set(proxy.connects)], [new URL(peer.url).host]);
    } finally {
      await client.destroy();
      await proxy.close();
    }
  });
});
