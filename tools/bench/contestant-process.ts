import { startOwnProcess } from './own-process.ts';

/** Something that serves, in a process of its own, and what that process has cost so far. */
export type Contestant = {
  readonly name: 'raw' | 'bare' | 'sample' | 'ours';
  readonly port: number;
  cpuSeconds(): Promise<number>;
  close(): Promise<void>;
};

export async function startContestant(
  name: 'raw' | 'bare' | 'sample',
  environment: Readonly<Record<string, string>>,
): Promise<Contestant> {
  const own = await startOwnProcess(`./contestants/${name}.ts`, { saysHello: true, environment });
  return {
    name,
    port: Number(own.hello.port),
    cpuSeconds: async () => (await own.ask<{ cpuSeconds: number }>({})).cpuSeconds,
    close: () => own.close(),
  };
}
