-- Puts down how a try to tell a receiver went: `delivered`; `failed`, to be tried again in `wait_ms`; or `refused` for
-- good. A day after it was queued it is given up. Gives what it is then: `delivered`, `given_up`, or `pending`; null where
-- another has ended it, or has it in hand.
create or replace function record_delivery(
  of_notification uuid, of_receiver text, attempt integer, went text, wait_ms bigint)
returns text language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
declare
  next_try timestamptz := clock_timestamp() + wait_ms * interval '1 millisecond';
  ended text;
begin
  update notification_deliveries d set
    due_at = next_try,
    result = case
      when went = 'delivered' then 'delivered'
      when went = 'refused' or n.queued_at + interval '1 day' < next_try then 'given_up'
    end
  from notifications n
  where n.id = d.notification_id and d.notification_id = of_notification and d.receiver = of_receiver
    and d.result is null and (went = 'delivered' or d.attempts = attempt)
  returning coalesce(d.result, 'pending') into ended;
  return ended;
end $$;

revoke execute on function record_delivery(uuid, text, integer, text, bigint) from public;
