-- A move without its event does not happen, whoever asks for it.
create or replace function require_event(events json, of_operation uuid) returns void
language plpgsql set search_path = public, pg_temp as $$
begin
  if not exists (
    select from json_array_elements(events) body where (body ->> 'operationId')::uuid = of_operation)
  then
    raise exception 'a move of an operation needs its event' using errcode = 'check_violation';
  end if;
end $$;

revoke execute on function require_event(json, uuid) from public;
