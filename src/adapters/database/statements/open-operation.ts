import { storedOperation } from './stored-operation.ts';

/** Takes the row, the expected newest id, the expected status of the superseded one; the lease, the time for
 *  approval and the life of the idempotency key in milliseconds; and the events. */
export const openOperation = {
  name: 'open-operation',
  text: `
select opened.result, ${storedOperation}
from open_operation($1, $2, $3, $4, $5, $6, $7) opened, lateral (select (opened.operation).*) o`,
} as const;
