import { storedOperation } from './stored-operation.ts';

/** Takes id, expected status, target, lease in milliseconds, whether it must be in time, whether it ends there,
 *  change, event id, the events, what is known of the trail, and how long to wait for locks. Returns the head of the
 *  tenant's chain, too. */
export const moveOperation = {
  name: 'move-operation',
  text: `
select moved.result, ${storedOperation}, head.length, head.link
from move_operation($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) moved,
  lateral (select (moved.operation).*) o left join lateral chain_head(o.tenant_id) head on true`,
} as const;
