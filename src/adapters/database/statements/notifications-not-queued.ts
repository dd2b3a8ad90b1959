export const notificationsNotQueued = {
  name: 'notifications-not-queued',
  text: 'select case when is_called then last_value else 0 end as number from notifications_not_queued',
} as const;
