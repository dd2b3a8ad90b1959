-- The schema as the migrations and functions make it: read it, change those, then run npm run schema.
-- A test compares it with a migrated database.

create table applied_functions (
  name text not null,
  digest text not null,
  applied_at timestamp with time zone not null default clock_timestamp()
);

create table audit_chains (
  chain text not null,
  length bigint not null,
  head bytea not null
);

create table audit_checkpoints (
  id uuid not null,
  chain text not null,
  number bigint not null,
  statement text not null,
  key_id text,
  signature bytea,
  made_at timestamp with time zone not null
);

create table audit_events (
  chain text not null,
  number bigint not null,
  id uuid not null,
  occurred_at timestamp with time zone not null,
  event text not null,
  actor_oid text not null,
  operation_id uuid,
  record json not null,
  digest bytea not null,
  link bytea not null
);

create table audit_removals (
  id uuid not null,
  chain text not null,
  number bigint not null,
  statement text not null,
  key_id text,
  signature bytea,
  made_at timestamp with time zone not null
);

create table disconnect_switches (
  id uuid not null,
  position bigint not null generated always as identity,
  tenant_id text not null,
  enabled boolean not null,
  reason text not null,
  changed_by text not null,
  changed_at timestamp with time zone not null
);

create table kysely_migration (
  name character varying(255) not null,
  timestamp character varying(255) not null
);

create table kysely_migration_lock (
  id character varying(255) not null,
  is_locked integer not null default 0
);

create table operation_moves (
  from_status text not null,
  to_status text not null
);

create table operations (
  id uuid not null,
  position bigint not null generated always as identity,
  tenant_id text not null,
  status text not null,
  requester_oid text not null,
  requester_name text,
  requester_client_id text not null,
  reason text,
  ticket text,
  connection_id text not null,
  connection jsonb not null,
  request_id uuid not null,
  graph_request_id text,
  value text,
  concluded_from text,
  explanation text,
  approval jsonb,
  supersedes uuid,
  superseded_by uuid,
  requested_at timestamp with time zone not null,
  sent_at timestamp with time zone,
  moved_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  took_ms bigint,
  lease_until timestamp with time zone,
  read_at timestamp with time zone,
  idempotency_key text,
  idempotency_fingerprint text,
  idempotency_expires_at timestamp with time zone,
  answer jsonb,
  open boolean not null generated always as (((superseded_by IS NULL) AND (status = ANY (ARRAY['awaiting_approval'::text, 'approved'::text, 'sent'::text, 'accepted'::text, 'unknown'::text])))) stored
);

alter table applied_functions add constraint applied_functions_pkey PRIMARY KEY (name, digest);
alter table audit_chains add constraint audit_chains_pkey PRIMARY KEY (chain);
alter table audit_checkpoints add constraint audit_checkpoints_pkey PRIMARY KEY (id);
alter table audit_events add constraint audit_events_id_key UNIQUE (id);
alter table audit_events add constraint audit_events_pkey PRIMARY KEY (chain, number);
alter table audit_removals add constraint audit_removals_pkey PRIMARY KEY (id);
alter table disconnect_switches add constraint disconnect_switches_pkey PRIMARY KEY (id);
alter table disconnect_switches add constraint disconnect_switches_position_key UNIQUE ("position");
alter table kysely_migration add constraint kysely_migration_pkey PRIMARY KEY (name);
alter table kysely_migration_lock add constraint kysely_migration_lock_pkey PRIMARY KEY (id);
alter table operation_moves add constraint operation_moves_pkey PRIMARY KEY (from_status, to_status);
alter table operations add constraint operations_pkey PRIMARY KEY (id);
alter table operations add constraint operations_position_key UNIQUE ("position");

CREATE INDEX audit_checkpoints_by_chain ON public.audit_checkpoints USING btree (chain, number DESC);
CREATE INDEX audit_events_by_actor ON public.audit_events USING btree (chain, actor_oid, number DESC);
CREATE INDEX audit_events_by_event ON public.audit_events USING btree (chain, event, number DESC);
CREATE INDEX audit_events_by_operation ON public.audit_events USING btree (operation_id, number DESC) WHERE (operation_id IS NOT NULL);
CREATE INDEX audit_events_by_time ON public.audit_events USING btree (chain, occurred_at);
CREATE INDEX disconnect_switches_by_tenant ON public.disconnect_switches USING btree (tenant_id, "position" DESC);
CREATE UNIQUE INDEX operations_by_idempotency_key ON public.operations USING btree (tenant_id, requester_oid, idempotency_key) WHERE (idempotency_key IS NOT NULL);
CREATE INDEX operations_by_tenant ON public.operations USING btree (tenant_id, "position" DESC);
CREATE UNIQUE INDEX operations_one_open_per_tenant ON public.operations USING btree (tenant_id) WHERE open;
CREATE INDEX operations_with_a_deadline ON public.operations USING btree (status) WHERE (status = ANY (ARRAY['sent'::text, 'awaiting_approval'::text, 'approved'::text]));

CREATE OR REPLACE FUNCTION public.audit_genesis(chain text)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select sha256(convert_to('chromeos-connector-bff audit chain ' || chain, 'UTF8'))
$function$;

CREATE OR REPLACE FUNCTION public.check_chain_growth()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if new.chain <> old.chain or new.length < old.length then
    raise exception 'an audit chain only grows' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $function$;

CREATE OR REPLACE FUNCTION public.check_operation_move()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION public.move_operation(operation_id uuid, origin text, target text, at timestamp with time zone, lease_ms bigint, change jsonb, event_id uuid, events json)
 RETURNS SETOF operations
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
  moved operations;
begin
  -- A repetition because nobody knew whether the first was committed: it was.
  if exists (select from audit_events where id = event_id) then
    return query select * from operations where id = operation_id;
    return;
  end if;
  update operations set
    status = target, moved_at = at,
    sent_at = case when target = 'sent' then at else sent_at end,
    lease_until = case when target = 'sent' then now() + lease_ms * interval '1 millisecond' else lease_until end,
    request_id = coalesce((change ->> 'requestId')::uuid, request_id),
    graph_request_id = coalesce(change ->> 'graphRequestId', graph_request_id),
    value = coalesce(change ->> 'value', value),
    concluded_from = coalesce(change ->> 'concludedFrom', concluded_from),
    explanation = coalesce(change ->> 'explanation', explanation),
    approval = coalesce(nullif(change -> 'approval', 'null'), approval),
    connection = coalesce(nullif(change -> 'connection', 'null'), connection),
    took_ms = coalesce((change ->> 'tookMs')::bigint, took_ms),
    answer = case when change ? 'answer' then nullif(change -> 'answer', 'null') else answer end,
    idempotency_key = case when change -> 'answer' = 'null' then null else idempotency_key end
  where id = operation_id and superseded_by is null and status = origin
  returning * into moved;
  if not found then
    return;
  end if;
  perform record_audit_events(events);
  return next moved;
end $function$;

CREATE OR REPLACE FUNCTION public.open_operation(wanted jsonb, expected_newest_id uuid, superseded_status text, lease_ms bigint, key_ms bigint, events json)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
  added operations := jsonb_populate_record(null::operations, wanted);
begin
  -- One opening at a time in a tenant, so that nothing comes and goes between this look and the insert.
  perform pg_advisory_xact_lock(hashtextextended(added.tenant_id, 0));
  -- A repetition because nobody knew whether the first was committed: it was.
  if exists (select from operations where id = added.id) then
    return 'opened';
  end if;
  if expected_newest_id is distinct from
    (select id from operations where tenant_id = added.tenant_id order by position desc limit 1)
  then
    return 'slot_taken';
  end if;
  if exists (
    select from (
      select distinct on (tenant_id) enabled from disconnect_switches
      where tenant_id in (added.tenant_id, '*') order by tenant_id, position desc
    ) latest where not enabled
  ) then
    return 'disabled';
  end if;
  if added.supersedes is not null then
    update operations set superseded_by = added.id
    where id = added.supersedes and tenant_id = added.tenant_id
      and status = superseded_status and superseded_by is null;
    if not found then
      return 'slot_taken';
    end if;
  end if;
  if added.idempotency_key is not null then
    update operations set idempotency_key = null
    where tenant_id = added.tenant_id and requester_oid = added.requester_oid
      and idempotency_key = added.idempotency_key and idempotency_expires_at <= now();
  end if;
  insert into operations (
    id, tenant_id, status, requester_oid, requester_name, requester_client_id, reason, ticket,
    connection_id, connection, request_id, supersedes, requested_at, sent_at, moved_at, expires_at,
    idempotency_key, idempotency_fingerprint, idempotency_expires_at, answer, lease_until)
  values (
    added.id, added.tenant_id, added.status, added.requester_oid, added.requester_name, added.requester_client_id,
    added.reason, added.ticket, added.connection_id, added.connection, added.request_id, added.supersedes,
    added.requested_at, added.sent_at, added.moved_at, added.expires_at, added.idempotency_key,
    added.idempotency_fingerprint, now() + key_ms * interval '1 millisecond', added.answer,
    now() + lease_ms * interval '1 millisecond')
  on conflict do nothing;
  if not found then
    -- The key belongs to another. Nobody has seen the superseding yet.
    update operations set superseded_by = null where id = added.supersedes and superseded_by = added.id;
    return 'slot_taken';
  end if;
  perform record_audit_events(events);
  return 'opened';
end $function$;

CREATE OR REPLACE FUNCTION public.record_audit_events(events json)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'DELETE' and tg_table_name in ('audit_events', 'audit_checkpoints')
    and current_setting('chromeos_bff.retention', true) = 'on'
    and current_user = (
      select tableowner from pg_tables where schemaname = tg_table_schema and tablename = tg_table_name)
  then
    return null;
  end if;
  raise exception '% of % is refused: it is append-only', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end $function$;

CREATE TRIGGER audit_chains_grow BEFORE UPDATE ON public.audit_chains FOR EACH ROW EXECUTE FUNCTION check_chain_growth();
CREATE TRIGGER audit_chains_stay BEFORE DELETE OR TRUNCATE ON public.audit_chains FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_checkpoints_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_events_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_removals_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_removals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER disconnect_switches_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.disconnect_switches FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER operations_move_as_allowed BEFORE INSERT OR UPDATE ON public.operations FOR EACH ROW EXECUTE FUNCTION check_operation_move();
CREATE TRIGGER operations_stay BEFORE DELETE OR TRUNCATE ON public.operations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

insert into operation_moves values ('accepted', 'completed');
insert into operation_moves values ('accepted', 'failed');
insert into operation_moves values ('approved', 'expired');
insert into operation_moves values ('approved', 'sent');
insert into operation_moves values ('awaiting_approval', 'approved');
insert into operation_moves values ('awaiting_approval', 'expired');
insert into operation_moves values ('awaiting_approval', 'rejected');
insert into operation_moves values ('sent', 'accepted');
insert into operation_moves values ('sent', 'failed');
insert into operation_moves values ('sent', 'unknown');
insert into operation_moves values ('start', 'awaiting_approval');
insert into operation_moves values ('start', 'sent');
insert into operation_moves values ('unknown', 'accepted');
insert into operation_moves values ('unknown', 'completed');
insert into operation_moves values ('unknown', 'failed');

grant select on applied_functions to chromeos_bff;
grant select on audit_chains to chromeos_bff;
grant insert, select on audit_checkpoints to chromeos_bff;
grant select on audit_events to chromeos_bff;
grant select on audit_removals to chromeos_bff;
grant insert, select on disconnect_switches to chromeos_bff;
grant select on kysely_migration to chromeos_bff;
grant select on operation_moves to chromeos_bff;
grant insert, select, update on operations to chromeos_bff;

grant execute on audit_genesis(text) to public;
grant execute on check_chain_growth() to public;
grant execute on check_operation_move() to public;
grant execute on move_operation(uuid,text,text,timestamp with time zone,bigint,jsonb,uuid,json) to chromeos_bff;
grant execute on open_operation(jsonb,uuid,text,bigint,bigint,json) to chromeos_bff;
grant execute on record_audit_events(json) to chromeos_bff;
grant execute on refuse_change() to public;
