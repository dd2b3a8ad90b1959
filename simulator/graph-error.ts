import { randomUUID } from 'node:crypto';
import { jsonReply, type Reply } from './reply.ts';

export type GraphErrorShape = { status: number; code: string; message?: string; intuneNested?: boolean };

/** The ids Graph puts on one answer. */
export type GraphTrace = { requestId: string; clientRequestId: string; now: number };

export function graphTraceOf(headers: Record<string, string>, now: number): GraphTrace {
  const requestId = randomUUID();
  return { requestId, clientRequestId: headers['client-request-id'] ?? requestId, now };
}

export function graphHeaders(trace: GraphTrace): Record<string, string> {
  return {
    'cache-control': 'no-cache',
    date: new Date(trace.now).toUTCString(),
    'request-id': trace.requestId,
    'client-request-id': trace.clientRequestId,
    'x-ms-ags-diagnostic': JSON.stringify({
      ServerInfo: {
        DataCenter: 'Simulated Europe',
        Slice: 'E',
        Ring: '0',
        ScaleUnit: '001',
        RoleInstance: 'SIM00000001',
      },
    }),
  };
}

/** Graph's error body; with `intuneNested` the message is the JSON string Intune puts there. */
export function graphErrorReply(shape: GraphErrorShape, trace: GraphTrace): Reply {
  const message = shape.message ?? `Simulated ${shape.code}.`;
  const date = new Date(trace.now).toISOString().slice(0, 19);
  return jsonReply(
    shape.status,
    {
      error: {
        code: shape.code,
        message: shape.intuneNested ? nest(message) : message,
        innerError: { date, 'request-id': trace.requestId, 'client-request-id': trace.clientRequestId },
      },
    },
    graphHeaders(trace),
  );
}

function nest(message: string): string {
  return JSON.stringify({
    _version: 3,
    Message: `${message} - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: ${randomUUID()} - Url: https://fef.simulated.manage.microsoft.com/ChromeSync/StatelessChromeSyncFEService/deviceManagement/chromeOSOnboardingSettings?api-version=5021-01-01`,
    CustomApiErrorPhrase: '',
    RetryAfter: null,
    ErrorSourceService: '',
    HttpHeaders: '{}',
  });
}

/** The code Graph usually sends with a status. */
export function codeForStatus(status: number): string {
  const codes: Record<number, string> = {
    400: 'BadRequest',
    401: 'InvalidAuthenticationToken',
    403: 'Forbidden',
    404: 'ResourceNotFound',
    405: 'MethodNotAllowed',
    409: 'Conflict',
    422: 'UnprocessableEntity',
    429: 'TooManyRequests',
    500: 'InternalServerError',
    501: 'NotImplemented',
    502: 'BadGateway',
    503: 'ServiceUnavailable',
    504: 'GatewayTimeout',
  };
  return codes[status] ?? 'UnknownError';
}
