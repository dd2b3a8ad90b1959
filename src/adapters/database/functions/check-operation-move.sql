-- Refuses each move that is not in the table of moves, whoever tries it.
create or replace function check_operation_move() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  origin text := case tg_op when 'INSERT' then 'start' else old.status end;
begin
  if tg_op = 'UPDATE' then
    if old.id <> new.id or old.tenant_id <> new.tenant_id or old.requester_oid <> new.requester_oid then
      raise exception 'an operation keeps its id, tenant and requester' using errcode = 'check_violation';
    end if;
    if old.status = new.status then
      return new;
    end if;
  end if;
  if not exists (select from operation_moves where from_status = origin and to_status = new.status) then
    raise exception 'an operation does not move from % to %', origin, new.status
      using errcode = 'check_violation';
  end if;
  return new;
end $$;

create or replace trigger operations_move_as_allowed before insert or update on operations
  for each row execute function check_operation_move();
