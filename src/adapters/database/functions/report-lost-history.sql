-- Puts down that a chain lacks what the caller saw of it. Gives whether it does.
create or replace function report_lost_history(of_chain text, known_number bigint, known_link bytea)
returns boolean language plpgsql security definer
set search_path = public, pg_temp set enable_seqscan = off as $$
declare
  loss_id uuid;
begin
  -- Not while an operator acknowledges it: it would be reported again.
  perform pg_advisory_xact_lock(hashtextextended('lost history ' || of_chain, 0));
  if audit_history_holds(of_chain, known_number, known_link) then
    return false;
  end if;
  perform prepare_recording(1000);
  insert into audit_losses (chain, number, link) values (of_chain, known_number, known_link)
  on conflict (chain) where acknowledged_at is null
  do update set number = excluded.number, link = excluded.link where audit_losses.number < excluded.number
  returning id into loss_id;
  -- Once for each loss: it keeps its id when more turns out to be gone.
  if loss_id is not null then
    perform queue_notification(loss_id, 'history.lost', of_chain, jsonb_build_object('number', known_number));
  end if;
  return true;
end $$;

revoke execute on function report_lost_history(text, bigint, bytea) from public;
