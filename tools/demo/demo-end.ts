import { readFileSync } from 'node:fs';

/** Calls back when someone wants the demo to end: by Ctrl-C, a signal, or by ending the npm that runs it. */
export function onEnd(end: () => void): void {
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Asked twice, we leave at once; the watchers end what is still running.
      if (asked) process.exit(130);
      asked = true;
      end();
    });
  }
  if (['demo', 'dev'].includes(process.env.npm_lifecycle_event ?? '')) watchParents(end);
}

/** A killed npm sends its script no signal: the script, or the shell between the two, is only
 *  adopted by another process. */
function watchParents(end: () => void): void {
  const below = statusOf(process.ppid, 'Name').startsWith('npm');
  const parents = () => (below ? `${process.ppid}` : `${process.ppid} ${statusOf(process.ppid, 'PPid')}`);
  const first = parents();
  setInterval(() => parents() !== first && end(), 500).unref();
}

/** Linux only: elsewhere a killed shell is noticed, a killed npm above it is not. */
function statusOf(pid: number, key: 'Name' | 'PPid'): string {
  try {
    return new RegExp(`^${key}:\\s+(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}
