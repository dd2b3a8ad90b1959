import { AsyncLocalStorage } from 'node:async_hooks';
import type { Attributes, Span } from '@opentelemetry/api';
import { failureOf } from '../../core/failure.ts';
import type { Exporting, TracingOptions } from './exporting.ts';
import type { RequestFacts } from './request-facts.ts';

/** What is known about a request as it comes in. */
type RequestBegun = Pick<RequestFacts, 'requestId' | 'trace' | 'method'>;

const statusError = 2;

const flushMs = 2000;

/** Spans of calls, exported over OTLP. The packages for that are loaded by `start` and not before. Spans
 *  hold ids, results and durations; no tokens, no reasons, no names. */
export class Tracing {
  readonly #options: TracingOptions;
  readonly #current = new AsyncLocalStorage<Span>();
  readonly #requests = new WeakMap<RequestBegun['trace'], Span>();
  #exporting: Exporting | null = null;

  constructor(options: TracingOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { startExporting } = await import('./otlp.ts');
    this.#exporting = startExporting(this.#options);
  }

  /** Exports what is left, within two seconds, and ends. Never rejects. */
  async close(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, flushMs);
    await Promise.race([this.#exporting?.shutdown().catch(() => {}), late.promise]);
    clearTimeout(timer);
  }

  /** Runs the handling of a request inside its server span, which has the ids of the request's trace. */
  withinRequest(begun: RequestBegun, next: () => void): void {
    const { trace, requestId, method } = begun;
    if (this.#exporting === null) {
      next();
      return;
    }
    const { traceId, spanId, parentId, sampled } = trace;
    const span = this.#exporting.startSpan({
      name: method,
      kind: 'server',
      attributes: { 'http.request.method': method, 'client-request-id': requestId },
      parent:
        parentId === null ? null : { traceId, spanId: parentId, traceFlags: sampled ? 1 : 0, isRemote: true },
      ids: { traceId, spanId },
    });
    this.#requests.set(trace, span);
    this.#current.run(span, next);
  }

  /** Ends a request's span with the request's result. */
  endRequest(facts: RequestFacts): void {
    const span = this.#requests.get(facts.trace);
    if (span === undefined) return;
    span.updateName(`${facts.method} ${facts.route}`);
    span.setAttributes({
      'http.route': facts.route,
      'http.response.status_code': facts.status,
      ...(facts.call.operationId !== undefined && { 'operation-id': facts.call.operationId }),
      ...(facts.failure !== null && { 'error.type': facts.failure.reason }),
    });
    if (facts.status >= 500) span.setStatus({ code: statusError });
    span.end();
  }

  /** Runs `work` in a span of its own. Outside of a request there is none: background work and what
   *  outlives its request are not traced. */
  async span<Value>(
    name: string,
    attributes: Attributes,
    work: (span: Span | null) => Promise<Value>,
    kind: 'internal' | 'client' = 'internal',
  ): Promise<Value> {
    const parent = this.#current.getStore();
    if (this.#exporting === null || parent === undefined || !parent.isRecording()) return work(null);
    const span = this.#exporting.startSpan({ name, kind, attributes, parent: parent.spanContext() });
    try {
      return await this.#current.run(span, () => work(span));
    } catch (error) {
      span.setAttribute('error.type', failureOf(error).reason);
      span.setStatus({ code: statusError });
      throw error;
    } finally {
      span.end();
    }
  }
}
