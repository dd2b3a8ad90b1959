import type { JsonWebKey } from 'node:crypto';
import type { SimulatorTls } from '../../../simulator/certificates.ts';
import { startOwnProcess } from '../own-process.ts';

/** How often the upstream was called, by what for. */
export type UpstreamCalls = {
  readonly metadata: number;
  readonly keys: number;
  readonly token: number;
  readonly list: number;
  readonly disconnect: number;
};

/** Entra ID and Graph over TLS, in a process of their own. */
export type Upstream = {
  readonly url: string;
  stand(): Promise<{ calls: UpstreamCalls; cpuSeconds: number }>;
  close(): Promise<void>;
};

export async function startUpstream(tls: SimulatorTls, publicKey: JsonWebKey): Promise<Upstream> {
  const own = await startOwnProcess('./upstream/main.ts', {
    saysHello: true,
    environment: { BENCH_CERT: tls.certPem, BENCH_KEY: tls.keyPem, BENCH_JWK: JSON.stringify(publicKey) },
  });
  return {
    url: `https://localhost:${own.hello.port}`,
    stand: () => own.ask({}),
    close: () => own.close(),
  };
}
