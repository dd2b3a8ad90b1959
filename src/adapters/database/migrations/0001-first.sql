-- Disconnects and their lives, the switch that turns disconnecting off, and the audit trail. What the tables
-- refuse by trigger is in ../functions.

-- One hash chain per tenant, and one (`none`) for what belongs to no tenant. Events are appended through
-- record_audit_events and never changed; signed heads stand beside them.
create table audit_chains (
  chain text primary key,
  length bigint not null,
  head bytea not null
);

-- `record` is json, not jsonb: it keeps the very text that was hashed, which is canonical (RFC 8785).
-- The other columns are there to find an event by; the verifier compares them with the record.
create table audit_events (
  chain text not null,
  number bigint not null,
  id uuid not null unique,
  occurred_at timestamptz not null,
  event text not null,
  actor_oid text not null,
  operation_id uuid,
  record json not null,
  digest bytea not null,
  link bytea not null,
  primary key (chain, number)
);
create index audit_events_by_time on audit_events (chain, occurred_at);
create index audit_events_by_actor on audit_events (chain, actor_oid, number desc);
create index audit_events_by_event on audit_events (chain, event, number desc);
create index audit_events_by_operation on audit_events (operation_id, number desc)
  where operation_id is not null;

-- `statement` is the canonical JSON that is signed: chain, number, link, time, key id.
create table audit_checkpoints (
  id uuid primary key,
  chain text not null,
  number bigint not null,
  statement text not null,
  key_id text,
  signature bytea,
  made_at timestamptz not null
);
create index audit_checkpoints_by_chain on audit_checkpoints (chain, number desc);

-- What retention removed: everything up to `number`, whose link was the one in the statement.
create table audit_removals (
  id uuid primary key,
  chain text not null,
  number bigint not null,
  statement text not null,
  key_id text,
  signature bytea,
  made_at timestamptz not null
);

-- The same table as `moves` in src/core/operation/operation.ts; a test compares the two. `start` is where an
-- operation begins.
create table operation_moves (
  from_status text not null,
  to_status text not null,
  primary key (from_status, to_status)
);
insert into operation_moves values
  ('start', 'awaiting_approval'),
  ('start', 'sent'),
  ('awaiting_approval', 'approved'),
  ('awaiting_approval', 'rejected'),
  ('awaiting_approval', 'expired'),
  ('approved', 'sent'),
  ('approved', 'expired'),
  ('sent', 'accepted'),
  ('sent', 'failed'),
  ('sent', 'unknown'),
  ('accepted', 'completed'),
  ('accepted', 'failed'),
  ('unknown', 'accepted'),
  ('unknown', 'completed'),
  ('unknown', 'failed');

create table operations (
  id uuid primary key,
  position bigint generated always as identity unique,
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
  requested_at timestamptz not null,
  sent_at timestamptz,
  moved_at timestamptz not null,
  expires_at timestamptz,
  took_ms bigint,
  lease_until timestamptz,
  read_at timestamptz,
  idempotency_key text,
  idempotency_fingerprint text,
  idempotency_expires_at timestamptz,
  answer jsonb,
  -- Whether it holds its tenant's one slot. The statuses are `openStatuses` in
  -- src/core/operation/operation.ts; a test compares the two.
  open boolean not null generated always as (
    superseded_by is null and status in ('awaiting_approval', 'approved', 'sent', 'accepted', 'unknown')
  ) stored
);
create unique index operations_one_open_per_tenant on operations (tenant_id) where open;
create unique index operations_by_idempotency_key on operations (tenant_id, requester_oid, idempotency_key)
  where idempotency_key is not null;
create index operations_by_tenant on operations (tenant_id, position desc);
create index operations_with_a_deadline on operations (status)
  where status in ('sent', 'awaiting_approval', 'approved');

create table disconnect_switches (
  id uuid primary key,
  position bigint generated always as identity unique,
  tenant_id text not null,
  enabled boolean not null,
  reason text not null,
  changed_by text not null,
  changed_at timestamptz not null
);
create index disconnect_switches_by_tenant on disconnect_switches (tenant_id, position desc);

-- Which texts of which functions have been applied here, ever: a build is ready when its own are among them.
create table applied_functions (
  name text not null,
  digest text not null,
  applied_at timestamptz not null default clock_timestamp(),
  primary key (name, digest)
);
