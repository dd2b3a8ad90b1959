-- Raises BF001 where the tenant's trail has lost events, as far as anybody noticed or the caller knows. `known` is
-- what the caller saw last: {number, link in hexadecimal}, or null.
create or replace function require_history(of_chain text, known jsonb) returns void
language plpgsql set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  if exists (select from audit_losses where chain = of_chain and acknowledged_at is null)
    or (known is not null
      and not audit_history_holds(of_chain, (known ->> 'number')::bigint, decode(known ->> 'link', 'hex')))
  then
    raise exception 'the audit trail of % has lost events', of_chain using errcode = 'BF001';
  end if;
end $$;

revoke execute on function require_history(text, jsonb) from public;
