import type { AccessRules } from '../../src/core/access.ts';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import type { Caller } from '../../src/core/caller.ts';
import { type Deadline, deadlineAt } from '../../src/core/deadline.ts';
import type { Dependencies, Timing } from '../../src/core/dependencies.ts';
import { CallFailed, type Failure, type GraphTrace } from '../../src/core/failure.ts';
import type { Call, CallAnnotations } from '../../src/core/frame.ts';
import type { ConnectionState } from '../../src/core/operation/connection.ts';
import type { StoredOperation } from '../../src/core/operation/operation.ts';
import type { Policy } from '../../src/core/operation/policy.ts';
import type { DisconnectRequest } from '../../src/core/operation/slot.ts';
import type {
  BacklogEntry,
  Connector,
  DisconnectAnswer,
  GraphAct,
  GraphCall,
  Identity,
} from '../../src/core/ports.ts';
import { Secret } from '../../src/core/secret.ts';
import { createMemoryOperations } from './memory-operations.ts';

export const tenantId = 'contoso';

export const timing: Timing = {
  graphTimeoutMs: 10_000,
  recordMs: 3000,
  answerMs: 50_000,
  leaseMs: 60_000,
  settleAfterMs: 900_000,
  approvalMs: 3_600_000,
  watchEveryMs: 5000,
};

export const noPolicy: Policy = {
  reasonRequired: false,
  ticketRequired: false,
  ticketPattern: null,
  stepUp: null,
  approvalRequired: false,
  idempotencyKeyRequired: false,
  ifMatchRequired: false,
  intuneApproval: 'auto',
};

const roleNames = { read: 'Read', disconnect: 'Disconnect', approve: 'Approve', audit: 'Audit' };
const access: AccessRules = {
  requiredScope: 'access',
  allowedClientIds: new Set(['portal']),
  guestsAllowed: false,
  agentsAllowed: false,
  roleNames,
};

/** A person who may do everything, unless said. */
export function person(oid: string, but: Partial<Caller> = {}): Caller {
  return {
    oid,
    tenantId,
    name: `${oid}@contoso.example`,
    clientId: 'portal',
    kind: 'user',
    guest: false,
    scopes: ['access'],
    roles: Object.values(roleNames),
    authenticationContexts: [],
    ...but,
  };
}

export const connected: ConnectionState = {
  id: 'connection-1',
  owner: 'owner@contoso.example',
  status: 'onboarded',
  lastModified: null,
  lastDirectorySync: null,
};

export const trace = (requestId: string | null = 'graph-1'): GraphTrace => ({
  status: 200,
  code: null,
  requestId,
  date: null,
});

/** A request that demands nothing besides. */
export const plainRequest: DisconnectRequest = {
  reason: null,
  ticket: null,
  supersedes: null,
  idempotency: null,
  ifMatch: null,
};

export const withKey = (key: string, fingerprint = 'the same'): DisconnectRequest => ({
  ...plainRequest,
  idempotency: { key, fingerprint },
});

type CallOptions = { calledOff?: () => Failure | null; deadline?: Deadline; enforceRateLimit?: () => void };
export type TestCall = Call & { readonly annotations: CallAnnotations };

type Interruption = () => unknown;

/** The core with its ports replaced: a clock that only moves when it is told to, a Graph that answers as it is
 *  told, operations and a trail in memory. Whatever a port is asked is in `asked`, in order. */
export function coreScene() {
  let now = Date.parse('2026-01-01T00:00:00.000Z');
  let ids = 0;
  let policy = noPolicy;
  let stopping = false;
  let keepNames = true;
  const asked: string[] = [];
  const trail: AuditEvent[] = [];
  const rejectedSignIns: AuditEvent[] = [];
  const pauses: number[] = [];
  const backlog: { entry: BacklogEntry; write: () => Promise<unknown> }[] = [];
  const interruptions = {
    before: new Map<string, Interruption[]>(),
    after: new Map<string, Interruption[]>(),
  };
  const newId = () => {
    ids += 1;
    return `id-${ids}`;
  };
  const memory = createMemoryOperations({ clock: () => now, record: (event) => trail.push(event) });

  /** The port with every question noted, and open to what a test does before or after one. */
  function watched<Port extends object>(port: Port): Port {
    const entries = Object.entries(port).map(([name, method]) => [
      name,
      async (...values: unknown[]) => {
        asked.push(name);
        await interruptions.before.get(name)?.shift()?.();
        const answer = await method(...values);
        await interruptions.after.get(name)?.shift()?.();
        return answer;
      },
    ]);
    return Object.fromEntries(entries) as Port;
  }
  const interrupt = (when: 'before' | 'after') => (name: string, what: Interruption) => {
    const waiting = interruptions[when].get(name) ?? [];
    interruptions[when].set(name, [...waiting, what]);
  };

  const people = new Map([
    ['admin', person('admin')],
    ['second', person('second')],
  ]);
  const identity: Identity = {
    async authenticate([authorization]) {
      const caller = people.get(authorization ?? '');
      if (caller === undefined)
        throw new CallFailed({ reason: 'token_invalid', cause: 'nobody we know', tenantId: null });
      const assertion = new Secret(`assertion of ${caller.oid}`);
      return { caller, assertion, fingerprint: caller.oid, expiresAt: now + 3_600_000 };
    },
    exchangeUncached: async ({ caller }) => new Secret(`token of ${caller.oid}`),
    exchangeForRead: async ({ caller }) => new Secret(`token of ${caller.oid}`),
  };

  const graph = {
    /** What Graph shows. */
    members: [connected] as ConnectionState[],
    /** The requests it was sent to disconnect. */
    acts: [] as GraphAct[],
    lists: [] as GraphCall[],
    /** How it answers them, one after another; what is left out is accepted. */
    /** What Intune says of the requests it filed, by code. */
    approvals: new Map<string, string>(),
    /** What it was asked about them. */
    approvalReads: [] as (GraphCall & { readonly code: string })[],
    answers: [] as (() => DisconnectAnswer | Promise<DisconnectAnswer>)[],
  };
  const connector: Connector = {
    async disconnect(act) {
      await act.permit();
      graph.acts.push(act);
      const answer = graph.answers.shift() ?? (() => ({ value: 'inprogress', graph: trace() }));
      return answer();
    },
    async list(call) {
      graph.lists.push(call);
      const members = [...graph.members];
      return { value: members, seen: { members, etag: etagOf(members) }, graph: trace('graph-list') };
    },
    async approvalRequest(call) {
      graph.approvalReads.push(call);
      return graph.approvals.get(call.code) ?? null;
    },
  };

  const operations = watched(memory.operations);
  const dependencies: Dependencies = {
    access,
    identity: watched(identity),
    connector: watched(connector),
    audit: {
      ...watched({
        async append(event: AuditEvent) {
          trail.push(event);
        },
        find: async () => ({ events: [...trail].reverse(), nextCursor: null }),
        findActors: async () => ({ actors: [], complete: true }),
        status: async (chain: string) => ({
          chain,
          length: trail.length,
          removedTo: null,
          lastCheckpoint: null,
          firstSigned: null,
          status: 'none' as const,
        }),
      }),
      async *export() {
        yield { type: 'end' as const, number: trail.length, link: '' };
      },
    },
    reads: watched({
      async append(event: AuditEvent) {
        trail.push(event);
        return memory.operations.findOpen(event.tenantId);
      },
    }),
    rejectedSignIn: (event) => rejectedSignIns.push(event),
    get keepNames() {
      return keepNames;
    },
    operations,
    backlog: { add: (entry, write) => backlog.push({ entry, write }) },
    policyOf: () => policy,
    timing,
    async pause(ms) {
      pauses.push(ms);
      now += ms;
      await interruptions.before.get('pause')?.shift()?.();
    },
    stopping: () => stopping,
    random: () => 0,
    clock: () => now,
    monotonic: () => now,
    newId,
  };

  return {
    dependencies,
    operations: memory.operations,
    graph,
    people,
    asked,
    trail,
    rejectedSignIns,
    pauses,
    backlog,
    /** Does something once, just before or just after a port is asked; what it throws, the port fails with. */
    before: interrupt('before'),
    after: interrupt('after'),
    switchOff: memory.switchOff,
    switchOn: memory.switchOn,
    now: () => now,
    advance(ms: number) {
      now += ms;
    },
    demand(demanded: Partial<Policy>) {
      policy = { ...noPolicy, ...demanded };
    },
    stop() {
      stopping = true;
    },
    dropNames() {
      keepNames = false;
    },
    call(name = 'admin', { calledOff, deadline, enforceRateLimit }: CallOptions = {}): TestCall {
      const annotations: CallAnnotations = {};
      return {
        annotations,
        authorization: [name],
        requestId: newId(),
        address: '192.0.2.1',
        deadline: deadline ?? deadlineAt(now + timing.answerMs, () => now),
        calledOff: calledOff ?? (() => null),
        enforceRateLimit: enforceRateLimit ?? (() => {}),
        annotate: (said) => Object.assign(annotations, said),
      };
    },
    /** The operation that began last, as it is now. */
    async newest(): Promise<StoredOperation> {
      const { newest } = await memory.operations.loadPreconditions(person('anyone'), null);
      if (newest === null) throw new Error('there is no operation');
      return newest;
    },
    /** What is on record, shortly. */
    story: () =>
      trail.map(({ event, move, failure }) =>
        [event, move === null ? null : `${move.from ?? 'start'} → ${move.to}`, failure]
          .filter((word) => word !== null)
          .join(' '),
      ),
  };
}

export type CoreScene = ReturnType<typeof coreScene>;

export const etagOf = (members: readonly ConnectionState[]) => `"${JSON.stringify(members)}"`;

/** Why a call is called off whose caller has gone away. */
export const callerGone: Failure = { reason: 'caller_gone' };

/** Throws the failure, where a port's method is expected. */
export const fails = (failure: Failure) => () => {
  throw new CallFailed(failure);
};

/** A defect of ours, where a port's method is expected. */
export const breaks = () => {
  throw new TypeError('a defect');
};

export const recordDown: Failure = { reason: 'audit_unavailable', cause: 'down', recorded: 'unknown' };

/** The failure that a call ends with. */
export async function failureFrom(call: Promise<unknown>): Promise<Failure> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CallFailed) return error.failure;
    return { reason: 'internal', cause: String(error) };
  }
  throw new Error('it did not fail');
}

/** What Graph shows from now on for the connection there is. */
export const show = (core: CoreScene, status: string) => {
  core.graph.members = [{ ...connected, status }];
};
