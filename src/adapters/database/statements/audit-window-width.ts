/** Takes the chain and two times; gives how many numbers lie between their first and last event. */
export const auditWindowWidth = {
  name: 'audit-window-width',
  text: `
select (
    select number from audit_events where chain = $1 and occurred_at < $3 order by occurred_at desc limit 1
  ) - (
    select number from audit_events where chain = $1 and occurred_at >= $2 order by occurred_at limit 1
  ) as width`,
} as const;
