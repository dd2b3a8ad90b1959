import type { Attributes, Span, SpanContext } from '@opentelemetry/api';

export type TracingOptions = {
  /** Of an OTLP receiver over HTTP; spans go to `{endpoint}/v1/traces`. */
  readonly endpoint: string;
  readonly version: string;
  /** Called when spans could not be exported. */
  readonly onProblem: (message: string) => void;
};

/** What a span is made of. `ids` are those it must have; without them they are random. */
export type SpanOptions = {
  readonly name: string;
  readonly kind: keyof typeof spanKinds;
  readonly attributes: Attributes;
  readonly parent: SpanContext | null;
  readonly ids?: { readonly traceId: string; readonly spanId: string };
};

/** What `otlp.ts` makes. */
export type Exporting = {
  readonly startSpan: (options: SpanOptions) => Span;
  readonly shutdown: () => Promise<void>;
};

/** The values of OpenTelemetry's enums: to import those would load the package. */
export const spanKinds = { internal: 0, server: 1, client: 2 } as const;
