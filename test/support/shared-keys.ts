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

/** What one simulator uses at most: for each of its two tenants a key, the one it rotates to, and Graph's. */
const keysOfSimulator = 6;

/** Makes, once for all test files, what each simulator would take a third of a second to make: its keys and its TLS.
 *  With a file, those of an earlier run that are kept there. */
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
  const [tls, signingKeys] = await Promise.all([
    makeTls(),
    Promise.all(Array.from({ length: keysOfSimulator }, makeSigningKeyPem)),
  ]);
  return JSON.stringify({ tls, signingKeys } satisfies SharedKeys);
}

const shared: Partial<SharedKeys> = JSON.parse(process.env[TEST_KEYS] ?? '{}');

/** What one simulator starts with. None of its keys is another of its own, but other simulators have the same. */
export function simulatorKeys() {
  const spare = [...(shared.signingKeys ?? [])];
  return {
    ...(shared.tls && { tls: shared.tls }),
    async makeKey(): Promise<SigningKey> {
      const next = spare.shift();
      return next === undefined ? makeSigningKey() : signingKeyFrom(next);
    },
  };
}
