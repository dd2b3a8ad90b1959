import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { childEnvironment } from './child-environment.ts';

const JANITOR = 'set --; while read -r folder; do set -- "$@" "$folder"; done; rm -rf -- "$@"';

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
  const janitor = spawn('/bin/sh', ['-c', JANITOR, `janitor-of-${process.pid}`], {
    cwd: '/',
    env: childEnvironment(),
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const gone = once(janitor, 'exit');
  gone.catch(() => {});
  const hold = janitor.stdin;
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
