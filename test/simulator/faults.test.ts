import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bearer, settings, start } from './support.ts';

type Running = Awaited<ReturnType<typeof start>>;

async function admin(running: Running, changes = {}) {
  const token = await running.graphToken(await running.simulator.token('admin'), changes);
  const headers = bearer(token);
  return {
    list: () => running.call('GET', settings, { headers }),
    disconnect: () => running.call('POST', `${settings}/disconnect`, { headers }),
  };
}

type GraphError = { error: { code: string; message: string; innerError: Record<string, string> } };

test('a status alone is shaped as the face shapes errors, and nothing is done', async () => {
  await using running = await start();
  const { simulator } = running;
  const { disconnect } = await admin(running);
  simulator.setFault('disconnect', { status: 429, retryAfter: '7', headers: { 'x-extra': 'yes' } });
  const answer = await disconnect();
  assert.equal(answer.status, 429);
  assert.equal(answer.headers['retry-after'], '7');
  assert.equal(answer.headers['x-extra'], 'yes');
  const { error } = answer.json() as GraphError;
  assert.equal(error.code, 'TooManyRequests');
  assert.equal(error.innerError['request-id'], answer.headers['request-id']);
  assert.deepEqual(simulator.acts(), []);

  simulator.setFault('token', { status: 503 });
  const entra = await running.exchange(await simulator.token('admin'));
  assert.equal(entra.status, 503);
  assert.equal(entra.json().error, 'temporarily_unavailable');

  simulator.clearFaults();
  assert.equal((await disconnect()).status, 200);
});

test('a body of its own, HTML with 200 included; and JSON that breaks off', async () => {
  await using running = await start();
  const { simulator, call } = running;
  const path = `/${simulator.registration.tenantId}/discovery/v2.0/keys`;
  simulator.setFault('keys', { body: '<html>sign in to the network</html>' });
  const portal = await call('GET', path);
  assert.equal(portal.status, 200);
  assert.match(String(portal.headers['content-type']), /^text\/html/);
  simulator.setFault('keys', { status: 502, body: 'bad', contentType: 'text/plain' });
  const proxy = await call('GET', path);
  assert.deepEqual([proxy.status, proxy.text, proxy.headers['content-type']], [502, 'bad', 'text/plain']);
  simulator.setFault('keys', { malformed: true });
  const broken = await call('GET', path);
  assert.equal(broken.status, 200);
  assert.match(String(broken.headers['content-type']), /json/);
  assert.throws(broken.json, SyntaxError);
});

test('a reset destroys the connection; with applies the act happens all the same', async () => {
  await using running = await start();
  const { simulator } = running;
  const { disconnect } = await admin(running);
  simulator.setFault('disconnect', { reset: true });
  await assert.rejects(disconnect());
  assert.equal(simulator.acts().length, 0);
  simulator.setFault('disconnect', { reset: true, applies: true });
  await assert.rejects(disconnect());
  assert.equal(simulator.acts().length, 1);
  simulator.setFault('disconnect', { status: 504, applies: true });
  assert.equal((await disconnect()).status, 504);
  assert.equal(simulator.acts().length, 2);
});

test('a fault switches itself off, and can be one tenant only', async () => {
  await using running = await start();
  const { simulator, call } = running;
  const home = `/${simulator.registration.tenantId}/v2.0/.well-known/openid-configuration`;
  const other = `/${simulator.otherTenantId}/v2.0/.well-known/openid-configuration`;
  simulator.setFault('metadata', { status: 500, times: 2 });
  const statuses = [];
  for (let count = 0; count < 3; count += 1) statuses.push((await call('GET', home)).status);
  assert.deepEqual(statuses, [500, 500, 200]);

  simulator.setFault('metadata', { status: 503, tenantId: simulator.otherTenantId });
  assert.equal((await call('GET', home)).status, 200);
  assert.equal((await call('GET', other)).status, 503);
  simulator.setFault('metadata', null);
  assert.equal((await call('GET', other)).status, 200);
});

test('errors as Entra and Graph shape them', async () => {
  await using running = await start();
  const { simulator } = running;
  const { list } = await admin(running);
  simulator.setFault('token', { entraError: { code: 53003, suberror: 'additional_action', claims: '{}' } });
  const refused = (await running.exchange(await simulator.token('admin'))).json();
  assert.deepEqual(refused.error_codes, [53003]);
  assert.equal(refused.suberror, 'additional_action');
  assert.equal(refused.claims, '{}');

  simulator.setFault('list', {
    graphError: { status: 403, code: 'Forbidden', message: 'Not you', intuneNested: true },
  });
  const answer = await list();
  assert.equal(answer.status, 403);
  const nested = JSON.parse((answer.json() as GraphError).error.message);
  assert.match(nested.Message, /^Not you .*Activity ID: .*Url: https:/);
  assert.equal(nested.HttpHeaders, '{}');
});

test('a claims challenge: at Entra an interaction, at Graph CAE for those who said cp1', async () => {
  await using running = await start();
  const { simulator } = running;
  const claimsChallenge = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}';
  const plain = await admin(running);
  const capable = await admin(running, { claims: '{"access_token":{"xms_cc":{"values":["cp1"]}}}' });

  simulator.setFault('token', { claimsChallenge });
  const interaction = (await running.exchange(await simulator.token('admin'))).json();
  assert.equal(interaction.error, 'interaction_required');
  assert.equal(interaction.claims, claimsChallenge);

  simulator.setFault('list', { claimsChallenge });
  const challenged = await capable.list();
  assert.equal(challenged.status, 401);
  const [, claims] = /claims="([^"]+)"/.exec(String(challenged.headers['www-authenticate'])) ?? [];
  assert.equal(Buffer.from(claims ?? '', 'base64').toString(), claimsChallenge);
  assert.match(String(challenged.headers['www-authenticate']), /error="insufficient_claims"/);

  const unaware = await plain.list();
  assert.equal(unaware.status, 401);
  assert.doesNotMatch(String(unaware.headers['www-authenticate']), /claims=/);
  assert.match((unaware.json() as GraphError).error.message, /cp1/);
});

test('a delay alone answers as usual, and closing ends what hangs or waits', async () => {
  await using running = await start();
  const { simulator } = running;
  const { list, disconnect } = await admin(running);
  simulator.setFault('list', { delayMs: 1 });
  assert.equal((await list()).status, 200);

  simulator.setFault('list', { hang: true });
  simulator.setFault('disconnect', { delayMs: 3_600_000 });
  const heard = new Promise<void>((resolve) => {
    const seen = new Set<string>();
    simulator.onCall(({ endpoint }) => {
      seen.add(endpoint);
      if (seen.size === 2) resolve();
    });
  });
  const waiting = Promise.allSettled([list(), disconnect()]);
  await heard;
  await simulator.close();
  assert.deepEqual(
    (await waiting).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(simulator.acts().length, 1, 'a delayed answer was acted on at once');
});
