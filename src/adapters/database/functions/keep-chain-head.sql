-- A chain's head may go only once a longer one is there.
create or replace function keep_chain_head() returns trigger
language plpgsql set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  if exists (select from audit_chains where chain = old.chain and length > old.length) then
    return old;
  end if;
  raise exception 'DELETE of audit_chains is refused: it is append-only' using errcode = 'insufficient_privilege';
end $$;

create or replace trigger audit_chains_keep_head before delete on audit_chains
  for each row execute function keep_chain_head();
