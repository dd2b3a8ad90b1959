import { storedOperation } from './stored-operation.ts';

/** Takes the row, the expected newest id, the expected status of the superseded one; the lease, the time for
 *  approval and the life of the idempotency key in milliseconds; the events; what is known of the
 *  trail; and how long to wait for locks. Returns the head of the tenant's chain, too. */
export const openOperation = {
  name: 'open-operation',
  text: `
select opened.result, ${storedOperation}, head.length, head.link
from open_operation($1, $2, $3, $4, $5, $6, $7, $8, $9) opened,
  lateral (select (opened.operation).*) o left join lateral chain_head(o.tenant_id) head on true`,
} as const;
