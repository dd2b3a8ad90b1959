import { type DestinationStream, type Logger, pino } from 'pino';

/** JSON lines on stdout. Only named, allowed fields are ever logged: errors by type, code, message and
 *  stack, never by what hangs on them. */
export function createLogger(options: { level: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      level: options.level,
      base: { service: 'chromeos-connector-bff' },
      timestamp: isoTime(),
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: errorForLog },
    },
    options.destination ?? new TurnWriter(),
  );
}

/** Makes pino's member for the time. A busy process logs many lines in one millisecond. */
function isoTime(): () => string {
  let [moment, text] = [0, ''];
  return () => {
    const now = Date.now();
    if (now !== moment) [moment, text] = [now, `,"time":"${new Date(now).toISOString()}"`];
    return text;
  };
}

/** Writes to stdout what one turn of the event loop has logged, at its end and in one piece: a line costs no
 *  system call of its own. What the process logs last is written as it exits; only a kill can lose a
 *  turn's lines, and could before. */
class TurnWriter implements DestinationStream {
  readonly #stdout = pino.destination({ sync: true });
  #lines = '';

  constructor() {
    process.once('exit', () => this.flushSync());
  }

  write(line: string): void {
    if (this.#lines === '') setImmediate(() => this.flushSync());
    this.#lines += line;
  }

  /** pino calls it for fatal lines. */
  flushSync(): void {
    if (this.#lines === '') return;
    const lines = this.#lines;
    this.#lines = '';
    this.#stdout.write(lines);
  }
}

/** An error as the log shows it, with its chain of causes. */
function errorForLog(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    type: error.name,
    code,
    message: error.message,
    stack: error.stack,
    cause: error.cause === undefined || depth >= 3 ? undefined : errorForLog(error.cause, depth + 1),
  };
}
