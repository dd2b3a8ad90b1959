import { readFile, stat, writeFile } from 'node:fs/promises';
import { makeTls, type SimulatorTls } from '../../simulator/certificates.ts';
import {
  makeSigningKey,
  makeSigningKeyPem,
  type SigningKey,
  type SigningKeyPem,
  signingKeyFrom,
} from '../../simulator/keys.ts';

/** The environment variable by which the global setup passes them on to test files. */
const TEST_KEYS = 'CHROMEOS_BFF_TEST_KEYS';

type SharedKeys = { readonly tls: SimulatorTls; readonly signingKeys: SigningKeyPem[] };

/** Half a year: their certificates are good for a whole one. */
const keptMs = 180 * 24 * 60 * 60 * 1000;

/** Makes, once for all test files, what each simulator would take a third of a second to make: a key each for
 *  its two tenants, one for Graph, and its TLS. With a file, those of an earlier run that are kept there. */
export async function shareKeys(file?: string): Promise<void> {
  process.env[TEST_KEYS] = file === undefined ? await makeKeys() : await keptKeys(file);
}

async function keptKeys(file: string): Promise<string> {
  const madeAt = await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if (madeAt < Date.now() - keptMs) await writeFile(file, await makeKeys(), { mode: 0o600 });
  return readFile(file, 'utf8');
}

async function makeKeys(): Promise<string> {
  const [tls, ...signingKeys] = await Promise.all([
    makeTls(),
    makeSigningKeyPem(),
    makeSigningKeyPem(),
    makeSigningKeyPem(),
  ]);
  return JSON.stringify({ tls, signingKeys } satisfies SharedKeys);
}

const shared: Partial<SharedKeys> = JSON.parse(process.env[TEST_KEYS] ?? '{}');

/** What this process's simulators start with. No two of them get the same key. */
export const simulatorKeys = {
  ...(shared.tls && { tls: shared.tls }),
  async makeKey(): Promise<SigningKey> {
    const spare = shared.signingKeys?.shift();
    return spare === undefined ? makeSigningKey() : signingKeyFrom(spare);
  },
};
