-- Whether what somebody saw of a chain (its event of that number had that link) is so here: it is there, or
-- retention removed it, or its loss was acknowledged.
create or replace function audit_history_holds(of_chain text, known_number bigint, known_link bytea)
returns boolean language plpgsql set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  return known_number = 0
    or exists (select from audit_events where chain = of_chain and number = known_number and link = known_link)
    or exists (select from audit_removals where chain = of_chain and number >= known_number)
    or exists (
      select from audit_losses
      where chain = of_chain and number >= known_number and acknowledged_at is not null);
end $$;

revoke execute on function audit_history_holds(text, bigint, bytea) from public;
