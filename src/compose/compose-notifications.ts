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

/** How often a replica looks for what a receiver is to be told, in milliseconds. */
const pollMs = 1000;
/** Standard Webhooks: between 15 and 30 s. */
const timeoutMs = 15_000;
const pruneMs = 3_600_000;
/** What is under way when the process is to end has so long. */
const graceMs = 1000;

/** The part of the wiring that tells receivers what happens. It has connections of its own: however slow a receiver
 *  is, it holds up no call to Entra ID or Graph, and no other receiver. */
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
  const tell = tellOfTries(metrics, log);
  // A request that we end ourselves says nothing about its receiver.
  const onTried = (tried: Tried) => {
    if (!stopping || tried.went === 'delivered') tell(tried);
  };
  for (const receiver of receivers) metrics.notificationsGivenUp.inc({ receiver: receiver.label() }, 0);

  const delivering = receivers.map((receiver) =>
    repeat(pollMs, () =>
      deliverDue(
        {
          queue,
          receiver,
          http,
          message: { keepNames: settings.audit.keepNames, portalUrl },
          timeoutMs,
          clock: Date.now,
          random: Math.random,
          onTried,
        },
        () => stopping,
      ),
    ),
  );
  // A database that does not answer is told by others.
  const watching = repeat(settings.database.vitalSignsMs, () => look(queue, receivers, metrics));
  const pruning = repeat(pruneMs, () =>
    queue.prune(receivers.map(({ subscription }) => subscription.receiver)),
  );
  const work = [...delivering, pruning, ...(receivers.length > 0 ? [watching] : [])];

  return {
    checks: (): Check[] =>
      receivers.length === 0
        ? []
        : [checkOf(receivers.map((receiver) => receiver.problem()).filter((problem) => problem !== null))],
    start: () => {
      for (const each of work) each.start();
    },
    /** Begins nothing more, gives what is under way a moment, and ends it: another replica tells it, or the next
     *  process. */
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

async function look(
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
  } catch {
    showPendingNotifications(metrics, null);
  }
}

/** Counts every try. In the log is what changes: a receiver that begins to fail or is well again, and what it was not
 *  told in the end. */
function tellOfTries(metrics: Metrics, log: Logger): (tried: Tried) => void {
  const failing = new Set<Receiver>();
  return ({ receiver, notification: { id, type, attempt }, went, why, state }) => {
    const label = receiver.label();
    metrics.notificationTries.inc({ receiver: label, result: went });
    if (went !== 'delivered' && !failing.has(receiver)) {
      failing.add(receiver);
      log.warn({ receiver: label, why }, 'a receiver of notifications fails; it is tried again for a day');
    }
    if (went === 'delivered' && failing.delete(receiver)) {
      log.info({ receiver: label }, 'a receiver of notifications is well again');
    }
    if (state !== 'given_up') return;
    metrics.notificationsGivenUp.inc({ receiver: label });
    log.error({ receiver: label, notification: id, type, attempt, why }, 'a notification was given up');
  };
}
