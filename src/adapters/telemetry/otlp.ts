import { diag, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  RandomIdGenerator,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { type Exporting, type SpanOptions, spanKinds, type TracingOptions } from './exporting.ts';

const exportTimeoutMs = 5000;

/** Starts exporting spans to the receiver, in batches. If the receiver is down spans are lost, never a
 *  call: the queue is bounded, and what does not fit is dropped. */
export function startExporting({ endpoint, version, onProblem }: TracingOptions): Exporting {
  const nothing = () => {};
  const say = (message: string) => onProblem(message.slice(0, 200));
  diag.setLogger({ error: say, warn: say, info: nothing, debug: nothing, verbose: nothing });

  const ids = new GivenIds();
  const exporter = new OTLPTraceExporter({
    url: `${endpoint}/v1/traces`,
    timeoutMillis: exportTimeoutMs,
  });
  const provider = new TracerProvider({
    // The caller decides whether its trace is kept.
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    idGenerator: ids,
    resource: resourceFromAttributes({
      'service.name': 'chromeos-connector-bff',
      'service.version': version,
    }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter, scheduledDelayMillis: 1000, exportTimeoutMillis: exportTimeoutMs }),
    ],
  });
  const tracer = provider.getTracer('chromeos-connector-bff', version);

  return {
    startSpan(options) {
      const context =
        options.parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, options.parent);
      const { name, attributes } = options;
      ids.given = options.ids;
      const span = tracer.startSpan(name, { kind: spanKinds[options.kind], attributes }, context);
      ids.given = undefined;
      return span;
    },
    shutdown: () => provider.shutdown(),
  };
}

/** Random ids, unless the span is given its own: a request has its ids before it has a
 *  span, and even if it never gets one. */
class GivenIds extends RandomIdGenerator {
  given: SpanOptions['ids'];

  override generateTraceId(): string {
    return this.given?.traceId ?? super.generateTraceId();
  }

  override generateSpanId(): string {
    return this.given?.spanId ?? super.generateSpanId();
  }
}
