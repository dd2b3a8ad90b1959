-- Removes what is older than two days, whether it was told or given up, and receivers that nobody has named since.
-- `receivers` are those that the caller names.
create or replace function prune_notifications(receivers text[]) returns void
language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  update notification_receivers set seen_at = clock_timestamp() where receiver = any(receivers);
  delete from notification_receivers where seen_at < clock_timestamp() - interval '2 days';
  delete from notifications where id in (
    select id from notifications where queued_at < clock_timestamp() - interval '2 days'
    order by queued_at limit 10000 for update skip locked);
end $$;

revoke execute on function prune_notifications(text[]) from public;
