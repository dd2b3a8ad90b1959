import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { z } from 'zod';
import { notifications } from '../../src/settings/notification-settings.ts';
import { loadSettings, problemsOf } from '../../src/settings/settings.ts';

const webhook = { url: 'https://hooks.example.com/x?sig=hunter2', secretFile: '/run/secrets/receiver' };
const schema = z.object({ notifications });

function read(value: object) {
  return schema.parse({ notifications: { portalUrl: null, webhooks: [], ...value } }).notifications;
}

function problemsIn(value: object): readonly string[] {
  const parsed = schema.safeParse({ notifications: { portalUrl: null, webhooks: [], ...value } });
  return parsed.success ? [] : problemsOf(parsed.error, (key) => key);
}

describe('settings of notifications', () => {
  test('nobody is told anything unless said', () => {
    const { notifications: settings } = loadSettings({
      NODE_ENV: 'test',
      AZURE_TENANT_ID: '11111111-1111-4111-8111-111111111111',
      AZURE_CLIENT_ID: '22222222-2222-4222-8222-222222222222',
      ALLOWED_CLIENT_IDS: '33333333-3333-4333-8333-333333333333',
      AZURE_CLIENT_SECRET: 'x',
      DATABASE_URL: 'postgres://u@localhost/x',
    });
    assert.deepEqual(settings, { portalUrl: null, webhooks: [] });
  });

  test('what is not said is every event of every tenant, as CloudEvents; the address shows nowhere', () => {
    const settings = read({ webhooks: [webhook] });
    const [{ address, ...rest } = assert.fail()] = settings.webhooks;
    assert.deepEqual(rest, {
      secretFile: '/run/secrets/receiver',
      format: 'cloudevents',
      types: null,
      tenants: null,
    });
    assert.ok('value' in address);
    assert.equal(address.value.reveal(), webhook.url);
    for (const shown of [JSON.stringify(settings), inspect(settings, { depth: 9 })]) {
      assert.doesNotMatch(shown, /hunter2|hooks\.example/);
    }
  });

  test('everything said; a card needs no secret', () => {
    const types = ['chromeos-connector-bff.operation.awaiting_approval', 'chromeos-connector-bff.switch.off'];
    const tenants = ['11111111-1111-4111-8111-11111111111A'];
    const { webhooks } = read({
      portalUrl: 'https://portal.example.com/operations/{operationId}',
      webhooks: [{ urlFile: '/run/secrets/url', format: 'adaptive-card', events: types, tenants }],
    });
    assert.deepEqual(webhooks, [
      {
        address: { file: '/run/secrets/url' },
        secretFile: null,
        format: 'adaptive-card',
        types,
        tenants: ['11111111-1111-4111-8111-11111111111a'],
      },
    ]);
  });

  for (const url of [
    'http://localhost:8080/x',
    'http://127.0.0.1/x',
    'http://[::1]:1/x',
    'https://h.example',
  ]) {
    test(`${url} may be told`, () => assert.deepEqual(problemsIn({ webhooks: [{ ...webhook, url }] }), []));
  }

  const demand = 'must be an https URL (http on localhost alone), without a user and fragment';
  const wrong: readonly (readonly [string, object, string])[] = [
    ['plain HTTP', { url: 'http://hunter2.example.com/' }, `url ${demand}`],
    ['a look-alike of localhost', { url: 'http://localhost.hunter2.example/' }, `url ${demand}`],
    ['a user', { url: 'https://hunter2:x@h.example/' }, `url ${demand}`],
    ['a fragment', { url: 'https://h.example/#hunter2' }, `url ${demand}`],
    ['no URL', { url: 'hunter2' }, `url ${demand}`],
    ['another scheme', { url: 'file:///hunter2' }, `url ${demand}`],
    ['a URL twice', { urlFile: '/hunter2' }, 'url or urlFile is required, and not both'],
    ['none', { url: null }, 'url or urlFile is required, and not both'],
    ['no secret', { secretFile: null }, 'secretFile is required'],
    ['a strange format', { format: 'hunter2' }, 'format must be one of cloudevents, adaptive-card'],
    [
      'a strange type',
      { events: ['hunter2'] },
      'events must be types from docs/notifications.md, such as chromeos-connector-bff.operation.awaiting_approval',
    ],
    ['no type at all', { events: [] }, 'events must name at least one, or be null for all'],
    ['types that are no list', { events: 'hunter2' }, 'events must be a list of types, or null for all'],
    ['a strange tenant', { tenants: ['hunter2'] }, 'tenants must be a list of tenant ids'],
  ];
  for (const [what, but, problem] of wrong) {
    test(`${what} is refused by its key, never by its value`, () => {
      const problems = problemsIn({ webhooks: [webhook, { ...webhook, ...but }] });
      assert.deepEqual(problems, [`notifications.webhooks[1].${problem}`]);
    });
  }

  test('a key that nobody knows is refused, so that a misspelled filter is no filter', () => {
    const [problem = ''] = problemsIn({ webhooks: [{ ...webhook, tenant: ['hunter2'] }] });
    assert.match(problem, /^notifications\.webhooks/);
    assert.doesNotMatch(problem, /hunter2/);
  });

  for (const [portalUrl, problem] of [
    ['https://portal.example.com/', 'must have {operationId} where the id belongs'],
    ['http://portal.example.com/{operationId}', demand],
    ['javascript:alert("{operationId}")', demand],
  ] as const) {
    test(`${portalUrl} is no portal`, () => {
      assert.deepEqual(problemsIn({ portalUrl }), [`notifications.portalUrl ${problem}`]);
    });
  }
});
