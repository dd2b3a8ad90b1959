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
import type { LogLine, TestEnvironment } from './service.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The service as a process of its own, as production runs it but from source. */
export type ServiceProcess = {
  readonly child: ChildProcess;
  readonly log: LogLine[];
  readonly stderr: () => string;
  readonly url: string;
  readonly managementUrl: string;
  readonly api: ReturnType<typeof request>;
  readonly management: ReturnType<typeof request>;
  /** Its exit code, or the signal that ended it. */
  ended(): Promise<number | string>;
  /** Leaves its stdout unread, as a log collector that hangs does, and reads it again. */
  stopReading(): void;
  readOn(): void;
  /** Ends it, however it is. */
  kill(signal?: NodeJS.Signals): Promise<void>;
};

/** Starts `src/main.ts` in that test environment and waits until it listens. */
export async function startServiceProcess(
  testEnvironment: TestEnvironment,
  environment: Record<string, string> = {},
): Promise<ServiceProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-process-'));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, testEnvironment.simulator.caPem);
  const { child, lines, log, stderr } = spawnMain({
    ...testEnvironment.environment({
      ALLOWED_CLIENT_IDS: testEnvironment.simulator.portalClientId,
      ...environment,
    }),
    NODE_EXTRA_CA_CERTS: caFile,
  });
  const exit = once(child, 'exit').finally(() => rm(folder, { recursive: true, force: true }));
  const ended = async () => {
    const [code, signal] = (await exit) as [number | null, string | null];
    return code ?? signal ?? 'unknown';
  };
  const listening = await Promise.race([
    waitFor(log, child, (line) => line.msg === 'listening'),
    ended().then((code) => {
      throw new Error(
        `the service ended with ${code} before it listened: ${stderr()} ${JSON.stringify(log)}`,
      );
    }),
  ]);
  const url = `${listening.tls ? 'https' : 'http'}://localhost:${listening.port}`;
  const managementUrl = `http://localhost:${listening.managementPort}`;
  return {
    child,
    log,
    stderr,
    url,
    managementUrl,
    api: request(url),
    management: request(managementUrl),
    ended,
    stopReading: () => void lines.pause(),
    readOn: () => void lines.resume(),
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      await ended();
    },
  };
}

/** `node src/main.ts` with exactly that environment, and what it says. */
export function spawnMain(environment: Record<string, string>) {
  const child = spawn(process.execPath, [...watched.args, 'src/main.ts'], {
    cwd: root,
    env: childEnvironment({ ...watched.environment, ...environment }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: LogLine[] = [];
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const lines = createInterface({ input: child.stdout }).on('line', (line) => {
    // Whoever is killed may leave half a line.
    if (!line.endsWith('}')) return;
    log.push(JSON.parse(line));
    child.emit('logged');
  });
  return { child, lines, log, stderr: () => stderr };
}

async function waitFor(
  log: LogLine[],
  child: ChildProcess,
  matches: (line: LogLine) => boolean,
): Promise<LogLine> {
  for (;;) {
    const line = log.find(matches);
    if (line !== undefined) return line;
    await once(child, 'logged');
  }
}
