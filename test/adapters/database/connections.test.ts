import assert from 'node:assert/strict';
import { chown, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { generate } from 'selfsigned';
import { connectionConfigFrom } from '../../../src/adapters/database/connection-config.ts';
import { createPool } from '../../../src/adapters/database/pool.ts';
import { secretFrom } from '../../../src/adapters/files/followed-secret.ts';
import { Secret } from '../../../src/core/secret.ts';
import { type Postgres, startPostgres } from '../../../tools/postgres/postgres.ts';
import { until } from '../../support/processes.ts';

describe('connections to PostgreSQL', () => {
  let folder: string;
  let postgres: Postgres;
  let admin: pg.Client;
  const caFile = () => join(folder, 'ca.pem');
  const otherCaFile = () => join(folder, 'other-ca.pem');

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-connections-'));
    const dataDir = join(folder, 'postgres');
    const [tls, other] = await Promise.all([certificateOf('localhost'), certificateOf('elsewhere')]);
    postgres = await startPostgres({ dataDir });
    await writeFile(caFile(), tls.caPem);
    await writeFile(otherCaFile(), other.caPem);

    // The key must be the server's user's alone.
    const cluster = join(dataDir, 'cluster');
    const { uid, gid } = await stat(cluster);
    await writeFile(join(cluster, 'server.crt'), tls.certPem);
    await writeFile(join(cluster, 'server.key'), tls.keyPem, { mode: 0o600 });
    for (const file of ['server.crt', 'server.key']) await chown(join(cluster, file), uid, gid);
    admin = new pg.Client({ connectionString: postgres.superuserUrl() });
    admin.on('error', () => {});
    await admin.connect();
    await admin.query('alter system set ssl = on');
    await admin.query('select pg_reload_conf()');
    await until('PostgreSQL speaks TLS', async () => {
      return (await admin.query('show ssl')).rows[0].ssl === 'on';
    });
  });
  after(async () => {
    await admin?.end();
    await postgres?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const urlWith = (parameters: string, host = 'localhost') =>
    new Secret(`${postgres.superuserUrl().replace('127.0.0.1', host)}?${parameters}`);

  /** Whether the connection is encrypted; rejects where there is none. */
  async function encrypted(url: Secret): Promise<boolean> {
    const client = new pg.Client(connectionConfigFrom(url));
    client.on('error', () => {});
    await client.connect();
    try {
      const { rows } = await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
      return rows[0].ssl;
    } finally {
      await client.end();
    }
  }

  test('verify-full with the right CA and name is encrypted; without parameters it is not', async () => {
    assert.equal(await encrypted(urlWith(`sslmode=verify-full&sslrootcert=${caFile()}`)), true);
    assert.equal(await encrypted(urlWith('')), false);
    assert.equal(await encrypted(urlWith('sslmode=disable')), false);
  });

  test('a statement that came too late is cancelled over TLS too, and its connection used again', async () => {
    const pool = createPool({
      url: urlWith(`sslmode=verify-full&sslrootcert=${caFile()}`),
      size: 1,
      connectTimeoutMs: 20_000,
      patienceMs: 20_000,
      onError: () => {},
    });
    try {
      const ask = (text: string, ms: number) =>
        pool.withClient(ms, async (client) => (await client.query(text)).rows[0]);
      const first = await ask('select pg_backend_pid() as pid', 20_000);
      await assert.rejects(ask('select pg_sleep(60)', 300), /did not answer within 300 ms/);
      assert.deepEqual(await ask('select pg_backend_pid() as pid', 20_000), first);
    } finally {
      await pool.end();
    }
  });

  test('a wrong CA, an unknown one and a wrong name are refused, whatever the mode', async () => {
    for (const mode of ['prefer', 'require', 'verify-ca', 'verify-full']) {
      await assert.rejects(encrypted(urlWith(`sslmode=${mode}&sslrootcert=${otherCaFile()}`)), {
        code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      });
      await assert.rejects(encrypted(urlWith(`sslmode=${mode}`)), {
        code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      });
      // The certificate is for localhost alone.
      await assert.rejects(encrypted(urlWith(`sslmode=${mode}&sslrootcert=${caFile()}`, '127.0.0.1')), {
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      });
    }
  });

  test('what turns verification off, and what is no URL, is refused without being repeated', () => {
    for (const url of [
      urlWith('sslmode=no-verify'),
      urlWith('ssl=no-verify'),
      urlWith('uselibpqcompat=true&sslmode=require'),
      new Secret('mysql://u:hunter2@localhost/x'),
      new Secret('hunter2'),
    ]) {
      assert.throws(
        () => connectionConfigFrom(url),
        (error: Error) => {
          return /the database URL/.test(error.message) && !/hunter2|postgres:\/\/\w/.test(error.message);
        },
      );
    }
  });

  test('a rotated password in DATABASE_URL_FILE counts for new connections; a bad file changes nothing', async () => {
    const file = join(folder, 'url');
    const write = async (text: string) => {
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    };
    const urlOf = (password: string) =>
      `postgres://rotating:${password}@127.0.0.1:${postgres.port}/postgres\n`;
    const problems: string[] = [];
    await admin.query("create role rotating login password 'one'");

    const pool = createPool({
      url: secretFrom({ file }),
      size: 2,
      connectTimeoutMs: 2000,
      patienceMs: 2000,
      onError: () => {},
      onUnusableUrl: (error) => problems.push(error.message),
    });
    const killAll = () =>
      admin.query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'rotating'");
    const works = async () => {
      await pool.withClient(2000, (client) => client.query('select 1'));
    };
    try {
      await assert.rejects(works(), 'there is no file yet');
      await write(urlOf('one'));
      await works();

      await admin.query("alter role rotating password 'two'");
      await works(); // on the connection that stands
      await killAll();
      await until('the old password is refused', () =>
        works().then(
          () => false,
          () => true,
        ),
      );
      await write(urlOf('two'));
      await works();

      await write('half a U');
      await killAll();
      await until('it goes on with the URL before', () =>
        works().then(
          () => true,
          () => false,
        ),
      );
      assert.equal(problems.length, 2);
      assert.ok(problems.every((problem) => !/one|two|rotating/.test(problem)));
    } finally {
      await pool.end();
    }
  });
});

/** A CA, and a certificate of that name alone. */
async function certificateOf(name: string) {
  const ca = await generate([{ name: 'commonName', value: `CA of ${name}` }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  });
  const leaf = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: ca.private, cert: ca.cert },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: name }] }],
  });
  return { caPem: ca.cert, certPem: leaf.cert, keyPem: leaf.private };
}
