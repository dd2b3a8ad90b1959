import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type ReceiverOptions, receiversFrom } from '../../../src/adapters/notifications/receiver.ts';
import { secretsIn } from '../../../src/adapters/notifications/webhook-secrets.ts';
import { Secret } from '../../../src/core/secret.ts';
import { newWebhookSecret } from '../../support/webhook-receiver.ts';

const at = (url: string): ReceiverOptions => ({
  address: { value: new Secret(url) },
  secretFile: null,
  format: 'adaptive-card',
  types: null,
  tenants: null,
});

describe('receivers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chromeos-bff-receivers-'));
  after(() => rmSync(folder, { recursive: true }));

  test('are labelled by place and host, and known to the database by a digest', () => {
    const urls = ['https://a.example/path-secret', 'https://b.example:8443/?sig=query-secret'];
    const receivers = receiversFrom(
      urls.map(at),
      () => true,
      () => {},
    );
    assert.deepEqual(
      receivers.map((receiver) => receiver.label()),
      ['webhooks[0] a.example', 'webhooks[1] b.example:8443'],
    );
    const keys = receivers.map(({ subscription }) => subscription.receiver);
    for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/);
    const moved = receiversFrom(
      urls.toReversed().map(at),
      () => true,
      () => {},
    );
    assert.deepEqual(
      moved.map(({ subscription }) => subscription.receiver),
      keys.toReversed(),
      'whatever their order',
    );
  });

  test('the same address twice is two receivers', () => {
    const twice = receiversFrom(
      [at('https://a.example/'), at('https://a.example/')],
      () => true,
      () => {},
    );
    const [first, second] = twice.map(({ subscription }) => subscription.receiver);
    assert.equal(second, `${first}.1`);
  });

  test('one whose address is in a file stays the same when the address changes', () => {
    const file = join(folder, 'url');
    writeFileSync(file, 'https://a.example/1');
    const problems: string[] = [];
    const make = () =>
      receiversFrom(
        [{ ...at(''), address: { file } }],
        () => true,
        (label, problem) => problems.push(`${label} ${problem}`),
      );
    const [before] = make();
    writeFileSync(file, 'https://b.example/2');
    const [later] = make();
    assert.equal(before?.subscription.receiver, later?.subscription.receiver);
    assert.equal(before?.label(), 'webhooks[0] b.example');
    assert.equal(before?.target()?.url.reveal(), 'https://b.example/2');
    rmSync(file);
    assert.equal(before?.target()?.url.reveal(), 'https://b.example/2', 'the last good one');
    assert.deepEqual(problems, ['webhooks[0] urlFile is not there']);
  });
});

describe('a file of secrets', () => {
  const read = (text: string) => secretsIn(Buffer.from(text));
  const bytes = (length: number) => `whsec_${Buffer.alloc(length, 7).toString('base64')}`;

  test('one a line, whatever its line ends', () => {
    for (const text of [newWebhookSecret(), `\n${newWebhookSecret()} \r\n\r\n`])
      assert.equal(read(text).length, 1);
    assert.equal(read(`${newWebhookSecret()}\n${newWebhookSecret()}`).length, 2);
    for (const length of [24, 64]) assert.equal(read(bytes(length)).length, 1);
  });

  const refused = [
    ['', 'is empty'],
    [' \n', 'is empty'],
    ['hunter2', 'must hold'],
    ['whsec_hunter2', 'must hold'],
    [bytes(23), 'must hold'],
    [bytes(65), 'must hold'],
    [`${bytes(32)} hunter2`, 'must hold'],
    [`${bytes(32)}\nhunter2`, 'must hold'],
    [bytes(32).slice('whsec_'.length), 'must hold'],
  ] as const;
  for (const [text, problem] of refused) {
    test(`${JSON.stringify(text.slice(0, 12))}… (${text.length}) is refused without being repeated`, () => {
      assert.throws(
        () => read(text),
        (error: Error) => {
          assert.equal(error.name, 'UnusableFile');
          assert.ok(error.message.startsWith(problem));
          assert.doesNotMatch(error.message, /hunter2/);
          return true;
        },
      );
    });
  }
});
