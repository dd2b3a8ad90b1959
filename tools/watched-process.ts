import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Readable, type Writable } from 'node:stream';
import { childEnvironment } from './child-environment.ts';

// Even SIGKILL closes our end of a pipe. So every program runs under a shell that reads such a pipe
// and ends the program when the pipe does: nobody else could, once we are gone. The reader is its own
// process, so the shell itself can wait for the program and pass its exit code on. It is started
// before anything is written to us: a write to a dead owner would end the shell.
const WATCHER = `
gentle=$1 last=$2; shift 2
exec 9<&0
"$@" 3>&- 9<&- & pid=$!
(
  while read -r line; do :; done <&9
  kill -"$gentle" "$pid"
  tenths=0
  while [ "$tenths" -lt 200 ] && kill -0 "$pid"; do sleep 0.1; tenths=$((tenths + 1)); done
  kill -"$last" "$pid"
) 2>/dev/null >&2 3>&- & ear=$!
exec 9<&-
echo "$pid" >&3
exec 3>&-
wait "$pid"; code=$?
kill "$ear"; wait "$ear"
exit "$code"
`;

const JANITOR = 'set --; while read -r folder; do set -- "$@" "$folder"; done; rm -rf -- "$@"';

/** How long a program may take to end when asked gently, in milliseconds; the watcher's own loop
 *  waits equally long. PostgreSQL writes a checkpoint first, the service lets calls finish. */
const PATIENCE_MS = 20_000;

export type WatchedProcess = {
  /** The program's own process id, not its watcher's. */
  pid: number;
  /** The exit code; 128 + n after signal n. */
  exited: Promise<number>;
  running(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Asks it to end, insists after a while, and waits until it has. */
  stop(): Promise<number>;
};

export type WatchedOptions = {
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Where its output goes: line by line to a function, or to an open file. */
  output: ((line: string) => void) | number;
  /** Whom it runs as, when we are root and it must not be. */
  user?: { uid: number; gid: number };
  /** Descriptors it inherits as 4, 5, … (up to 8). */
  inherit?: (number | Writable)[];
  gentleSignal?: 'SIGINT' | 'SIGTERM';
  lastSignal?: 'SIGQUIT' | 'SIGKILL';
};

/** Runs a program that cannot outlive this process, however this process ends. It is in a session of
 *  its own, so Ctrl-C in the terminal reaches only us, and we end things in order. */
export async function spawnWatched(
  command: string,
  args: string[],
  options: WatchedOptions,
): Promise<WatchedProcess> {
  const { gentleSignal = 'SIGTERM', lastSignal = 'SIGKILL', output } = options;
  const out = typeof output === 'number' ? output : 'pipe';
  const watcher = spawn(
    '/bin/sh',
    [
      '-c',
      WATCHER,
      `watcher-of-${process.pid}`,
      gentleSignal.slice(3),
      lastSignal.slice(3),
      command,
      ...args,
    ],
    {
      env: options.env,
      cwd: options.cwd,
      detached: true,
      stdio: ['pipe', out, out, 'pipe', ...(options.inherit ?? [])],
      ...options.user,
    },
  );
  watcher.stdin?.on('error', () => {});
  if (typeof output === 'function') {
    for (const stream of [watcher.stdout, watcher.stderr]) {
      if (stream) createInterface({ input: stream, crlfDelay: Infinity }).on('line', output);
    }
  }
  const exited = once(watcher, 'close').then(([code, signal]) => exitCode(code, signal));
  exited.catch(() => {});
  const pid = await Promise.race([firstNumber(watcher.stdio[3]), exited.then(() => undefined)]);
  if (pid === undefined) throw new Error(`${command} could not be started`);

  const kill = (signal: NodeJS.Signals) => {
    if (watcher.exitCode !== null || watcher.signalCode !== null) return;
    try {
      process.kill(pid, signal);
    } catch {} // already gone
  };
  return {
    pid,
    exited,
    running: () => watcher.exitCode === null && watcher.signalCode === null,
    kill,
    async stop() {
      kill(gentleSignal);
      const insist = setTimeout(() => kill(lastSignal), PATIENCE_MS);
      try {
        return await exited;
      } finally {
        clearTimeout(insist);
      }
    },
  };
}

export type Janitor = {
  /** This folder is to be gone when we are. */
  remove(folder: string): void;
  /** Keeps the folders in place: they are removed when every process that has this is gone. */
  hold: Writable;
  /** Removes the folders now. Everything that used them must have ended. */
  finish(): Promise<void>;
};

/** Removes temporary folders when we have ended, however we end. */
export function startJanitor(): Janitor {
  const janitor: ChildProcess = spawn('/bin/sh', ['-c', JANITOR, `janitor-of-${process.pid}`], {
    cwd: '/',
    env: childEnvironment(),
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const gone = once(janitor, 'exit');
  gone.catch(() => {});
  const hold = janitor.stdin;
  if (!hold) throw new Error('/bin/sh could not be started');
  hold.on('error', () => {});
  return {
    remove: (folder) => void hold.write(`${folder}\n`),
    hold,
    async finish() {
      hold.end();
      await gone;
    },
  };
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? (signal === 'SIGKILL' ? 137 : 143);
}

async function firstNumber(stream: unknown): Promise<number | undefined> {
  if (!(stream instanceof Readable)) return undefined;
  let text = '';
  for await (const chunk of stream) text += chunk;
  const pid = Number.parseInt(text, 10);
  return Number.isNaN(pid) ? undefined : pid;
}
