/** Takes events as one JSON array, and how long to wait for a chain's head, in milliseconds. */
export const recordAuditEvents = {
  name: 'record-audit-events',
  text: "select tenant, length, encode(head, 'hex') as link, open_id from record_audit_events($1, $2)",
} as const;
