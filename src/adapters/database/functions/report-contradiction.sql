-- Has receivers told that a chain contradicts what was signed of it. While that lasts it is told again when the
-- notification before was forgotten: every two days.
create or replace function report_contradiction(of_chain text, because text, message text) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform queue_notification(
    encode(substring(sha256(convert_to(of_chain || ' ' || because, 'UTF8')) for 16), 'hex')::uuid,
    'history.contradicted', of_chain, jsonb_build_object('reason', because, 'message', message));
end $$;

revoke execute on function report_contradiction(text, text, text) from public;
