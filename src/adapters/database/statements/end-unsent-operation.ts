/** Takes id, tenant, the call's request id, expected status, target, whether it ends there, change, event id,
 *  the events, and how long to wait for locks. */
export const endUnsentOperation = {
  name: 'end-unsent-operation',
  text: 'select end_unsent_operation($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
} as const;
