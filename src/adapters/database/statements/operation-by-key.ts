import { storedOperation } from './stored-operation.ts';

/** Takes the tenant, the caller's object id and the idempotency key. */
export const operationByKey = {
  name: 'operation-by-key',
  text: `
select ${storedOperation} from operations o
where o.tenant_id = $1 and o.requester_oid = $2 and o.idempotency_key = $3 and o.idempotency_expires_at > now()`,
} as const;
