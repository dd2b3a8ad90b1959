/** Takes id, expected status, target, time, lease in milliseconds, change, event id, and the events. */
export const moveOperation = {
  name: 'move-operation',
  text: 'select * from move_operation($1, $2, $3, $4, $5, $6, $7, $8)',
} as const;
