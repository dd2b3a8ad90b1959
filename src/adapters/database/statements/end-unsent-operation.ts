/** Takes id, tenant, the call's request id, expected status, target, change, event id, and the events. */
export const endUnsentOperation = {
  name: 'end-unsent-operation',
  text: 'select end_unsent_operation($1, $2, $3, $4, $5, $6, $7, $8)',
} as const;
