-- To be called first by whatever records. The commit waits until it is durable, whatever the server, the
-- database or the role says (`remote_apply`, which is more, stays), and a lock is waited for no longer than the
-- caller will; and where no limit is set (behind a pooler, which has our session's settings not) a caller who vanishes
-- in the transaction keeps its locks no longer than that. All hold to the end of the transaction, through a pooler too, and cost no round trip.
create or replace function prepare_recording(lock_ms integer) returns void
language plpgsql set search_path = public, pg_temp as $$
begin
  if current_setting('synchronous_commit') not in ('on', 'remote_apply') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  perform set_config('lock_timeout', lock_ms::text, true);
  if current_setting('idle_in_transaction_session_timeout') = '0' then
    perform set_config('idle_in_transaction_session_timeout', greatest(lock_ms, 1000)::text, true);
  end if;
end $$;

revoke execute on function prepare_recording(integer) from public;
