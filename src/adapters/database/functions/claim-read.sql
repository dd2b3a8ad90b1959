-- True for one caller in `every_ms`, across replicas: that one may read Graph for the operation.
create or replace function claim_read(operation_id uuid, every_ms bigint) returns boolean
language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  update operations set read_at = now()
  where id = operation_id and (read_at is null or read_at <= now() - every_ms * interval '1 millisecond');
  return found;
end $$;

revoke execute on function claim_read(uuid, bigint) from public;
