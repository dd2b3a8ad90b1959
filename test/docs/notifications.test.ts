import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { adaptiveCardOf } from '../../src/adapters/notifications/adaptive-card.ts';
import { cloudEventOf } from '../../src/adapters/notifications/cloud-event.ts';
import { messageOf } from '../../src/adapters/notifications/message.ts';
import { secretsIn, signedHeaders } from '../../src/adapters/notifications/webhook-secrets.ts';
import {
  kindOf,
  type NotificationKind,
  notificationKinds,
  notificationTypes,
  typeOf,
} from '../../src/core/notification.ts';
import type { OperationStatus } from '../../src/core/operation/life.ts';
import { notifications } from '../../src/settings/notification-settings.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { until } from '../support/processes.ts';
import { sampleNotification } from '../support/sample-notification.ts';
import { newWebhookSecret } from '../support/webhook-receiver.ts';

const page = new URL('../../docs/notifications.md', import.meta.url);
const block = /<!-- payload: (\S+) (\S+) -->\n```json\n([\s\S]*?)```/g;

/** What is really sent of the sample when it has come to that status. */
function sent(format: string, kind: NotificationKind): unknown {
  const sample = sampleNotification();
  const to = kind.slice('operation.'.length) as OperationStatus;
  const event = sample.event && { ...sample.event, move: { from: null, to } };
  const message = messageOf(
    { ...sample, type: typeOf(kind), event },
    { keepNames: true, portalUrl: 'https://portal.example.com/operations/{operationId}' },
  );
  return JSON.parse(format === 'cloudevents' ? cloudEventOf(message) : adaptiveCardOf(message));
}

describe('docs/notifications.md', () => {
  let text: string;
  before(async () => {
    text = await readFile(page, 'utf8');
    if (!process.env.UPDATE_EXAMPLES) return;
    text = text.replace(
      block,
      (_, format, kind) =>
        `<!-- payload: ${format} ${kind} -->\n\`\`\`json\n${JSON.stringify(sent(format, kind), null, 2)}\n\`\`\``,
    );
    await writeFile(page, text);
  });

  test('shows payloads as they are sent', () => {
    const shown = [...text.matchAll(block)];
    assert.equal(shown.length, 3);
    for (const [, format = '', kind, json = ''] of shown) {
      assert.deepEqual(
        JSON.parse(json),
        sent(format, kind as NotificationKind),
        'run it with UPDATE_EXAMPLES=1',
      );
    }
  });

  test('lists what is sent, and nothing else', () => {
    const [, table = ''] = /## What is sent\n([\s\S]*?)\n## /.exec(text) ?? [];
    const listed = [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([\w.]+)`/g)].map(([, kind]) => kind),
    );
    assert.deepEqual(new Set(listed), new Set(notificationKinds));
    assert.equal(listed.length, notificationTypes.map(kindOf).length);
  });

  test('shows settings that the service takes', () => {
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
    const { webhooks } = z.object({ notifications }).parse(parse(yaml)).notifications;
    assert.deepEqual(
      webhooks.map(({ format }) => format),
      ['adaptive-card', 'cloudevents'],
    );
  });

  describe('the receiver it shows', () => {
    const secret = newWebhookSecret();
    const lines: string[] = [];
    let url: string;
    let stop: () => Promise<unknown>;
    before(async () => {
      const [, snippet = ''] = /<!-- runs -->\n```js\n([\s\S]*?)```/.exec(text) ?? [];
      const child = spawn(process.execPath, ['--input-type=module', '-e', snippet], {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        env: childEnvironment({ PORT: '0', WEBHOOK_SECRET: secret }),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
      const exit = once(child, 'exit');
      stop = () => {
        child.kill();
        return exit;
      };
      await until('it listens', () => lines.length > 0);
      url = `http://localhost:${lines[0]?.split(' ').at(-1)}/`;
    });
    after(() => stop?.());

    const body = JSON.stringify(sent('cloudevents', 'operation.awaiting_approval'));
    const post = async (signedWith: string, at = new Date(), told = body) => {
      const { id } = sampleNotification();
      const headers = signedHeaders(secretsIn(Buffer.from(signedWith)), { id, body, at });
      return (await fetch(url, { method: 'POST', headers, body: told })).status;
    };

    test('takes what we sign, once, and refuses everything else', async () => {
      assert.equal(await post(newWebhookSecret()), 401);
      assert.equal(await post(secret, new Date(Date.now() - 600_000)), 401, 'too old');
      assert.equal(await post(secret, new Date(), body.replace('CHG-1234', 'CHG-9999')), 401, 'changed');
      assert.equal(await post(`${newWebhookSecret()}\n${secret}`), 204, 'during a rotation');
      assert.equal(await post(secret), 204, 'again');
      await until('it has said so', () => lines.length > 1);
      assert.deepEqual(lines.slice(1), [
        'Approval wanted: disconnect the ChromeOS connector https://portal.example.com/operations/0b6f1d0e-7c53-4d0b-9a55-1d2f3c4b5a69',
      ]);
    });
  });
});
