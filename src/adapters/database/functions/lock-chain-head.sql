-- Locks a chain's head until the transaction ends, and gives it. A chain that is new gets its first head.
create or replace function lock_chain_head(of_chain text) returns audit_chains
language plpgsql set search_path = public, pg_temp
set enable_seqscan = off set enable_sort = off set plan_cache_mode = force_generic_plan as $$
declare
  tip audit_chains;
begin
  loop
    select * into tip from audit_chains c where c.chain = of_chain order by c.length desc limit 1 for update;
    exit when found;
    -- Another has put a longer head in its place while this one waited; or there is none yet.
    continue when exists (select from audit_chains c where c.chain = of_chain);
    perform pg_advisory_xact_lock(hashtextextended('first event of ' || of_chain, 0));
    if not exists (select from audit_chains c where c.chain = of_chain) then
      insert into audit_chains values (of_chain, 0, audit_genesis(of_chain));
    end if;
  end loop;
  return tip;
end $$;

revoke execute on function lock_chain_head(text) from public;
