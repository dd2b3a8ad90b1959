import { storedOperation } from './stored-operation.ts';

/** Takes id, expected status, target, lease in milliseconds, whether it must be in time, whether it ends there,
 *  change, event id, and the events. */
export const moveOperation = {
  name: 'move-operation',
  text: `
select moved.result, ${storedOperation}
from move_operation($1, $2, $3, $4, $5, $6, $7, $8, $9) moved, lateral (select (moved.operation).*) o`,
} as const;
