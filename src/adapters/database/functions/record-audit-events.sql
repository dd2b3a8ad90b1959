-- The one way into the audit trail: numbers, links and stores a batch of events, given as one JSON array whose
-- elements PostgreSQL keeps to the letter. An event that is recorded already is passed over. Gives for each
-- chain it wrote to its length and head, and the operation that is open in that tenant, so that a read needs no
-- statement of its own for that. Runs as the owner: the service's role may not write the tables themselves.
--
-- The plans inside are made when a session first comes here, perhaps on empty tables, and kept: `enable_seqscan`
-- keeps statistics that are not there yet from choosing a scan that will read the whole trail each time.
create or replace function record_audit_events(events json, lock_ms integer)
returns table (tenant text, length bigint, head bytea, open_id uuid)
language plpgsql security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_sort = off set plan_cache_mode = force_generic_plan as $$
declare
  entry record;
  digest bytea;
  tip audit_chains;
  tips audit_chains[];
  before audit_chains[] := '{}';
  added audit_events[];
  seen uuid[];
  recorded uuid[];
  known uuid[] := '{}';
begin
  perform prepare_recording(lock_ms);
  loop
    tip := null;
    tips := '{}';
    added := '{}';
    seen := known;
    before := '{}';
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
        tip := lock_chain_head(entry."tenantId");
        before := before || tip;
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
    recorded := array(select e.id from audit_events e where e.id = any(seen));
    exit when cardinality(recorded) = cardinality(known);
    known := recorded;
  end loop;

  insert into audit_events select * from unnest(added);
  if tip.chain is not null then
    tips := tips || tip;
  end if;
  for i in 1 .. cardinality(tips) loop
    tip := tips[i];
    if tip.length > before[i].length then
      insert into audit_chains values (tip.chain, tip.length, tip.head);
      delete from audit_chains c where c.chain = tip.chain and c.length = before[i].length;
    end if;
    tenant := tip.chain;
    length := tip.length;
    head := tip.head;
    open_id := (select o.id from operations o where o.open and o.tenant_id = tip.chain);
    return next;
  end loop;
end $$;

revoke execute on function record_audit_events(json, integer) from public;
