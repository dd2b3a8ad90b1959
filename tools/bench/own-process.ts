import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../child-environment.ts';

/** A process of the bench's own, from a file beside this one. It answers each message with one message,
 *  and ends when our end of the channel does, however we end. */
export type OwnProcess = {
  /** What it said when it was ready. */
  readonly hello: Readonly<Record<string, unknown>>;
  /** Sends a message and gives the answer; one at a time. Rejects where the answer is an `error`. */
  ask<Answer>(message: object): Promise<Answer>;
  close(): Promise<void>;
};

export type OwnProcessOptions = {
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it says hello before it can be asked. */
  readonly saysHello?: boolean;
};

export async function startOwnProcess(file: string, options: OwnProcessOptions = {}): Promise<OwnProcess> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [], {
    env: childEnvironment(options.environment),
    execArgv: [],
    serialization: 'advanced',
  });
  const gone = once(child, 'exit').then(() => {
    throw new Error(`${file} has ended`);
  });
  gone.catch(() => {});
  const message = async () => {
    const [received] = (await Promise.race([once(child, 'message'), gone])) as [Record<string, unknown>];
    if (typeof received.error === 'string') throw new Error(`${file}: ${received.error}`);
    return received;
  };
  const hello = options.saysHello === true ? await message() : {};
  return {
    hello,
    async ask<Answer>(question: object) {
      const answered = message();
      child.send(question);
      return (await answered) as Answer;
    },
    close: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
