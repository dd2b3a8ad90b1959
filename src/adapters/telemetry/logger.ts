import { type Logger, type LoggerOptions, pino } from 'pino';
import type { AuditEvent } from '../../core/audit/audit-event.ts';
import { BoundedOutput, type LineKind, type LogOutput } from './log-output.ts';

/** What the process prints: JSON lines on stdout. */
export type Logs = {
  readonly log: Logger;
  /** Lines about single requests: the first to be dropped if not all can be written. */
  readonly requests: Logger;
  /** An audit event that became durable. Whatever the level, where `auditEvents` is on. */
  auditEvent(event: AuditEvent): void;
  /** A checkpoint that was stored, for a log platform to keep where we cannot reach it. Whatever the level. */
  checkpoint(checkpoint: { readonly statement: string; readonly signature: string | null }): void;
  readonly output: LogOutput;
};

export type LogsOptions = {
  readonly level: string;
  /** Whether audit events are printed. */
  readonly auditEvents: boolean;
  /** How much may wait for a reader of stdout that lags, in characters. */
  readonly maxWaiting: number;
};

/** The logs of this process, on stdout. Call it once. */
export function createLogs(options: LogsOptions): Logs {
  const { maxWaiting } = options;
  const output = new BoundedOutput({
    stream: process.stdout,
    maxWaiting,
    onFlowing: (dropped) =>
      logs.log.warn({ dropped }, 'log lines were dropped: what reads stdout did not keep up'),
  });
  process.once('exit', () => output.writeTurn());
  const logs = createLogsOn(output, options);
  return logs;
}

/** Logs on another output. Only named, allowed fields are ever logged: of errors the type, code, message and
 *  stack, never other properties. */
export function createLogsOn(output: LogOutput, options: Pick<LogsOptions, 'level' | 'auditEvents'>): Logs {
  const loggerOf = (kind: LineKind, level: string) =>
    pino(
      {
        level,
        base: { service: 'chromeos-connector-bff' },
        timestamp: isoTime(),
        formatters: { level: (label) => ({ level: label }) },
        serializers,
      } satisfies LoggerOptions,
      { write: (line: string) => output.write(kind, line) },
    );
  const audit = loggerOf('audit', options.auditEvents ? 'info' : 'silent');
  const checkpoints = loggerOf('checkpoint', 'info');
  return {
    log: loggerOf('log', options.level),
    requests: loggerOf('request', options.level),
    auditEvent: (event) => audit.info({ stream: 'audit', event }, 'audit'),
    checkpoint: ({ statement, signature }) =>
      checkpoints.info({ stream: 'audit-checkpoint', statement, signature }, 'checkpoint'),
    output,
  };
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

const serializers = {
  error: errorForLog,
  problem: (problem: unknown) => (typeof problem === 'string' ? withoutSecrets(problem) : problem),
};

/** An error as the log shows it, with its chain of causes. */
function errorForLog(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    type: error.name,
    code,
    message: withoutSecrets(error.message),
    stack: error.stack === undefined ? undefined : withoutSecrets(error.stack),
    cause: error.cause === undefined || depth >= 3 ? undefined : errorForLog(error.cause, depth + 1),
  };
}

/** Removes what V8's JSON parser quotes from a text it could not parse (which may be a file with a secret), and
 *  anything that looks like a token or a key. */
function withoutSecrets(text: string): string {
  return text
    .replace(/Unexpected token .*? is not valid JSON/gs, 'The text is not valid JSON')
    .replace(/\beyJ[\w-]{5,}(\.[\w-]*)*/g, '[redacted]')
    .replace(/-----BEGIN [^-]+-----.*?(-----END [^-]+-----|$)/gs, '[redacted]');
}
