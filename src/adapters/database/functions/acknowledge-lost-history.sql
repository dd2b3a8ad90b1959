-- An operator knows of the loss: disconnecting goes on, and the loss is on the record. For the owner alone. Gives
-- how many losses there were to acknowledge.
create or replace function acknowledge_lost_history(of_chain text, by_whom text, because text, events json)
returns integer language plpgsql set search_path = public, pg_temp as $$
declare
  acknowledged integer;
begin
  perform pg_advisory_xact_lock(hashtextextended('lost history ' || of_chain, 0));
  update audit_losses set acknowledged_at = clock_timestamp(), acknowledged_by = by_whom, reason = because
  where chain = of_chain and acknowledged_at is null;
  get diagnostics acknowledged = row_count;
  if acknowledged > 0 then
    perform record_audit_events(events, 5000);
    perform queue_notification((events -> 0 ->> 'id')::uuid, 'history.acknowledged', of_chain);
  end if;
  return acknowledged;
end $$;

revoke execute on function acknowledge_lost_history(text, text, text, json) from public;
