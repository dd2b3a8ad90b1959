import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  connectionConfigFrom,
  connectionConfigsFrom,
  primaryConfigFrom,
} from '../../../src/adapters/database/connection-config.ts';
import { Secret } from '../../../src/core/secret.ts';
import { superuserUrl } from '../../../tools/postgres/postgres-access.ts';
import { postgresAccess } from '../../support/postgres.ts';

// With a server that speaks TLS: test/adapters/database/connections.test.ts.
describe('what connections are made from', () => {
  let folder: string;
  const file = (name: string) => join(folder, name);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-config-'));
    for (const name of ['ca', 'cert', 'key']) writeFileSync(file(name), `the ${name}`);
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const configOf = (url: string) => connectionConfigFrom(new Secret(url));
  const withParameters = (parameters: string) => configOf(`postgres://u:p@h/d?${parameters}`);
  const plain = 'postgres://u:p@h/d';

  const parameters: [string, () => string, object][] = [
    ['nothing is said', () => '', { connectionString: plain }],
    ['TLS is disabled', () => 'sslmode=disable', { connectionString: plain, ssl: false }],
    [
      'TLS is required',
      () => 'sslmode=require',
      { connectionString: plain, ssl: { rejectUnauthorized: true } },
    ],
    [
      'a CA is named',
      () => `sslrootcert=${file('ca')}`,
      { connectionString: plain, ssl: { rejectUnauthorized: true, ca: 'the ca' } },
    ],
    [
      'the machine’s own CAs are named',
      () => 'sslmode=verify-full&sslrootcert=system',
      { connectionString: plain, ssl: { rejectUnauthorized: true } },
    ],
    [
      'a certificate of ours is named',
      () => `sslcert=${file('cert')}&sslkey=${file('key')}`,
      { connectionString: plain, ssl: { rejectUnauthorized: true, cert: 'the cert', key: 'the key' } },
    ],
    [
      'something else is said, which is pg’s to read',
      () => 'sslmode=disable&options=-c%20x%3Dy',
      { connectionString: `${plain}?options=-c+x%3Dy`, ssl: false },
    ],
    ...['read-write', 'primary', 'any'].map((wanted): [string, () => string, object] => [
      `servers are wanted that are ${wanted}`,
      () => `target_session_attrs=${wanted}`,
      { connectionString: plain },
    ]),
  ];
  for (const [name, given, config] of parameters) {
    test(`where ${name}`, () => assert.deepEqual(withParameters(given()), config));
  }

  const noUrl = 'the database URL is no postgres:// URL';
  const unverified = 'the database URL turns off the verification of TLS';
  const readers = 'the database URL asks for servers that take no writes (target_session_attrs)';
  const refusals: [string, string][] = [
    ['', noUrl],
    ['hunter2', noUrl],
    ['xpostgres://u:hunter2@h/d', noUrl],
    ['mysql://u:hunter2@h/d', noUrl],
    ['postgres://u:hunter2@h:port/d', noUrl],
    [`${plain}?sslmode=no-verify`, unverified],
    [`${plain}?ssl=no-verify`, unverified],
    [`${plain}?uselibpqcompat=true&sslmode=require`, unverified],
    [`${plain}?target_session_attrs=standby`, readers],
    [`${plain}?target_session_attrs=`, readers],
  ];
  for (const [url, message] of refusals) {
    test(`is never ${JSON.stringify(url)}`, () => assert.throws(() => configOf(url), { message }));
  }

  test('is one for each host, with the same user and parameters', () => {
    const strings = (url: string) =>
      connectionConfigsFrom(new Secret(url)).map(({ connectionString }) => connectionString);
    assert.deepEqual(strings(' postgresql://u:p@one:1,two/d?application_name=x\n'), [
      'postgresql://u:p@one:1/d?application_name=x',
      'postgresql://u:p@two/d?application_name=x',
    ]);
    assert.deepEqual(strings('postgres://one,two'), ['postgres://one', 'postgres://two']);
    assert.equal(configOf('postgres://u:p@one,two/d').connectionString, 'postgres://u:p@one/d');
  });

  test('leads to the host that takes writes, found by asking', async () => {
    const there = superuserUrl(postgresAccess());
    const { port } = postgresAccess();
    const across = there.replace(`127.0.0.1:${port}`, `127.0.0.1:1,127.0.0.1:${port}`);
    const primary = await primaryConfigFrom(new Secret(across));
    assert.equal(new URL(primary.connectionString ?? '').port, String(port));

    const readOnly = `${across}?options=-c%20default_transaction_read_only%3Don`;
    await assert.rejects(primaryConfigFrom(new Secret(readOnly)), {
      message: 'none of the hosts in the database URL takes writes',
    });
    const nowhere = there.replace(`127.0.0.1:${port}`, '127.0.0.1:1,127.0.0.1:2');
    await assert.rejects(primaryConfigFrom(new Secret(nowhere)), { code: 'ECONNREFUSED', port: 1 });
    const alone = `${there}?options=-c%20default_transaction_read_only%3Don`;
    assert.ok(await primaryConfigFrom(new Secret(alone)), 'where there is one nobody asks');
  });

  test('a host that says nothing is left after five seconds', async (t) => {
    const asked = Promise.withResolvers<void>();
    const silent = net.createServer((socket) => {
      socket.on('error', () => {}).resume();
      asked.resolve();
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    t.after(() => silent.close());
    const { port } = postgresAccess();
    const hosts = `127.0.0.1:${(silent.address() as net.AddressInfo).port},127.0.0.1:${port}`;
    const url = superuserUrl(postgresAccess()).replace(`127.0.0.1:${port}`, hosts);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const primary = primaryConfigFrom(new Secret(url));
    await asked.promise;
    t.mock.timers.tick(5000);
    assert.equal(new URL((await primary).connectionString ?? '').port, String(port));
  });
});
