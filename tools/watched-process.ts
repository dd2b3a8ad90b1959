import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

// Even SIGKILL closes our end of a pipe. So every program runs under a shell that reads such a pipe
// and ends the program when the pipe does: nobody else could, once we are gone. The reader is its own
// process, so the shell itself can wait for the program and pass its exit code on. It is started
// before anything is written to us: a write to a dead owner would end the shell. A program has 20 s to
// end when asked gently: PostgreSQL writes a checkpoint first, the service lets calls finish.
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
{ kill "$ear"; wait "$ear"; } 2>/dev/null
exit "$code"
`;

export type WatchedProcess = {
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
  gentleSignal?: 'SIGINT' | 'SIGTERM';
  lastSignal?: 'SIGQUIT' | 'SIGKILL';
};

/** Runs a command, given word by word, that cannot outlive this process, however this process ends. It is
 *  in a session of its own, so Ctrl-C in the terminal reaches only us, and we end things in order. */
export async function spawnWatched(
  command: readonly string[],
  options: WatchedOptions,
): Promise<WatchedProcess> {
  const { env, cwd, output, gentleSignal = 'SIGTERM', lastSignal = 'SIGKILL' } = options;
  const out = typeof output === 'number' ? output : 'pipe';
  const signals = [gentleSignal.slice(3), lastSignal.slice(3)];
  const watcher = spawn('/bin/sh', ['-c', WATCHER, `watcher-of-${process.pid}`, ...signals, ...command], {
    env,
    cwd,
    detached: true,
    stdio: ['pipe', out, out, 'pipe'],
  });
  watcher.stdin?.on('error', () => {});
  if (typeof output === 'function') {
    for (const stream of [watcher.stdout, watcher.stderr]) {
      if (stream) createInterface({ input: stream, crlfDelay: Infinity }).on('line', output);
    }
  }
  const exited = once(watcher, 'close').then(([code, signal]) => code ?? (signal === 'SIGKILL' ? 137 : 143));
  exited.catch(() => {});
  const pid = Number(await Promise.race([text(watcher.stdio[3] as Readable), exited.then(() => '')]));
  if (!(pid > 0)) throw new Error(`${command[0]} could not be started`);

  const running = () => watcher.exitCode === null && watcher.signalCode === null;
  return {
    exited,
    running,
    kill(signal) {
      try {
        if (running()) process.kill(pid, signal);
      } catch {} // ended meanwhile
    },
    stop() {
      watcher.stdin?.end();
      return exited;
    },
  };
}
