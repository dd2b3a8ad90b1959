/** Takes the row, the expected newest id, the expected status of the superseded one, the lease and the life of
 *  the idempotency key in milliseconds, and the events. */
export const openOperation = {
  name: 'open-operation',
  text: 'select open_operation($1, $2, $3, $4, $5, $6) as result',
} as const;
