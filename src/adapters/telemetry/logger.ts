import { type DestinationStream, type Logger, pino } from 'pino';

/** JSON lines on stdout. Only named, allowed fields are ever logged: errors by type, code, message and
 *  stack, never by what hangs on them. */
export function createLogger(options: { level: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      level: options.level,
      base: { service: 'chromeos-connector-bff' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: errorForLog },
    },
    options.destination ?? pino.destination({ sync: true }),
  );
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
