import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scene } from '../support/scene.ts';

describe('the connection and its ETag', () => {
  const it = scene();
  const etag = async () => String((await it.readConnection()).headers.etag);
  const conditional = (value: string) => it.disconnect({ headers: { 'if-match': value } });

  test('Graph’s collection as Graph shapes it, with a strong ETag', async () => {
    const { status, body, headers } = await it.readConnection({ as: 'reader' });
    assert.equal(status, 200);
    assert.deepEqual(body, { value: [it.simulator.connection()] });
    assert.match(String(headers.etag), /^"[^"]+"$/);
    assert.match(String(headers['request-id']), /^[0-9a-f-]{36}$/);
  });

  test('the same for the same state, and for members Graph orders otherwise', async () => {
    const first = await etag();
    assert.equal(await etag(), first);
    const connection = { ...it.simulator.connection() };
    const reversed = Object.fromEntries(Object.entries(connection).reverse());
    it.simulator.setFault('list', { body: JSON.stringify({ value: [reversed] }) });
    assert.equal(await etag(), first);
  });

  for (const [what, change] of [
    ['status', { onboardingStatus: 'failed' }],
    ['owner', { ownerUserPrincipalName: 'someone@else.example' }],
    ['id', { id: 'another' }],
    ['time', { lastModifiedDateTime: '2030-01-01T00:00:00Z' }],
    ['existence', null],
  ] as const) {
    test(`another ${what} is another ETag, and the disconnect is refused with 412`, async () => {
      const before = await etag();
      it.simulator.setConnection(it.tenantId, change);
      assert.notEqual(await etag(), before);
      const { status, body } = await conditional(before);
      assert.deepEqual([status, body.code], [412, 'connection_changed']);
      assert.equal(it.asked('disconnect'), 0);
    });
  }

  test('it matches: alone, in a list, as *', async () => {
    for (const form of [(tag: string) => tag, (tag: string) => `"other", W/"x" ,${tag}`, () => '*']) {
      const { status } = await conditional(form(await etag()));
      assert.equal(status, 200);
      await it.testEnvironment.closeOperations();
      it.simulator.setConnection(it.tenantId, {});
    }
  });

  test('it does not match: another, a weak one, a list of others, one with a comma, * with nothing there', async () => {
    const tag = await etag();
    for (const value of ['"other"', `W/${tag}`, '"a", "b"', '"a,b"']) {
      assert.equal((await conditional(value)).status, 412, value);
    }
    it.simulator.setConnection(it.tenantId, null);
    assert.equal((await conditional('*')).status, 412);
    assert.equal(it.asked('disconnect'), 0);
  });

  test('malformed: 400, nothing done', async () => {
    const tag = await etag();
    for (const value of ['', 'bare', `w/${tag}`, '"open', `${tag} ${tag}`, `*, ${tag}`, `${tag}, *`, '**']) {
      const { status, body } = await conditional(value);
      assert.deepEqual([status, body.errors?.[0].field], [400, 'If-Match'], value);
    }
    assert.equal(it.asked('disconnect'), 0);
  });

  test('a setting can demand it: 428', async () => {
    const on = await it.start({ timings: { policy: { ifMatchRequired: true } } });
    const without = await it.disconnect({ on });
    assert.deepEqual([without.status, without.body.code], [428, 'precondition_required']);
    const withIt = await it.disconnect({ on, headers: { 'if-match': await etag() } });
    assert.equal(withIt.status, 200);
  });
});
