/** Takes events as one JSON array; gives the ids of what is open in their tenants. */
export const recordAuditEvents = {
  name: 'record-audit-events',
  text: 'select record_audit_events($1::json) as id',
} as const;
