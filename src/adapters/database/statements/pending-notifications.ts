/** Takes the receiver, and the types and the tenants it wants (null: all). */
export const pendingNotifications = {
  name: 'pending-notifications',
  text: `
select count(*)::int as number,
  coalesce(extract(epoch from clock_timestamp() - min(queued_at)), 0)::float as oldest_seconds
from pending_notifications($1, $2, $3)`,
} as const;
