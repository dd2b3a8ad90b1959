import { awaitsIntune, awaitsPeople, operationStatuses } from '../../../core/operation/life.ts';

const waiting = operationStatuses.filter((status) => awaitsPeople({ status }) || awaitsIntune({ status }));

/** The columns of a stored operation, of the row named `o`: its own, and what the database's clock says of it. */
export const storedOperation = `o.*,
  floor(extract(epoch from clock_timestamp() - o.sent_at) * 1000)::bigint as since_sent_ms,
  floor(extract(epoch from clock_timestamp() - o.moved_at) * 1000)::bigint as since_moved_ms,
  coalesce(case when o.status = 'sent' then o.lease_until
    when o.status in (${waiting.map((status) => `'${status}'`).join(', ')}) then o.expires_at
  end <= clock_timestamp(), false) as overdue`;
