import type { Logger } from 'pino';
import type { NotificationQueue } from '../adapters/database/notification-queue.ts';
import { deliverDue, type Tried } from '../adapters/notifications/delivery.ts';
import { type Receiver, receiversFrom } from '../adapters/notifications/receiver.ts';
import { createHttpClient } from '../adapters/outbound/http-client.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { showPendingNotifications } from '../adapters/telemetry/notification-metrics.ts';
import type { Check } from '../http/management-app.ts';
import { isReceiverUrl } from '../settings/notification-settings.ts';
import type { Settings } from '../settings/settings.ts';
import { endsWithin, repeat } from './background.ts';

/** How often a replica looks for notifications to deliver, in milliseconds. */
const pollMs = 1000;
/** Standard Webhooks: between 15 and 30 s. */
const timeoutMs = 15_000;
const pruneMs = 3_600_000;
/** How long deliveries under way may take when the process is to end, in milliseconds. */
const graceMs = 1000;

/** The part of the wiring that notifies receivers. It has connections of its own: a slow receiver delays no call to
 *  Entra ID or Graph, and no other receiver. */
export function composeNotifications(
  settings: Settings,
  queue: NotificationQueue,
  metrics: Metrics,
  log: Logger,
) {
  const { webhooks, portalUrl } = settings.notifications;
  const http = createHttpClient(settings.proxy);
  const receivers = receiversFrom(webhooks, isReceiverUrl, (receiver, problem) =>
    log.warn({ receiver, problem }, 'a file of a receiver of notifications is not usable'),
  );
  let stopping = false;
  const report = reportTries(metrics, log);
  // A request that we end ourselves says nothing about its receiver.
  const onTried = (tried: Tried) => {
    if (!stopping || tried.went === 'delivered') report(tried);
  };
  for (const receiver of receivers) metrics.notificationsGivenUp.inc({ receiver: receiver.label() }, 0);

  const delivery = {
    queue,
    http,
    message: { keepNames: settings.audit.keepNames, portalUrl },
    timeoutMs,
    clock: Date.now,
    random: Math.random,
    onTried,
  };
  const delivering = receivers.map((receiver) =>
    repeat(pollMs, () => deliverDue({ ...delivery, receiver }, () => stopping), log),
  );
  const vitalSignsMs = settings.database.vitalSignsMs;
  const watching = repeat(vitalSignsMs, () => showPending(queue, receivers, metrics), log);
  const subscribed = receivers.map(({ subscription }) => subscription.receiver);
  const pruning = repeat(pruneMs, () => queue.prune(subscribed), log);
  const work = [...delivering, pruning, ...(receivers.length > 0 ? [watching] : [])];

  return {
    checks: (): Check[] =>
      receivers.length === 0
        ? []
        : [checkOf(receivers.map((receiver) => receiver.problem()).filter((problem) => problem !== null))],
    start: () => {
      for (const each of work) each.start();
    },
    /** Begins no more deliveries, gives those under way a moment, and ends them: another replica delivers them, or the
     *  next process. */
    async stop() {
      stopping = true;
      const ended = Promise.all(work.map((each) => each.stop()));
      await endsWithin(graceMs, ended);
      await http.destroy();
      await ended;
    },
  };
}

function checkOf(problems: readonly string[]): Check {
  const name = 'notifications';
  return problems.length === 0 ? { name } : { name, warning: problems.join('; ') };
}

/** Where the database does not answer, the gauges are absent; others log that. */
async function showPending(
  queue: NotificationQueue,
  receivers: readonly Receiver[],
  metrics: Metrics,
): Promise<void> {
  try {
    const pending = receivers.map(async (receiver) => ({
      label: receiver.label(),
      ...(await queue.pending(receiver.subscription)),
    }));
    showPendingNotifications(metrics, {
      receivers: await Promise.all(pending),
      notQueued: await queue.notQueued(),
    });
  } catch (error) {
    showPendingNotifications(metrics, null);
    throw error;
  }
}

/** Counts every try, and logs changes: a receiver begins to fail, works again, or a notification is given up. */
function reportTries(metrics: Metrics, log: Logger): (tried: Tried) => void {
  const failing = new Set<Receiver>();
  return ({ receiver, notification: { id, type, attempt }, went, why, state }) => {
    const label = receiver.label();
    metrics.notificationTries.inc({ receiver: label, result: went });
    if (went !== 'delivered' && !failing.has(receiver)) {
      failing.add(receiver);
      log.warn({ receiver: label, why }, 'a receiver of notifications fails; it is tried again for a day');
    }
    if (went === 'delivered' && failing.delete(receiver)) {
      log.info({ receiver: label }, 'a receiver of notifications works again');
    }
    if (state !== 'given_up') return;
    metrics.notificationsGivenUp.inc({ receiver: label });
    log.error({ receiver: label, notification: id, type, attempt, why }, 'a notification was given up');
  };
}
