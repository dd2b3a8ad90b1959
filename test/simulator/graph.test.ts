import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bearer, settings, start } from './support.ts';

type Running = Awaited<ReturnType<typeof start>>;

async function listed(running: Running, token: string): Promise<string[]> {
  const answer = await running.call('GET', settings, { headers: bearer(token) });
  assert.equal(answer.status, 200, answer.text);
  return (answer.json().value as { onboardingStatus: string }[]).map((one) => one.onboardingStatus);
}

test('disconnect answers as documented, and reads see the connection go', async () => {
  await using running = await start();
  const { simulator, call } = running;
  const token = await running.graphToken(await simulator.token('admin'));
  assert.deepEqual(await listed(running, token), ['onboarded']);

  const headers = { ...bearer(token), 'client-request-id': 'mine' };
  const answer = await call('POST', `${settings}/disconnect`, { headers });
  assert.equal(answer.status, 200);
  assert.equal(answer.json().value, 'inprogress');
  assert.equal(answer.headers['client-request-id'], 'mine');
  assert.match(String(answer.headers['request-id']), /^[0-9a-f-]{36}$/);
  assert.ok(answer.headers.date && answer.headers['x-ms-ags-diagnostic']);

  const again = await call('POST', `${settings}/disconnect`, { headers });
  assert.equal(again.json().value, 'inprogress', 'a second act does not start over');
  assert.deepEqual(await listed(running, token), ['offboarding']);
  assert.equal(simulator.connection()?.onboardingStatus, 'offboarding', 'reading does not move it');
  assert.deepEqual(await listed(running, token), []);
  assert.equal(simulator.connection(), null);

  const gone = await call('POST', `${settings}/disconnect`, { headers });
  assert.equal(gone.status, 404);
  const { error } = gone.json() as { error: { code: string; message: string } };
  assert.equal(error.code, 'ResourceNotFound');
  assert.equal(JSON.parse(error.message)._version, 3);
  assert.deepEqual(
    simulator.acts().map(({ clientRequestId }) => clientRequestId),
    ['mine', 'mine'],
  );
  assert.notEqual(simulator.connection(simulator.otherTenantId), null, 'each tenant has its own');
});

test('the sequence is settable, by reads and by time; failed can be tried again', async () => {
  let now = Date.parse('2026-03-01T12:00:00Z');
  await using running = await start({ now: () => now });
  const { simulator, call } = running;
  const home = simulator.registration.tenantId;
  const token = await running.graphToken(await simulator.token('admin'));
  const disconnect = async () =>
    (await call('POST', `${settings}/disconnect`, { headers: bearer(token) })).json().value;

  simulator.setSequence(home, ['offboarding', 'somethingNew', 'failed']);
  assert.equal(await disconnect(), 'offboarding');
  assert.deepEqual(await listed(running, token), ['somethingNew']);
  assert.deepEqual(await listed(running, token), ['failed']);
  assert.deepEqual(await listed(running, token), ['failed']);
  assert.equal(await disconnect(), 'offboarding');
  assert.deepEqual(await listed(running, token), ['somethingNew'], 'started again');

  simulator.setConnection(home, { onboardingStatus: 'onboarded' });
  simulator.setSequence(home, ['inprogress', 'inprogress', 'gone'], { everyMs: 1000 });
  assert.deepEqual(await listed(running, token), ['onboarded']);
  await disconnect();
  assert.deepEqual(await listed(running, token), ['inprogress']);
  assert.deepEqual(await listed(running, token), ['inprogress']);
  now += 1000;
  assert.deepEqual(await listed(running, token), []);

  simulator.reset();
  assert.equal(simulator.connection()?.onboardingStatus, 'onboarded');
  assert.deepEqual(simulator.acts(), []);
  assert.throws(() => simulator.setSequence(home, []), /at least one step/);
  assert.throws(() => simulator.setConnection('elsewhere', null), /no tenant 'elsewhere'/);
});

test('one connection by its id, and no other', async () => {
  await using running = await start();
  const { simulator, call } = running;
  const headers = bearer(await running.graphToken(await simulator.token('reader')));
  const id = simulator.connection()?.id;
  const found = await call('GET', `${settings}/${id}`, { headers });
  assert.equal(found.json().id, id);
  assert.equal((await call('GET', `${settings}/another`, { headers })).status, 404);
});

test('Graph takes only its own tokens', async () => {
  let now = Date.now();
  await using running = await start({ now: () => now });
  const { simulator, call } = running;
  const good = await running.graphToken(await simulator.token('admin'));
  const [head, payload] = good.split('.');
  const tokens: [string, Record<string, string>][] = [
    ['none', {}],
    ["the caller's own", bearer(await simulator.token('admin'))],
    ['nonsense', bearer('a.b.c')],
    ['forged', bearer(`${head}.${payload}.${'A'.repeat(342)}`)],
  ];
  for (const [label, headers] of tokens) {
    const answer = await call('POST', `${settings}/disconnect`, { headers });
    assert.equal(answer.status, 401, label);
    assert.equal((answer.json().error as { code: string }).code, 'InvalidAuthenticationToken', label);
    assert.match(String(answer.headers['www-authenticate']), /^Bearer /);
  }
  now += 4800 * 1000;
  assert.equal((await call('GET', settings, { headers: bearer(good) })).status, 401, 'expired');
  assert.deepEqual(simulator.acts(), []);
  assert.equal(simulator.calls.at(-1)?.claims, undefined);
});

test('no Intune role: 403 for that person alone', async () => {
  await using running = await start();
  const { simulator, call } = running;
  simulator.setPerson('admin', { intuneRoleMissing: true });
  const post = async (person: 'admin' | 'second-admin') =>
    call('POST', `${settings}/disconnect`, {
      headers: bearer(await running.graphToken(await simulator.token(person))),
    });
  const refused = await post('admin');
  assert.equal(refused.status, 403);
  assert.equal((refused.json().error as { code: string }).code, 'Forbidden');
  assert.equal((await post('second-admin')).status, 200);
});

test('disconnect takes no body and no content-type, and says so', async () => {
  await using running = await start();
  const { simulator, call } = running;
  const headers = bearer(await running.graphToken(await simulator.token('admin')));
  for (const options of [
    { headers, body: '{}' },
    { headers: { ...headers, 'content-type': 'application/json' } },
  ]) {
    const answer = await call('POST', `${settings}/disconnect`, options);
    assert.equal(answer.status, 400);
    assert.match((answer.json().error as { message: string }).message, /takes no request body/);
  }
  assert.deepEqual(simulator.acts(), []);
});

test('an unknown path names what is served, and is recorded', async () => {
  await using running = await start();
  for (const [method, path] of [
    ['GET', '/v1.0/deviceManagement/chromeOSOnboardingSettings'],
    ['DELETE', settings],
  ] as const) {
    const answer = await running.call(method, path);
    assert.equal(answer.status, 404);
    assert.match((answer.json().error as { message: string }).message, /POST \/beta.*\/disconnect/);
  }
  assert.deepEqual(
    running.simulator.calls.map(({ endpoint, method }) => [endpoint, method]),
    [
      ['unknown', 'GET'],
      ['unknown', 'DELETE'],
    ],
  );
});

test('calls are recorded with who and what, and observed before they are acted on', async () => {
  await using running = await start();
  const { simulator, call } = running;
  const token = await running.graphToken(await simulator.token('admin'));
  const actsWhenHeard: number[] = [];
  const stop = simulator.onCall(async (heard) => {
    await Promise.resolve();
    if (heard.endpoint === 'disconnect') actsWhenHeard.push(simulator.acts().length);
  });
  await call('POST', `${settings}/disconnect?x=1`, { headers: bearer(token) });
  stop();
  await call('POST', `${settings}/disconnect`, { headers: bearer(token) });
  assert.deepEqual(actsWhenHeard, [0]);
  const [exchange, first] = simulator.calls;
  assert.equal(exchange?.endpoint, 'token');
  assert.equal(exchange?.tenantId, simulator.registration.tenantId);
  assert.equal(new URLSearchParams(exchange?.body).get('requested_token_use'), 'on_behalf_of');
  assert.equal(first?.path, `${settings}/disconnect?x=1`);
  assert.equal(first?.headers.authorization, `Bearer ${token}`);
  assert.ok(first?.rawHeaders.includes(`Bearer ${token}`));
  assert.equal(first?.claims?.name, 'Ada Admin');
  simulator.clearCalls();
  assert.deepEqual(simulator.calls, []);
});
