-- A chain's length and head as they are at this moment, within this transaction too: volatile, so that it sees
-- what a function called before it in the same statement has done.
create or replace function chain_head(of_chain text) returns table (length bigint, link text)
language plpgsql volatile set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  return query select c.length, encode(c.head, 'hex') from audit_chains c
    where c.chain = of_chain order by c.length desc limit 1;
end $$;

revoke execute on function chain_head(text) from public;
