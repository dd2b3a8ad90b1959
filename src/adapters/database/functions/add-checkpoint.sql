-- Puts a checkpoint beside its chain. It compares, and judges nothing: false where the chain's newest checkpoint is
-- another than `expected_newest` (null: none), for then it would follow one that it does not name. Runs as the
-- owner: the service's role may not write the table itself.
create or replace function add_checkpoint(
  checkpoint_id uuid, chain_name text, event_number bigint, statement text, key_id text, signature bytea,
  made_at timestamptz, expected_newest uuid)
returns boolean language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform prepare_recording(1000);
  -- One at a time in a chain.
  perform pg_advisory_xact_lock(hashtextextended('audit checkpoints ' || chain_name, 0));
  -- A repetition because nobody knew whether the first was committed: it was.
  if exists (select from audit_checkpoints c where c.id = checkpoint_id) then
    return true;
  end if;
  if expected_newest is distinct from
    (select c.id from audit_checkpoints c where c.chain = chain_name order by c.position desc limit 1)
  then
    return false;
  end if;
  insert into audit_checkpoints (id, chain, number, statement, key_id, signature, made_at)
  values (checkpoint_id, chain_name, event_number, statement, key_id, signature, made_at);
  return true;
end $$;

revoke execute on function add_checkpoint(uuid, text, bigint, text, text, bytea, timestamptz, uuid) from public;
