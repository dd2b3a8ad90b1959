-- Puts a checkpoint beside its chain, under the columns that its statement names. It compares, and judges nothing: false
-- where the chain's newest checkpoint is another than `expected_newest` (null: none), for then it would follow one that it
-- does not name. Runs as the owner: the service's role may not write the table itself.
create or replace function add_checkpoint(
  checkpoint_id uuid, checkpoint_statement text, checkpoint_signature bytea, expected_newest uuid)
returns boolean language plpgsql security definer set search_path = public, pg_temp as $$
declare
  said json := checkpoint_statement::json;
begin
  perform prepare_recording(1000);
  if said ->> 'type' is distinct from 'checkpoint' then
    raise exception 'this is no checkpoint' using errcode = 'check_violation';
  end if;
  -- One at a time in a chain.
  perform pg_advisory_xact_lock(hashtextextended('audit checkpoints ' || (said ->> 'chain'), 0));
  -- A repetition because nobody knew whether the first was committed: it was.
  if exists (select from audit_checkpoints where id = checkpoint_id) then
    return true;
  end if;
  if expected_newest is distinct from
    (select id from audit_checkpoints where chain = said ->> 'chain' order by position desc limit 1)
  then
    return false;
  end if;
  insert into audit_checkpoints (id, chain, number, statement, key_id, signature, made_at)
  values (
    checkpoint_id, said ->> 'chain', (said ->> 'number')::bigint, checkpoint_statement, said ->> 'keyId',
    checkpoint_signature, (said ->> 'time')::timestamptz);
  return true;
end $$;

revoke execute on function add_checkpoint(uuid, text, bytea, uuid) from public;
