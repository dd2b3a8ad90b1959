import type { ApiClient, Call } from './client.ts';
import { retryAfterOf } from './failures.ts';
import type {
  AuditActors,
  AuditPage,
  AwaitingApproval,
  ChainStatus,
  Connection,
  ConnectionList,
  Disconnected,
  DryRun,
  Operation,
  OperationNow,
  OperationPage,
  OperationStatus,
  Profile,
} from './types.ts';

/** The connection, and the version of it that was seen; `null` where there is none. */
export type ConnectionSeen = { readonly connection: Connection | null; readonly etag: string | null };

/** What a disconnect is asked with. */
export type DisconnectCall = {
  /** The same in every repetition, so that it is done once. */
  readonly key: string;
  /** The version of the connection that the person looked at. */
  readonly etag: string | null;
  readonly reason: string;
  readonly ticket: string;
  readonly supersedes: string | null;
};

export type AuditFilters = {
  readonly from: string | null;
  readonly to: string | null;
  readonly actor: string | null;
  readonly event: string | null;
  readonly operationId: string | null;
  /** `false`: without the events that only read. */
  readonly reads: 'false' | null;
};

export type ExportFormat = 'ndjson' | 'ocsf';

const connectionPath = '/api/v1/deviceManagement/chromeOSOnboardingSettings';

// The service takes 30 s to send and retry, and reads back what it cannot tell.
const actTimeoutMs = 90_000;
const exportTimeoutMs = 30 * 60_000;

/** The API, call by call. */
export class Api {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  async me(): Promise<Profile> {
    return this.#read({ method: 'GET', path: '/api/v1/me' });
  }

  async connection(): Promise<ConnectionSeen> {
    const answer = await this.#client.call({ method: 'GET', path: connectionPath });
    const { value }: ConnectionList = await bodyOf(answer);
    return { connection: value[0] ?? null, etag: answer.headers.get('etag') };
  }

  async dryRun(asked: DisconnectCall): Promise<DryRun> {
    return this.#read(disconnectCall(asked, '?dryRun=true'));
  }

  async disconnect(asked: DisconnectCall): Promise<Disconnected | AwaitingApproval> {
    return this.#read({ ...disconnectCall(asked), timeoutMs: actTimeoutMs });
  }

  async operations(
    status: OperationStatus | null,
    cursor: string | null,
    limit = 25,
  ): Promise<OperationPage> {
    const query = queryOf({ status, cursor, limit: String(limit) });
    return this.#read({ method: 'GET', path: `/api/v1/operations${query}` });
  }

  /** With `waitSeconds` the answer comes when the status changes, or when that time is up. */
  async operation(
    id: string,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<{ operation: OperationNow; etag: string | null; retryAfter: number | null }> {
    const answer = await this.#client.call({
      method: 'GET',
      path: operationPath(id),
      ...(waitSeconds > 0 && { headers: { prefer: `wait=${waitSeconds}` } }),
      signal,
      timeoutMs: (waitSeconds + 30) * 1000,
    });
    return {
      operation: await bodyOf(answer),
      etag: answer.headers.get('etag'),
      retryAfter: retryAfterOf(answer.headers.get('retry-after'), Date.now()),
    };
  }

  /** `etag` is that of the operation as the person saw it. */
  async decide(
    id: string,
    decision: 'approve' | 'reject' | 'withdraw',
    { reason, etag }: { readonly reason: string; readonly etag: string | null },
  ): Promise<Operation> {
    const path = `${operationPath(id)}/${decision}`;
    const headers = etag === null ? {} : { 'if-match': etag };
    return this.#read({ method: 'POST', path, headers, body: { reason } });
  }

  async execute(id: string, etag: string | null): Promise<Disconnected> {
    return this.#read({
      method: 'POST',
      path: `${operationPath(id)}/execute`,
      ...(etag !== null && { headers: { 'if-match': etag } }),
      timeoutMs: actTimeoutMs,
    });
  }

  async auditEvents(filters: AuditFilters, cursor: string | null, limit: number): Promise<AuditPage> {
    const query = queryOf({ ...filters, cursor, limit: String(limit) });
    return this.#read({ method: 'GET', path: `/api/v1/audit/events${query}` });
  }

  /** Who is on the trail and has that in their name. */
  async auditActors(name: string): Promise<AuditActors> {
    return this.#read({ method: 'GET', path: `/api/v1/audit/actors${queryOf({ name })}` });
  }

  async chainStatus(): Promise<ChainStatus> {
    return this.#read({ method: 'GET', path: '/api/v1/audit/verification' });
  }

  /** The body is to be read as a stream: a trail may be long. */
  async auditExport(filters: AuditFilters, format: ExportFormat, signal?: AbortSignal): Promise<Response> {
    const path = `/api/v1/audit/export${queryOf({ ...filters, format })}`;
    return this.#client.call({ method: 'GET', path, timeoutMs: exportTimeoutMs, ...(signal && { signal }) });
  }

  async #read<Body>(call: Call): Promise<Body> {
    return bodyOf(await this.#client.call(call));
  }
}

/** What the service answers is what its document says: its tests hold every answer against it. */
async function bodyOf<Body>(answer: Response): Promise<Body> {
  return (await answer.json()) as Body;
}

function disconnectCall(asked: DisconnectCall, query = '') {
  const { key, etag, reason, ticket, supersedes } = asked;
  return {
    method: 'POST',
    path: `${connectionPath}/disconnect${query}`,
    headers: { 'idempotency-key': key, ...(etag !== null && { 'if-match': etag }) },
    body: {
      ...(reason !== '' && { reason }),
      ...(ticket !== '' && { ticket }),
      ...(supersedes !== null && { supersedes }),
    },
  } as const;
}

function operationPath(id: string): string {
  return `/api/v1/operations/${encodeURIComponent(id)}`;
}

function queryOf(parameters: Readonly<Record<string, string | null>>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== null);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
