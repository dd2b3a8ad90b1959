import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { scene } from '../support/scene.ts';
import { bearer, disconnectPath } from '../support/service.ts';

describe('the body of a disconnect', () => {
  const it = scene();
  let admin: string;
  before(async () => {
    admin = bearer(await it.simulator.token('admin'));
  });

  const post = (body: string | Buffer, headers: Record<string, string> = {}, query = '') => {
    const request = it.service.api.post(`${disconnectPath}${query}`).set('authorization', admin).set(headers);
    return request.serialize((value) => value as string).send(body);
  };
  const json = { 'content-type': 'application/json' };
  const acts = () => it.simulator.acts().length;

  const emptyBodies: [string, Record<string, string>][] = [
    ['without a content type', {}],
    ['application/json', json],
    ['text/plain', { 'content-type': 'text/plain' }],
    ['something unheard of', { 'content-type': 'x/y' }],
  ];
  for (const [name, headers] of emptyBodies) {
    test(`an empty body is no body: ${name}`, async () => {
      await it.service.api.post(disconnectPath).set('authorization', admin).set(headers).expect(200);
      assert.equal(acts(), 1);
    });
  }

  const good: [string, string, { reason: string | null; ticket: string | null }][] = [
    ['nothing said', '{}', { reason: null, ticket: null }],
    ['a reason', '{"reason":"r"}', { reason: 'r', ticket: null }],
    ['a ticket', '{"ticket":"t"}', { reason: null, ticket: 't' }],
    [
      '500 characters outside the basic plane',
      JSON.stringify({ reason: '😀'.repeat(500) }),
      { reason: '😀'.repeat(500), ticket: null },
    ],
    [
      'Cyrillic and line breaks',
      JSON.stringify({ reason: 'Замена\nсистемы "А"' }),
      { reason: 'Замена\nсистемы "А"', ticket: null },
    ],
    [
      'markup and SQL stay text',
      JSON.stringify({ reason: `'); drop table audit_events; -- <b>` }),
      { reason: `'); drop table audit_events; -- <b>`, ticket: null },
    ],
  ];
  for (const [name, body, expected] of good) {
    test(`is recorded and never sent on: ${name}`, async () => {
      const { body: answer } = await post(body, json).expect(200);
      const events = await it.events(answer.operationId);
      assert.ok(events.length >= 2);
      for (const { reason, ticket } of events) assert.deepEqual({ reason, ticket }, expected);
      const act = it.simulator.calls.find((call) => call.endpoint === 'disconnect');
      assert.equal(act?.body, '');
    });
  }

  const bad: [string, string | Buffer, Record<string, string>, number, string][] = [
    ['reason too long', JSON.stringify({ reason: 'я'.repeat(501) }), json, 400, 'request_invalid'],
    ['ticket too long', JSON.stringify({ ticket: 't'.repeat(101) }), json, 400, 'request_invalid'],
    ['reason no string', '{"reason":1}', json, 400, 'request_invalid'],
    ['reason null', '{"reason":null}', json, 400, 'request_invalid'],
    ['an unknown field', '{"force":true}', json, 400, 'request_invalid'],
    ['a field of the prototype', '{"__proto__":{"reason":"x"}}', json, 400, 'request_invalid'],
    ['NUL in the reason', '{"reason":"a\\u0000b"}', json, 400, 'request_invalid'],
    ['an escape sequence in the reason', '{"reason":"a\\u001b[31mb"}', json, 400, 'request_invalid'],
    ['C1 in the ticket', '{"ticket":"a\\u009b31m"}', json, 400, 'request_invalid'],
    ['a bidi override in the reason', '{"reason":"a\\u202eb"}', json, 400, 'request_invalid'],
    ['a bidi isolate in the reason', '{"reason":"a\\u2067b"}', json, 400, 'request_invalid'],
    ['half a surrogate pair', '{"reason":"\\ud800"}', json, 400, 'request_invalid'],
    ['an array', '[]', json, 400, 'request_invalid'],
    ['a string', '"x"', json, 400, 'request_invalid'],
    ['null', 'null', json, 400, 'request_invalid'],
    ['no JSON', '{reason:1}', json, 400, 'body_not_json'],
    ['a member given twice', '{"reason":"a","reason":"b"}', json, 400, 'request_invalid'],
    [
      'a member given twice, spelled otherwise',
      '{"reason":"a","re\\u0061son":"b"}',
      json,
      400,
      'request_invalid',
    ],
    ['cut off', '{"reason":"x', json, 400, 'body_not_json'],
    ['only a space', ' ', json, 400, 'body_not_json'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), json, 400, 'body_not_json'],
    [
      'a form',
      'reason=x',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'media_type_unsupported',
    ],
    ['text', '{"reason":"x"}', { 'content-type': 'text/plain' }, 415, 'media_type_unsupported'],
    [
      'another charset',
      '{"reason":"x"}',
      { 'content-type': 'application/json; charset=utf-16' },
      415,
      'media_type_unsupported',
    ],
    ['compressed', '{"reason":"x"}', { ...json, 'content-encoding': 'gzip' }, 415, 'media_type_unsupported'],
    ['more than 16 kB', JSON.stringify({ reason: 'x'.repeat(17_000) }), json, 413, 'body_too_large'],
  ];
  for (const [name, body, headers, status, code] of bad) {
    test(`is refused: ${name}`, async () => {
      const response = await post(body, headers);
      assert.deepEqual([response.status, response.body.code], [status, code]);
      assert.ok(response.body.hint && response.body.detail);
      assert.equal(acts(), 0);
      const [event] = await it.eventsOfCall(response);
      assert.equal(event?.event, 'refused');
    });
  }

  test('an unknown query parameter is refused: it may have been meant to hold the act back', async () => {
    const response = await post('', {}, '?dryrun=1').expect(400);
    assert.equal(response.body.errors[0].field, 'dryrun');
    assert.equal(acts(), 0);
  });

  test('whatever the body, the answer is clear and the service lives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        ),
        fc.constantFrom('application/json', 'application/json; charset=utf-8', 'text/html', ''),
        async (body, type) => {
          const response = await post(body, type === '' ? {} : { 'content-type': type });
          assert.ok([200, 400, 415, 409].includes(response.status), `${response.status}`);
          if (response.status !== 200) assert.ok(response.body.code);
          it.simulator.reset();
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a stranger learns nothing about the body', async () => {
    const response = await it.service.api.post(disconnectPath).set(json).send('{"force":true}').expect(401);
    assert.equal(response.body.code, 'token_missing');
  });
});
