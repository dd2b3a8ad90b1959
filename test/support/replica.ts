import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import request from 'supertest';
import { childEnvironment } from '../../tools/child-environment.ts';
import { watched } from './answers-described.ts';
import { until } from './processes.ts';
import type { TestEnvironment } from './service.ts';
import type { Timings } from './timings.ts';

export type Replica = {
  readonly child: ChildProcess;
  readonly api: ReturnType<typeof request>;
  readonly management: ReturnType<typeof request>;
  /** Stops and continues it, as a frozen node or a debugger would. */
  freeze(): void;
  thaw(): void;
  kill(signal?: NodeJS.Signals): Promise<void>;
};

/** Starts one more replica of the service, as a process, in that test environment, and waits for that probe to succeed. */
export async function startReplica(
  testEnvironment: TestEnvironment,
  timings: Timings,
  environment: Record<string, string> = {},
  probe: '/readyz' | '/livez' = '/readyz',
): Promise<Replica> {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-replica-'));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, testEnvironment.simulator.caPem);
  const main = fileURLToPath(new URL('./replica-main.ts', import.meta.url));
  const child = spawn(process.execPath, [...watched.args, main], {
    env: childEnvironment({
      ...watched.environment,
      ...testEnvironment.environment(environment),
      LOG_LEVEL: 'silent',
      AUDIT_STDOUT: 'false',
      NODE_EXTRA_CA_CERTS: caFile,
      TEST_TIMINGS: JSON.stringify(timings),
    }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit').finally(() => rm(folder, { recursive: true, force: true }));
  const { port, managementPort } = await Promise.race([
    listening(child.stdout),
    exit.then(() => Promise.reject(new Error('the replica ended before it listened'))),
  ]);
  const management = request(`http://localhost:${managementPort}`);
  await until(`the replica answers ${probe}`, async () => (await management.get(probe)).status === 200);
  return {
    child,
    api: request(`http://localhost:${port}`),
    management,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      await exit;
    },
  };
}

/** What it says when it listens; checkpoints may be printed before. */
function listening(input: NodeJS.ReadableStream): Promise<{ port: number; managementPort: number }> {
  return new Promise((resolve) => {
    createInterface({ input }).on('line', (text) => {
      const line = JSON.parse(text);
      if (line.msg === 'replica') resolve(line);
    });
  });
}
