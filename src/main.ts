import { loadSettings } from './settings/settings.ts';
import { SettingsError } from './settings/settings-error.ts';

/** The process edge: boot, signals, exit codes. */

/** How long a process that is ending waits for the reader of its log, in milliseconds. */
const flushMs = 1000;

// Before anything heavy is imported, so that an error is reported within a second.
const settings = readSettings();
// As a container's first process we would not receive a signal that has no handler.
let stop = async (_signal: string): Promise<void> => process.exit(0);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => void stop(signal));
}

const { compose } = await import('./compose/compose.ts');
const service = composed();
const { log } = service;
stop = once(async (signal) => {
  log.info({ signal }, 'stopping');
  await service.close();
  log.info('stopped');
  await service.flushLog(flushMs);
  process.exit(0);
});

try {
  const ports = await service.start();
  log.info({ ...ports, tls: settings.server.tls !== null }, 'listening');
} catch (error) {
  log.fatal({ error }, error instanceof Error ? error.message : 'the service could not start');
  await service.flushLog(flushMs);
  process.exit(1);
}

/** Runs `work` the first time only. */
function once(work: (signal: string) => Promise<void>): (signal: string) => Promise<void> {
  let running: Promise<void> | null = null;
  return (signal) => {
    running ??= work(signal);
    return running;
  };
}

/** What fails before the start, such as missing TLS files, is for the person who started it. */
function composed() {
  try {
    return compose(settings);
  } catch (error) {
    console.error(`The service cannot start: ${error instanceof Error ? error.message : 'unknown error'}`);
    process.exit(1);
  }
}

function readSettings() {
  try {
    return loadSettings();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
