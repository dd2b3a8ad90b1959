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

/** Makes, once for all test files, what each simulator would take a third of a second to make: a key each for
 *  its two tenants, one for Graph, and its TLS. */
export async function shareKeys(): Promise<void> {
  const [tls, ...signingKeys] = await Promise.all([
    makeTls(),
    makeSigningKeyPem(),
    makeSigningKeyPem(),
    makeSigningKeyPem(),
  ]);
  process.env[TEST_KEYS] = JSON.stringify({ tls, signingKeys } satisfies SharedKeys);
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
