import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { childEnvironment } from './child-environment.ts';

// Programs that are ending as well may still write there, so once is not enough.
const REMOVE =
  'read -r end; tries=0; until rm -rf -- "$1" || [ "$((tries += 1))" = 200 ]; do sleep 0.1; done';

/** Sees to it that a temporary folder is gone when we are, however we end. Returns what removes it now. */
export function removeWithUs(folder: string): () => Promise<void> {
  const janitor = spawn('/bin/sh', ['-c', REMOVE, `janitor-of-${process.pid}`, folder], {
    cwd: '/',
    env: childEnvironment(),
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const gone = once(janitor, 'exit');
  gone.catch(() => {});
  janitor.stdin.on('error', () => {});
  return async () => {
    janitor.stdin.end();
    await gone;
  };
}
