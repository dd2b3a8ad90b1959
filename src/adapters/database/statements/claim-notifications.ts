import { storedOperation } from './stored-operation.ts';

/** Takes the receiver, the types and the tenants it wants (null: all), how many at most, and for how long they are
 *  handed out, in milliseconds. The operation's columns come with those of the notification. */
export const claimNotifications = {
  name: 'claim-notifications',
  text: `
select claimed.notification_id, claimed.type, claimed.told_tenant, claimed.detail, claimed.queued_at, claimed.attempts,
  claimed.record, ${storedOperation}
from claim_notifications($1, $2, $3, $4, $5) claimed, lateral (select (claimed.operation).*) o`,
} as const;
