-- A chain only grows.
create or replace function check_chain_growth() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if new.chain <> old.chain or new.length < old.length then
    raise exception 'an audit chain only grows' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;

create or replace trigger audit_chains_grow before update on audit_chains
  for each row execute function check_chain_growth();
