import type {
  AuditTrail,
  Connector,
  GraphCall,
  Identity,
  Operations,
  RecordedReads,
} from '../../core/ports.ts';
import type { HttpClient } from '../outbound/http-client.ts';
import type { Tracing } from './tracing.ts';

/** An Identity with a span for each validation and each exchange. */
export function traceIdentity(identity: Identity, tracing: Tracing): Identity {
  return {
    authenticate: (authorization, deadline) =>
      tracing.span('validate token', {}, () => identity.authenticate(authorization, deadline)),
    exchangeUncached: (signedIn, call) =>
      tracing.span('exchange token', { cache: 'bypassed' }, () => identity.exchangeUncached(signedIn, call)),
    exchangeForRead: (signedIn, call) =>
      tracing.span('exchange token', { cache: 'used' }, () => identity.exchangeForRead(signedIn, call)),
  };
}

/** A Connector with a span for each call. */
export function traceConnector(connector: Connector, tracing: Tracing): Connector {
  const spanOf = <Answer>(name: string, { requestId }: GraphCall, work: () => Promise<Answer>) =>
    tracing.span(name, { 'client-request-id': requestId }, work);
  return {
    disconnect: (call) => spanOf('graph disconnect', call, () => connector.disconnect(call)),
    list: (call) => spanOf('graph list', call, () => connector.list(call)),
    approvalRequest: (call) => spanOf('graph approval request', call, () => connector.approvalRequest(call)),
  };
}

/** An AuditTrail with a span for each write. */
export function traceAuditTrail(audit: AuditTrail, tracing: Tracing): AuditTrail {
  return {
    ...audit,
    append: (event) =>
      tracing.span('audit append', { 'audit.event': event.event }, () => audit.append(event)),
  };
}

/** Operations with a span for what is written: each is a move together with its audit event. */
export function traceOperations(operations: Operations, tracing: Tracing): Operations {
  return {
    ...operations,
    open: (opening) =>
      tracing.span(
        'operation open',
        { 'operation-id': opening.operation.id, 'audit.event': opening.event.event },
        () => operations.open(opening),
      ),
    move: (move) =>
      tracing.span(
        `operation move to ${move.to}`,
        { 'operation-id': move.operation.id, 'audit.event': move.event.event },
        () => operations.move(move),
      ),
    permitSending: (id, sending) =>
      tracing.span('operation permit sending', { 'operation-id': id }, () =>
        operations.permitSending(id, sending),
      ),
  };
}

/** The record of reads, with a span for each write. */
export function traceReads(reads: RecordedReads, tracing: Tracing): RecordedReads {
  return {
    append: (event) =>
      tracing.span('audit append', { 'audit.event': event.event }, () => reads.append(event)),
  };
}

/** An HttpClient whose requests each have a client span and carry the trace (W3C Trace Context). */
export function traceHttpClient(http: HttpClient, tracing: Tracing): HttpClient {
  return {
    ...http,
    send(request) {
      const { method, headers } = request;
      const { hostname, port, pathname } = new URL(request.url);
      const requestId = headers['client-request-id'];
      const attributes = {
        'http.request.method': method,
        'server.address': hostname,
        ...(port !== '' && { 'server.port': Number(port) }),
        'url.path': pathname,
        ...(requestId !== undefined && { 'client-request-id': requestId }),
      };
      return tracing.span(
        `${method} ${hostname}`,
        attributes,
        async (span) => {
          if (span === null) return http.send(request);
          const { traceId, spanId, traceFlags } = span.spanContext();
          const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
          const answer = await http.send({ ...request, headers: { ...headers, traceparent } });
          span.setAttribute('http.response.status_code', answer.status);
          return answer;
        },
        'client',
      );
    },
  };
}
