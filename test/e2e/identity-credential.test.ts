import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { generate } from 'selfsigned';
import { until } from '../support/processes.ts';
import { emptyScene } from '../support/scene.ts';
import { assertNoSecret, type TestService } from '../support/service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const it = emptyScene({ environment: { AZURE_CLIENT_SECRET: '' }, timings: { graphTimeoutMs: 30_000 } });
const rejections = 'chromeos_bff_credential_rejections_total';

const start = (environment: Record<string, string>, options: { unready?: boolean } = {}) =>
  it.start({ ...options, environment });

/** A read by somebody whom no cache knows yet: one exchange. */
const read = async () => it.readConnection({ token: await it.stranger('reader') });

const lastForm = () =>
  new URLSearchParams(it.simulator.calls.findLast(({ endpoint }) => endpoint === 'token')?.body);

/** As Kubernetes and careful people do it: whole or not at all. */
async function replace(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

async function makeCertificate(days: number) {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'chromeos-connector-bff' }], {
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - 2 * 86_400_000),
    notAfterDate: new Date(Date.now() + days * 86_400_000),
  });
  const { validTo, fingerprint256 } = new X509Certificate(cert);
  const thumbprint = Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
  return { cert, key, pem: `${key}\n${cert}`, expires: Date.parse(validTo), thumbprint };
}

function decoded(jwt: string | null) {
  const [header = '', payload = ''] = (jwt ?? '').split('.');
  const json = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  return { header: json(header), payload: json(payload) };
}

/** Calls without pause while `change` happens; every one of them must succeed. */
async function underLoad(change: (calls: (count: number) => Promise<void>) => Promise<void>) {
  const statuses: number[] = [];
  let changing = true;
  const load = async () => {
    while (changing) statuses.push((await read()).status);
  };
  const calls = (count: number) => {
    const enough = statuses.length + count;
    return until(`${count} more calls were made`, () => statuses.length >= enough);
  };
  const whole = change(calls).finally(() => {
    changing = false;
  });
  await Promise.all([whole, load(), load(), load()]);
  assert.deepEqual(new Set(statuses), new Set([200]));
}

describe('the first credential that is set is used', () => {
  const kinds = ['federated', 'certificate', 'secret file', 'secret'] as const;
  for (const [index, kind] of kinds.entries()) {
    test(`${kind}, before ${kinds.slice(index + 1).join(', ') || 'none'}`, async () => {
      const { simulator } = it;
      const certificate = await makeCertificate(30);
      simulator.registerCertificate(certificate.cert);
      simulator.setSecrets(['from the file', 'from the environment']);
      const paths = {
        AZURE_FEDERATED_TOKEN_FILE: join(folder, 'token'),
        AZURE_CLIENT_CERTIFICATE_PATH: join(folder, 'certificate.pem'),
        AZURE_CLIENT_SECRET_FILE: join(folder, 'secret'),
      };
      await writeFile(paths.AZURE_FEDERATED_TOKEN_FILE, await simulator.federatedToken());
      await writeFile(paths.AZURE_CLIENT_CERTIFICATE_PATH, certificate.pem);
      await writeFile(paths.AZURE_CLIENT_SECRET_FILE, 'from the file\n');
      const all = { ...paths, AZURE_CLIENT_SECRET: 'from the environment' };
      await start(Object.fromEntries(Object.entries(all).slice(index)));

      assert.equal((await read()).status, 200);
      const form = lastForm();
      const assertion = form.get('client_assertion');
      const used =
        assertion === null
          ? `secret ${form.get('client_secret')}`
          : `assertion of ${decoded(assertion).payload.iss}`;
      assert.equal(
        used,
        {
          federated: `assertion of ${simulator.federatedCredential.issuer}`,
          certificate: `assertion of ${simulator.registration.clientId}`,
          'secret file': 'secret from the file',
          secret: 'secret from the environment',
        }[kind],
      );
    });
  }
});

describe('a secret in a file', () => {
  test('is replaced, and the old one revoked at once, without a failed call', async () => {
    const file = join(folder, 'rotating-secret');
    await writeFile(file, 'first');
    it.simulator.setSecrets(['first']);
    const started = await start({ AZURE_CLIENT_SECRET_FILE: file });
    await underLoad(async (calls) => {
      await calls(10);
      for (const next of ['second', 'third']) {
        await replace(file, next);
        it.simulator.setSecrets([next]);
        await calls(20);
      }
    });
    assert.equal(lastForm().get('client_secret'), 'third');
    assert.equal(await started.metric(rejections), 0);
    assertNoSecret(JSON.stringify(started.log), ['first', 'second', 'third', file]);
  });

  test('half-written, empty or gone: the old one stays in use until there is a whole one', async () => {
    const file = join(folder, 'half-secret');
    await writeFile(file, 'the old secret');
    it.simulator.setSecrets(['the old secret', 'the new secret']);
    const started = await start({ AZURE_CLIENT_SECRET_FILE: file });
    await underLoad(async (calls) => {
      await calls(5);
      for (const content of ['the new', '', '  \n']) {
        await writeFile(file, content);
        await calls(10);
      }
      await rm(file);
      await calls(10);
    });
    assert.equal(lastForm().get('client_secret'), 'the old secret');

    // What Entra has refused is not offered again with every call.
    it.simulator.clearCalls();
    await writeFile(file, 'the new sec');
    for (let call = 0; call < 3; call += 1) assert.equal((await read()).status, 200);
    assert.equal(it.asked('token'), 4);

    await writeFile(file, 'the new secret');
    assert.equal((await read()).status, 200);
    assert.equal(lastForm().get('client_secret'), 'the new secret');
    assert.equal(await started.metric(rejections), 0);
  });

  test('ahead of Entra: the old one serves until it is revoked, then the new one', async () => {
    const file = join(folder, 'early-secret');
    await writeFile(file, 'old');
    it.simulator.setSecrets(['old']);
    await start({ AZURE_CLIENT_SECRET_FILE: file });
    await underLoad(async (calls) => {
      await calls(5);
      await replace(file, 'new');
      await calls(10);
      it.simulator.setSecrets(['new']);
      await calls(10);
    });
    assert.equal(lastForm().get('client_secret'), 'new');
  });

  test('that Entra does not take is our fault, and its replacement mends it without a restart', async () => {
    const file = join(folder, 'wrong-secret');
    await writeFile(file, 'wrong');
    const started = await start({ AZURE_CLIENT_SECRET_FILE: file });
    const response = await read();
    assert.deepEqual([response.status, response.body.code], [500, 'credential_rejected']);
    assert.equal(await started.metric(rejections), 1);
    await replace(file, it.simulator.registration.clientSecret);
    assert.equal((await read()).status, 200);
  });
});

describe('ready means able: a credential that was never readable', () => {
  const check = async ({ management }: TestService) => {
    const { status, body } = await management.get('/readyz');
    const found = body.checks?.find(({ name }: { name: string }) => name === 'client credential');
    return { status, problem: String(found?.problem) };
  };
  const pfx = readFileSync(new URL('../adapters/entra/fixtures/certificate.pfx', import.meta.url));
  const secretToken = 'eyJhbGciOiJSUzI1NiJ9.bm90LWpzb24tYnV0LXNlY3JldA.c2lnbmF0dXJl';
  const rows: [name: string, variable: string, content: string | Buffer | null, problem: RegExp][] = [
    ['a PFX under a PEM’s name', 'AZURE_CLIENT_CERTIFICATE_PATH', pfx, /PKCS#12.*openssl pkcs12/],
    ['a certificate that is not there', 'AZURE_CLIENT_CERTIFICATE_PATH', null, /is not there/],
    ['an empty certificate file', 'AZURE_CLIENT_CERTIFICATE_PATH', '', /is empty/],
    ['a secret that is not there', 'AZURE_CLIENT_SECRET_FILE', null, /is not there/],
    ['an empty secret file', 'AZURE_CLIENT_SECRET_FILE', '\n', /is empty/],
    [
      'PEM as a secret',
      'AZURE_CLIENT_SECRET_FILE',
      '-----BEGIN CERTIFICATE-----',
      /AZURE_CLIENT_CERTIFICATE_PATH/,
    ],
    ['a federated token that is not there', 'AZURE_FEDERATED_TOKEN_FILE', null, /is not there/],
    ['a federated token that is none', 'AZURE_FEDERATED_TOKEN_FILE', secretToken, /holds no whole JWT/],
    ['a federated token in three words', 'AZURE_FEDERATED_TOKEN_FILE', 'not a token', /holds no JWT/],
  ];
  for (const [name, variable, content, problem] of rows) {
    test(`${name}: not ready, and says why`, async () => {
      const file = join(folder, crypto.randomUUID());
      if (content !== null) await writeFile(file, content);
      const started = await start({ [variable]: file }, { unready: true });
      await until('keys and database are there', async () => {
        const { body } = await started.management.get('/readyz');
        return body.checks?.length === 1;
      });
      const { status, problem: words } = await check(started);
      assert.equal(status, 503);
      assert.ok(words.startsWith(`${variable} `), words);
      assert.match(words, problem);
      assert.equal((await read()).body.code, 'credential_rejected');
      const shown = JSON.stringify([started.log, words]);
      assertNoSecret(shown, [file, 'bm90LWpzb24', 'not-json', 'not a token']);
      const complaints = started.log.filter(({ msg }) => msg === 'the client credential is not usable');
      assert.deepEqual(
        complaints.map((line) => line.problem),
        [words],
      );
    });
  }

  test('makes ready as soon as it is there, and a later fault is a warning: calls go on', async () => {
    const file = join(folder, 'late-secret');
    const started = await start({ AZURE_CLIENT_SECRET_FILE: file }, { unready: true });
    await writeFile(file, it.simulator.registration.clientSecret);
    await started.ready();
    assert.equal((await read()).status, 200);
    await writeFile(file, '');
    const { body } = await started.management.get('/readyz?verbose').expect(200);
    const found = body.checks.find(({ name }: { name: string }) => name === 'client credential');
    assert.equal(found.warning, 'using the previous one: AZURE_CLIENT_SECRET_FILE is empty');
    assert.equal((await read()).status, 200);
  });

  test('that has expired is a warning', async () => {
    const file = join(folder, 'expired.pem');
    const certificate = await makeCertificate(-1);
    await writeFile(file, certificate.pem);
    const started = await start({ AZURE_CLIENT_CERTIFICATE_PATH: file });
    const { body } = await started.management.get('/readyz?verbose').expect(200);
    const found = body.checks.find(({ name }: { name: string }) => name === 'client credential');
    assert.equal(found.warning, 'the certificate in use has expired');
  });
});

describe('a certificate', () => {
  test('signs with PS256, is named by x5t#S256 and sent along, and its expiry is a metric', async () => {
    const file = join(folder, 'certificate.pem');
    const certificate = await makeCertificate(10);
    it.simulator.registerCertificate(certificate.cert);
    await writeFile(file, certificate.pem);
    const started = await start({ AZURE_CLIENT_CERTIFICATE_PATH: file });
    assert.equal((await read()).status, 200);
    const { header, payload } = decoded(lastForm().get('client_assertion'));
    assert.equal(header.alg, 'PS256');
    assert.equal(header['x5t#S256'], certificate.thumbprint);
    assert.equal(header.x5t, undefined);
    assert.equal([header.x5c].flat().length, 1);
    assert.ok(payload.jti);
    assert.equal(
      await started.metric('chromeos_bff_credential_expiry_timestamp_seconds', { kind: 'certificate' }),
      certificate.expires / 1000,
    );
  });

  test('with its chain, whatever comes first in the file', async () => {
    const file = join(folder, 'chain.pem');
    const [certificate, other] = await Promise.all([makeCertificate(10), makeCertificate(10)]);
    it.simulator.registerCertificate(certificate.cert);
    await writeFile(file, `${other.cert}\n${certificate.cert}\n${certificate.key}`);
    await start({ AZURE_CLIENT_CERTIFICATE_PATH: file });
    assert.equal((await read()).status, 200);
    const { header } = decoded(lastForm().get('client_assertion'));
    assert.equal(header['x5t#S256'], certificate.thumbprint);
    assert.equal(header.x5c.length, 2);
  });

  test('is replaced without a failed call, also through a half-written file', async () => {
    const file = join(folder, 'rotating.pem');
    const [first, second] = await Promise.all([makeCertificate(10), makeCertificate(20)]);
    it.simulator.registerCertificate(first.cert);
    await writeFile(file, first.pem);
    const started = await start({ AZURE_CLIENT_CERTIFICATE_PATH: file });
    await underLoad(async (calls) => {
      await calls(5);
      for (const part of [second.key, second.pem.slice(0, -200), `${second.key}\n${first.cert}`]) {
        await writeFile(file, part);
        await calls(5);
      }
      it.simulator.registerCertificate(second.cert);
      await replace(file, second.pem);
      await calls(10);
    });
    assert.equal(decoded(lastForm().get('client_assertion')).header['x5t#S256'], second.thumbprint);
    assert.equal(await started.metric(rejections), 0);
  });

  test('that Entra refuses: the log says that it is the certificate, and when it expires', async () => {
    const file = join(folder, 'unknown.pem');
    const certificate = await makeCertificate(10);
    await writeFile(file, certificate.pem);
    const started = await start({ AZURE_CLIENT_CERTIFICATE_PATH: file });
    assert.equal((await read()).status, 500);
    const line = started.log.find(({ msg }) => msg === 'Entra ID refused our own credential');
    assert.deepEqual(
      [line?.credential, line?.expires, line?.entraCode],
      ['certificate', new Date(certificate.expires).toISOString(), 700027],
    );
    assertNoSecret(JSON.stringify(started.log), [certificate.key, file]);
  });
});

describe('a federated token', () => {
  test('is read again when the projected file changes', async () => {
    const file = join(folder, 'projected-token');
    const first = await it.simulator.federatedToken();
    await writeFile(file, first);
    await start({ AZURE_FEDERATED_TOKEN_FILE: file });
    assert.equal((await read()).status, 200);
    assert.equal(lastForm().get('client_assertion'), first);
    const second = await it.simulator.federatedToken({ expiresIn: 600 });
    await underLoad(async (calls) => {
      await replace(file, second);
      await calls(10);
    });
    assert.equal(lastForm().get('client_assertion'), second);
  });

  test('half-written or expired: the old one stays in use', async () => {
    const file = join(folder, 'half-token');
    const good = await it.simulator.federatedToken();
    await writeFile(file, good);
    await start({ AZURE_FEDERATED_TOKEN_FILE: file });
    await underLoad(async (calls) => {
      const expired = await it.simulator.federatedToken({ expiresIn: -10 });
      for (const content of [good.slice(0, 100), good.slice(0, -20), expired, 'x', '']) {
        await writeFile(file, content);
        await calls(5);
      }
    });
    assert.equal(lastForm().get('client_assertion'), good);
  });

  test('of a stranger’s key or for another subject is refused', async () => {
    const file = join(folder, 'strange-token');
    for (const options of [{ key: 'unpublished' }, { subject: 'system:serviceaccount:x:y' }] as const) {
      await writeFile(file, await it.simulator.federatedToken(options));
      await start({ AZURE_FEDERATED_TOKEN_FILE: file });
      assert.equal((await read()).body.code, 'credential_rejected');
    }
  });
});
