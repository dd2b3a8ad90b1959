import { Counter, Gauge, type Registry } from 'prom-client';
import { prefix } from './metric-prefix.ts';

/** Metrics of notifications. A receiver's label is its place in the settings and its host. */
export function createNotificationMetrics(registers: Registry[]) {
  const metrics = {
    notificationTries: new Counter({
      name: `${prefix}notification_tries_total`,
      help: 'Tries to tell a receiver of a notification, by how they went.',
      labelNames: ['receiver', 'result'] as const,
      registers,
    }),
    notificationsGivenUp: new Counter({
      name: `${prefix}notifications_given_up_total`,
      help: 'Notifications that a receiver was not told: it refused them for good, or failed for a day.',
      labelNames: ['receiver'] as const,
      registers,
    }),
    notificationsPending: new Gauge({
      name: `${prefix}notifications_pending`,
      help: 'Notifications that a receiver is still to be told; absent while the database is down.',
      labelNames: ['receiver'] as const,
      registers,
    }),
    notificationsOldestPending: new Gauge({
      name: `${prefix}notifications_oldest_pending_seconds`,
      help: 'How long the oldest notification waits that a receiver is still to be told; absent while the database is down.',
      labelNames: ['receiver'] as const,
      registers,
    }),
    notificationsNotQueued: new Counter({
      name: `${prefix}notifications_not_queued_total`,
      help: 'Notifications that could not be queued with what they were to tell, in all replicas and ever.',
      registers,
    }),
  };
  // It is counted elsewhere: from nothing to what is there already must not look like news.
  metrics.notificationsNotQueued.remove();
  return metrics;
}

export type PendingNotifications = {
  readonly receivers: readonly {
    readonly label: string;
    readonly number: number;
    readonly oldestSeconds: number;
  }[];
  readonly notQueued: number;
};

/** Shows what the queue held when it was last read; `null`: it could not be read. */
export function showPendingNotifications(
  metrics: ReturnType<typeof createNotificationMetrics>,
  pending: PendingNotifications | null,
): void {
  metrics.notificationsPending.reset();
  metrics.notificationsOldestPending.reset();
  if (pending === null) return;
  for (const { label: receiver, number, oldestSeconds } of pending.receivers) {
    metrics.notificationsPending.set({ receiver }, number);
    metrics.notificationsOldestPending.set({ receiver }, oldestSeconds);
  }
  metrics.notificationsNotQueued.reset();
  metrics.notificationsNotQueued.inc(pending.notQueued);
}
