import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { generate } from 'selfsigned';
import { childEnvironment } from '../../tools/child-environment.ts';
import { bearer, settings, start } from './support.ts';

const main = fileURLToPath(new URL('../../simulator/main.ts', import.meta.url));

test('help and people show what there is', async () => {
  await using running = await start();
  const help = await running.call('GET', '/simulator');
  assert.equal(help.status, 200);
  assert.match(String(help.headers['content-type']), /^text\/plain/);
  for (const word of ['admin', '/simulator/faults', '/oauth2/v2.0/token', running.simulator.url]) {
    assert.ok(help.text.includes(word), word);
  }
  const people = await running.call('GET', '/simulator/people');
  assert.match(people.text, /Олена/);
  assert.equal((people.json() as unknown as unknown[]).length, 6);
  const strayed = await running.call('GET', '/simulator/nothing');
  assert.equal(strayed.status, 404);
  assert.match(strayed.text, /GET {3,}\/simulator\/people/);
  const wrong = await running.call('PATCH', '/simulator/calls');
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.allow, 'GET, DELETE');
});

test('tokens by query and by JSON', async () => {
  await using running = await start();
  const { call, simulator } = running;
  const plain = await call('GET', '/simulator/token/admin');
  assert.equal((await running.exchange(plain.text.trim())).status, 200);
  const query = `?version=1.0&tenant=${simulator.otherTenantId}&kind=guest&expiresIn=60&oid=x`;
  const asked = decodeJwt((await call('GET', `/simulator/token/reader${query}`)).text.trim());
  assert.deepEqual([asked.ver, asked.tid, asked.acct, asked.oid], ['1.0', simulator.otherTenantId, 1, 'x']);
  const body = JSON.stringify({ claims: { scp: null, acrs: ['c1'] }, header: { typ: null } });
  const posted = (await call('POST', '/simulator/token/admin', { body })).text.trim();
  assert.deepEqual(decodeJwt(posted).acrs, ['c1']);
  assert.equal('scp' in decodeJwt(posted), false);
  assert.equal('typ' in decodeProtectedHeader(posted), false);
});

test('what it cannot take is answered with what it can', async () => {
  await using running = await start();
  const cases: [string, string, string | undefined, number, RegExp][] = [
    ['GET', '/simulator/token/bob', undefined, 404, /admin, reader, auditor/],
    ['GET', '/simulator/token/admin?version=3', undefined, 400, /"1\.0"\|"2\.0"/],
    ['POST', '/simulator/token/admin', '{"kid":1}', 400, /Accepted: version, .*expiresIn/],
    ['POST', '/simulator/token/admin', '{', 400, /not JSON/],
    ['PUT', '/simulator/faults/graph', '{"status":500}', 404, /metadata, keys, token, list, get, disconnect/],
    ['PUT', '/simulator/faults/list', '{"code":500}', 400, /Accepted: status, /],
    ['PUT', '/simulator/faults/list', '{"claimsChallenge":"c1"}', 400, /must be JSON/],
    ['PUT', '/simulator/connection?tenant=x', '{}', 400, /5a1e0000/],
    ['POST', '/simulator/certificates', 'x', 400, /PEM/],
    ['PUT', '/simulator/people/admin', '{"fired":true}', 400, /Accepted: revoked/],
  ];
  for (const [method, path, body, status, text] of cases) {
    const answer = await running.call(method, path, body === undefined ? {} : { body });
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    assert.match(answer.text, text);
  }
});

test('faults, people, connection, keys and credentials are driven over HTTPS; reset puts all back', async () => {
  await using running = await start();
  const { call, simulator } = running;
  const set = async (method: string, path: string, body?: unknown) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await call(method, `/simulator/${path}`, body === undefined ? {} : { body: text });
    assert.ok(answer.status < 300, answer.text);
    return answer;
  };
  const assertion = await simulator.token('admin');
  const headers = bearer(await running.graphToken(assertion));
  const list = async () => (await call('GET', settings, { headers })).status;

  await set('PUT', 'faults/list', { claimsChallenge: { access_token: {} }, times: 9 });
  await set('PUT', 'faults/get', { status: 500 });
  assert.equal(await list(), 401);
  const faults = (await set('GET', 'faults')).json() as unknown as { timesLeft?: number }[];
  assert.equal(faults[0]?.timesLeft, 8);
  await set('DELETE', 'faults/list');
  assert.equal(await list(), 200);
  await set('DELETE', 'faults');
  assert.equal((await set('GET', 'faults')).text, '[]');

  await set('PUT', 'people/admin', { intuneRoleMissing: true });
  assert.equal(await list(), 403);
  await set('DELETE', 'people/admin');
  assert.equal(await list(), 200);

  const changed = await set('PUT', 'connection', {
    connection: null,
    sequence: ['inprogress', 'gone'],
    everyMs: 5,
  });
  const { connection, sequence, everyMs } = changed.json();
  assert.deepEqual([connection, sequence, everyMs], [null, ['inprogress', 'gone'], 5]);
  assert.equal(simulator.connection(), null);
  assert.notEqual((await set('GET', `connection?tenant=${simulator.otherTenantId}`)).json().connection, null);

  await set('POST', 'keys/rotate', { keepOld: false });
  assert.deepEqual((await running.exchange(assertion)).json().error_codes, [50013]);

  await set('POST', 'secrets', { accepted: ['fresh'] });
  const renewed = await simulator.token('admin');
  assert.equal((await running.exchange(renewed)).status, 401);
  assert.equal((await running.exchange(renewed, { client_secret: 'fresh' })).status, 200);
  const federated = (await set('GET', 'federated-token')).text;
  assert.equal(decodeJwt(federated).iss, simulator.federatedCredential.issuer);
  await set('POST', 'federated-credentials', {
    issuer: 'https://c.example',
    subject: 's',
    jwks: { keys: [] },
  });
  const { cert } = await generate([{ name: 'commonName', value: 'bff' }], { algorithm: 'sha256' });
  await set('POST', 'certificates', cert);
  await set('DELETE', 'certificates');

  await set('POST', 'reset');
  assert.equal((await running.exchange(renewed)).status, 200);
  assert.equal(simulator.connection()?.onboardingStatus, 'onboarded');
});

test('calls are shown without credentials', async () => {
  await using running = await start();
  const { call, simulator } = running;
  const assertion = await simulator.token('admin');
  const token = await running.graphToken(assertion);
  await call('GET', settings, { headers: bearer(token) });
  const shown = await call('GET', '/simulator/calls');
  for (const secret of [assertion, token, simulator.registration.clientSecret]) {
    assert.equal(shown.text.includes(secret), false);
  }
  assert.match(shown.text, /"authorization":"\[redacted\]"/);
  const one = (await call('GET', '/simulator/calls?endpoint=token&limit=1')).json() as unknown as unknown[];
  assert.equal(one.length, 1);
  assert.equal((await call('GET', '/simulator/calls')).text, shown.text, 'control calls are not recorded');
  await call('DELETE', '/simulator/calls');
  assert.equal((await call('GET', '/simulator/calls')).text, '[]');
});

test('several simulators can share one CA', async () => {
  await using first = await start();
  await using second = await start({ tls: first.simulator.tls });
  assert.equal(second.simulator.caPem, first.simulator.caPem);
  assert.equal((await second.call('GET', '/simulator')).status, 200);
});

test('npm run simulator prints what the service needs, writes the CA and ends cleanly', async () => {
  const folder = join(tmpdir(), `simulator-${randomUUID()}`);
  const caFile = join(folder, 'made', 'ca.pem');
  const child = spawn(process.execPath, [main], {
    env: childEnvironment({ SIMULATOR_PORT: '0', SIMULATOR_CA_FILE: caFile }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let printed = '';
    for await (const chunk of child.stdout) {
      printed += String(chunk);
      if (printed.includes('Ctrl-C')) break;
    }
    assert.match(await readFile(caFile, 'utf8'), /^-----BEGIN CERTIFICATE-----/);
    for (const name of [
      'NODE_EXTRA_CA_CERTS',
      'AZURE_AUTHORITY_HOST',
      'GRAPH_BASE_URL',
      'GRAPH_SCOPE',
      'AZURE_CLIENT_SECRET',
      'ALLOWED_CLIENT_IDS',
    ]) {
      assert.ok(printed.includes(`export ${name}='`), name);
    }
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});

test('a taken port is named, with what to do', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const child = spawn(process.execPath, [main], {
    env: childEnvironment({
      SIMULATOR_PORT: String(port),
      SIMULATOR_CA_FILE: join(tmpdir(), 'unused.pem'),
    }),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += String(chunk);
  });
  const [code] = await once(child, 'close');
  taken.close();
  assert.equal(code, 1);
  assert.match(complaint, new RegExp(`Port ${port} is taken.*SIMULATOR_PORT=`));
});
