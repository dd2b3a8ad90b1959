-- The link before a chain's first event.
create or replace function audit_genesis(chain text) returns bytea language sql immutable as $$
  select sha256(convert_to('chromeos-connector-bff audit chain ' || chain, 'UTF8'))
$$;
