import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import {
  awaitsIntune,
  awaitsPeople,
  isSettled,
  movesFrom,
  type OperationStatus,
  openStatuses,
} from '../../src/core/operation/life.ts';
import type { Operation, OperationChange, StoredOperation } from '../../src/core/operation/operation.ts';
import type { KeptOutcome } from '../../src/core/operation/outcome.ts';
import type { IdempotencyKey, KeyedOperation, NewOperation, Operations } from '../../src/core/ports.ts';

/** An operation and what is kept of it besides. Times are milliseconds of the scene's clock. */
type Row = {
  operation: Operation;
  sentAt: number | null;
  movedAt: number;
  mayBeFiled: boolean;
  leaseUntil: number | null;
  expiresAt: number | null;
  key: IdempotencyKey | null;
  answer: KeptOutcome | null;
  readAt: number | null;
};

type Options = {
  /** The database's clock. */
  readonly clock: () => number;
  /** Where the event of a move goes, together with the move. */
  readonly record: (event: AuditEvent) => void;
};

const nothingConcluded = { graphRequestId: null, value: null, concludedFrom: null, explanation: null };

/** The port `Operations` as src/core/ports.ts describes it, in memory: one process, one thing at a time. Where
 *  it and PostgreSQL differ, test/adapters/database/operations-port.test.ts fails. */
export function createMemoryOperations({ clock, record }: Options) {
  /** Newest last. */
  const rows: Row[] = [];
  const recorded = new Set<string>();
  const switchedOff = new Map<string, string>();

  const iso = (ms: number) => new Date(ms).toISOString();
  const rowOf = (id: string) => rows.find(({ operation }) => operation.id === id);
  const inTenant = (tenantId: string) => rows.filter(({ operation }) => operation.tenantId === tenantId);
  const isOpen = ({ operation }: Row) => openStatuses.includes(operation.status) && !isSettled(operation);
  const because = (tenantId: string) => switchedOff.get(tenantId) ?? null;
  const requireEvent = (event: AuditEvent, id: string) => {
    if (event.operationId !== id) throw new Error('a move of an operation needs its event');
  };
  const commit = (event: AuditEvent) => {
    recorded.add(event.id);
    record(event);
  };

  function stored(row: Row): StoredOperation {
    const { operation, sentAt, movedAt, leaseUntil, expiresAt, mayBeFiled } = row;
    const waits = awaitsPeople(operation) || awaitsIntune(operation);
    const until = operation.status === 'sent' ? leaseUntil : waits ? expiresAt : null;
    return {
      ...operation,
      sinceSentMs: sentAt === null ? null : clock() - sentAt,
      sinceMovedMs: clock() - movedAt,
      mayBeFiled,
      overdue: until !== null && until <= clock(),
    };
  }

  function keyed({ tenantId, oid }: { tenantId: string; oid: string }, key: string): KeyedOperation | null {
    const row = inTenant(tenantId).find((one) => one.operation.requester.oid === oid && one.key?.key === key);
    if (row === undefined || row.key === null) return null;
    return { operation: stored(row), fingerprint: row.key.fingerprint, answer: row.answer };
  }

  function insert({ operation, key, answer, leaseMs, approvalMs }: NewOperation): Row {
    const now = clock();
    const expiresAt = approvalMs === null ? null : now + approvalMs;
    const row: Row = {
      operation: {
        ...operation,
        graphRequestId: null,
        value: null,
        concludedFrom: null,
        explanation: null,
        approval: null,
        intuneApproval: null,
        supersededBy: null,
        requestedAt: iso(now),
        sentAt: leaseMs > 0 ? iso(now) : null,
        movedAt: iso(now),
        expiresAt: expiresAt === null ? null : iso(expiresAt),
        tookMs: null,
      },
      sentAt: leaseMs > 0 ? now : null,
      movedAt: now,
      mayBeFiled: false,
      leaseUntil: leaseMs > 0 ? now + leaseMs : null,
      expiresAt,
      key,
      answer,
      readAt: null,
    };
    rows.push(row);
    return row;
  }

  function change(row: Row, to: OperationStatus, asked: OperationChange): void {
    const { status } = row.operation;
    if (!movesFrom(status).includes(to)) throw new Error(`the table has no move from ${status} to ${to}`);
    const { answer, approval, intuneApproval, ...columns } = asked;
    const said = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== null));
    row.movedAt = clock();
    const movedAt = iso(row.movedAt);
    row.operation = { ...row.operation, ...said, status: to, movedAt };
    if (approval !== undefined) row.operation = { ...row.operation, approval: { ...approval, at: movedAt } };
    if (intuneApproval !== undefined) {
      row.expiresAt = row.movedAt + intuneApproval.expiresInMs;
      row.mayBeFiled = true;
      const expiresAt = iso(row.expiresAt);
      row.operation = {
        ...row.operation,
        intuneApproval: { code: intuneApproval.code, filedAt: movedAt },
        expiresAt,
      };
    }
    if (answer !== undefined) row.answer = answer;
    if (answer === null) row.key = null;
  }

  const operations: Operations = {
    async find(tenantId, id) {
      const row = inTenant(tenantId).find(({ operation }) => operation.id === id);
      return row === undefined ? null : stored(row);
    },
    async list({ tenantId, status, limit, cursor }) {
      const before = inTenant(tenantId).filter(
        ({ operation }) => status === null || operation.status === status,
      );
      const from = cursor === null ? 0 : Number(cursor);
      const page = before.reverse().slice(from, from + limit);
      const nextCursor = before.length > from + limit ? String(from + limit) : null;
      return { operations: page.map(stored), nextCursor };
    },
    async findOpen(tenantId) {
      const row = inTenant(tenantId).find(isOpen);
      return row === undefined ? null : stored(row);
    },
    async loadPreconditions(caller, key) {
      const newest = inTenant(caller.tenantId).at(-1);
      return {
        newest: newest === undefined ? null : stored(newest),
        disabledBecause: because(caller.tenantId),
        earlier: key === null ? null : keyed(caller, key),
      };
    },
    async findByKey(caller, key) {
      return keyed(caller, key);
    },
    async open(opening) {
      const { operation, expectedNewestId, supersededStatus, key } = opening;
      const { id, tenantId, requester, supersedes } = operation;
      requireEvent(opening.event, id);
      const begun = rowOf(id);
      if (begun !== undefined) return stored(begun);
      if ((inTenant(tenantId).at(-1)?.operation.id ?? null) !== expectedNewestId) return 'slot_taken';
      if (because(tenantId) !== null) return 'disabled';
      const superseded =
        supersedes === null ? null : inTenant(tenantId).find((row) => row.operation.id === supersedes);
      if (superseded === undefined) return 'slot_taken';
      if (
        superseded !== null &&
        (superseded.operation.status !== supersededStatus || isSettled(superseded.operation))
      )
        return 'slot_taken';
      if (key !== null && keyed({ tenantId, oid: requester.oid }, key.key) !== null) return 'slot_taken';
      if (inTenant(tenantId).some((row) => isOpen(row) && row !== superseded)) return 'slot_taken';
      if (superseded !== null) superseded.operation = { ...superseded.operation, supersededBy: id };
      const row = insert(opening);
      commit(opening.event);
      return stored(row);
    },
    async move({ operation, to, change: asked, leaseMs, inTime, ends, event }) {
      requireEvent(event, operation.id);
      const row = rowOf(operation.id);
      if (row !== undefined && recorded.has(event.id)) return stored(row);
      if (
        row === undefined ||
        row.operation.status !== operation.status ||
        row.operation.supersededBy !== null
      )
        return 'moved_already';
      const now = clock();
      if (inTime && row.expiresAt !== null && row.expiresAt <= now) return 'too_late';
      if (leaseMs > 0 && because(row.operation.tenantId) !== null) return 'disabled';
      // What is sent anew begins with nothing concluded.
      if (leaseMs > 0) row.operation = { ...row.operation, ...nothingConcluded };
      change(row, to, asked);
      if (leaseMs > 0) {
        row.sentAt = now;
        row.leaseUntil = now + leaseMs;
        row.operation = { ...row.operation, sentAt: iso(now) };
      }
      if (ends) row.operation = { ...row.operation, tookMs: row.sentAt === null ? null : now - row.sentAt };
      commit(event);
      return stored(row);
    },
    async permitSending(id, { neededMs, mayBeFiled }) {
      const row = rowOf(id);
      if (row === undefined || row.operation.status !== 'sent' || row.operation.supersededBy !== null)
        return 'moved_already';
      const now = clock();
      if (row.leaseUntil === null || row.leaseUntil <= now + neededMs) return 'moved_already';
      if (row.expiresAt !== null && row.expiresAt <= now) return 'too_late';
      if (because(row.operation.tenantId) !== null) return 'disabled';
      if (mayBeFiled) row.mayBeFiled = true;
      return 'granted';
    },
    async endUnsent({ operation, to, change: asked, ends, event }) {
      const row = rowOf(operation.id);
      if (row === undefined || recorded.has(event.id)) return;
      const { status, requestId } = row.operation;
      if (status !== operation.status || requestId !== operation.requestId) return;
      requireEvent(event, operation.id);
      change(row, to, asked);
      if (ends)
        row.operation = { ...row.operation, tookMs: row.sentAt === null ? null : clock() - row.sentAt };
      commit(event);
    },
    async claimRead(id, everyMs) {
      const row = rowOf(id);
      if (row === undefined || (row.readAt !== null && row.readAt > clock() - everyMs)) return false;
      row.readAt = clock();
      return true;
    },
    async overdue() {
      return rows
        .filter(isOpen)
        .map(stored)
        .filter(({ overdue }) => overdue);
    },
    async disabledBecause(tenantId) {
      return because(tenantId);
    },
  };

  return {
    operations,
    switchOff: (tenantId: string, reason: string) => switchedOff.set(tenantId, reason),
    switchOn: (tenantId: string) => switchedOff.delete(tenantId),
  };
}
