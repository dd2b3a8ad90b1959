import type { Tracing } from '../adapters/telemetry/tracing.ts';

/** A port with its spans. */
export type Traced = <Port>(port: Port, trace: (port: Port, tracing: Tracing) => Port) => Port;

/** Without a receiver for spans nothing is wrapped. */
export function tracedBy(tracing: Tracing | null): Traced {
  return (port, trace) => (tracing === null ? port : trace(port, tracing));
}
