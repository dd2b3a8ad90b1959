import type { AuditEvent } from '../../core/audit/audit-event.ts';
import type { Notification, NotificationType } from '../../core/notification.ts';
import type { Database } from './database.ts';
import { firstRow } from './first-row.ts';
import { type OperationRow, operationFrom } from './operation-row.ts';
import { claimNotifications } from './statements/claim-notifications.ts';
import { notificationsNotQueued } from './statements/notifications-not-queued.ts';
import { pendingNotifications } from './statements/pending-notifications.ts';

/** Which notifications one receiver gets. */
export type Subscription = {
  /** Its key in the database. */
  readonly receiver: string;
  /** `null`: all. */
  readonly types: readonly NotificationType[] | null;
  /** `null`: all. What concerns all tenants is for every receiver. */
  readonly tenants: readonly string[] | null;
};

/** A notification that this process has claimed. */
export type ClaimedNotification = Notification & {
  /** Which try this is, from 1 on. */
  readonly attempt: number;
};

/** How a try went. `refused` is for good. */
export type Attempted =
  | { readonly went: 'delivered' | 'refused' }
  | { readonly went: 'failed'; readonly waitMs: number };

export type DeliveryState = 'delivered' | 'pending' | 'given_up';

/** Notifications to deliver, in PostgreSQL: queued in the transaction that they are about, and handed out to one
 *  replica at a time. All fail with `audit_unavailable`. */
export type NotificationQueue = {
  /** Hands out at most `limit` for `leaseMs` milliseconds; after that they may be handed out again. A receiver gets what
   *  happens from its first claim on, and nothing from before. */
  claim(subscription: Subscription, limit: number, leaseMs: number): Promise<ClaimedNotification[]>;
  /** Returns its state after the try; `null` where another replica has it by now. */
  record(
    receiver: string,
    claimed: Pick<ClaimedNotification, 'id' | 'attempt'>,
    attempted: Attempted,
  ): Promise<DeliveryState | null>;
  /** How many were not delivered or given up yet, and how long ago the oldest was queued. */
  pending(subscription: Subscription): Promise<{ number: number; oldestSeconds: number }>;
  /** How many could not be queued, ever, in this database. */
  notQueued(): Promise<number>;
  /** Forgets what is older than two days, and receivers that have not been among `receivers` for as long. */
  prune(receivers: readonly string[]): Promise<void>;
  /** Queues that a chain contradicts what was signed of it: once in two days for the same reason. */
  reportContradiction(found: { chain: string; reason: string; message: string }): Promise<void>;
};

type ClaimedRow = {
  notification_id: string;
  type: NotificationType;
  told_tenant: string;
  detail: Record<string, unknown> | null;
  queued_at: Date;
  attempts: number;
  record: AuditEvent | null;
} & (OperationRow | { id: null });

export function createNotificationQueue(database: Database): NotificationQueue {
  return {
    async claim({ receiver, types, tenants }, limit, leaseMs) {
      const rows = await database.query<ClaimedRow>(claimNotifications, [
        receiver,
        types,
        tenants,
        limit,
        leaseMs,
      ]);
      return rows.map(claimedFrom);
    },

    async record(receiver, { id, attempt }, attempted) {
      const waitMs = attempted.went === 'failed' ? attempted.waitMs : 0;
      const rows = await database.query<{ state: DeliveryState | null }>(
        'select record_delivery($1, $2, $3, $4, $5) as state',
        [id, receiver, attempt, attempted.went, waitMs],
      );
      return firstRow(rows).state;
    },

    async pending({ receiver, types, tenants }) {
      const rows = await database.query<{ number: number; oldest_seconds: number }>(pendingNotifications, [
        receiver,
        types,
        tenants,
      ]);
      const { number, oldest_seconds: oldestSeconds } = firstRow(rows);
      return { number, oldestSeconds };
    },

    async notQueued() {
      return Number(firstRow(await database.query<{ number: string }>(notificationsNotQueued)).number);
    },

    async prune(receivers) {
      await database.query('select prune_notifications($1)', [receivers]);
    },

    async reportContradiction({ chain, reason, message }) {
      await database.query('select report_contradiction($1, $2, $3)', [chain, reason, message]);
    },
  };
}

function claimedFrom(row: ClaimedRow): ClaimedNotification {
  return {
    id: row.notification_id,
    type: row.type,
    tenantId: row.told_tenant === '*' ? null : row.told_tenant,
    queuedAt: row.queued_at.toISOString(),
    event: row.record,
    operation: row.id === null ? null : operationFrom(row),
    detail: row.detail ?? {},
    attempt: row.attempts,
  };
}
