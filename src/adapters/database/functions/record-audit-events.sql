-- The one way into the audit trail: numbers, links and stores a batch of events, given as one JSON array whose
-- elements PostgreSQL keeps to the letter. An event that is recorded already is passed over. Gives the ids of
-- the operations that are open in the tenants it wrote for, so that a read needs no statement of its own for
-- that. Runs as the owner: the service's role may not write the tables themselves.
create or replace function record_audit_events(events json) returns setof uuid
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  entry record;
  digest bytea;
  tip audit_chains;
  tips audit_chains[];
  added audit_events[];
  seen uuid[];
  recorded uuid[];
  known uuid[] := '{}';
begin
  loop
    tip := null;
    tips := '{}';
    added := '{}';
    seen := known;
    -- By chain first, so that two batches lock the heads in the same order.
    for entry in
      select body, fields.* from json_array_elements(events) with ordinality as listed (body, n),
        json_to_record(body) as fields (
          "tenantId" text, id uuid, "time" timestamptz, event text, actor json, "operationId" uuid)
      order by fields."tenantId", n
    loop
      if tip.chain is distinct from entry."tenantId" then
        if tip.chain is not null then
          tips := tips || tip;
        end if;
        select * into tip from audit_chains where chain = entry."tenantId" for update;
        if not found then
          insert into audit_chains values (entry."tenantId", 0, audit_genesis(entry."tenantId"))
          on conflict do nothing;
          select * into strict tip from audit_chains where chain = entry."tenantId" for update;
        end if;
      end if;
      continue when entry.id = any(seen);
      seen := seen || entry.id;
      digest := sha256(convert_to(entry.body::text, 'UTF8'));
      tip.length := tip.length + 1;
      tip.head := sha256(tip.head || digest);
      added := added || row(
        tip.chain, tip.length, entry.id, entry."time", entry.event,
        entry.actor ->> 'oid', entry."operationId", entry.body, digest, tip.head)::audit_events;
    end loop;
    -- Only now, with all heads locked: whoever wrote the same event has committed or is gone. Where some are
    -- recorded already the numbers are given again, without them.
    recorded := array(select id from audit_events where id = any(seen));
    exit when cardinality(recorded) = cardinality(known);
    known := recorded;
  end loop;

  insert into audit_events select * from unnest(added);
  if tip.chain is not null then
    tips := tips || tip;
  end if;
  foreach tip in array tips loop
    update audit_chains set length = tip.length, head = tip.head where chain = tip.chain;
  end loop;
  return query select id from operations where open and tenant_id = any(array(select chain from unnest(tips)));
end $$;

revoke execute on function record_audit_events(json) from public;
