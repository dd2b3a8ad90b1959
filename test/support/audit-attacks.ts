import { homeTenant, otherTenant } from './audit.ts';

export const tables = ['audit_events', 'audit_chains', 'audit_checkpoints', 'audit_removals'];
export const home = `chain = '${homeTenant}'`;

/** What somebody does who rewrites a chain from one event on and knows how it is made. */
export const relink = (from: number) => `
  do $$ declare r record; previous bytea; begin
    for r in select * from audit_events where ${home} order by number loop
      previous := coalesce((select link from audit_events where ${home} and number = r.number - 1),
        audit_genesis('${homeTenant}'));
      if r.number >= ${from} then
        update audit_events set digest = sha256(convert_to(record::text, 'UTF8')),
          link = sha256(previous || sha256(convert_to(record::text, 'UTF8')))
        where ${home} and number = r.number;
      end if;
    end loop;
  end $$`;
export const rehead = `update audit_chains set
  length = (select max(number) from audit_events where ${home}),
  head = (select link from audit_events where ${home} order by number desc limit 1) where ${home}`;
export const edit = (number: number) => `
  update audit_events set record = replace(record::text, 'CHG-1', 'CHG-2')::json where ${home} and number = ${number}`;

/** What a database's superuser can do to a trail of 12 events of the home tenant, 5 and 10 of them signed,
 *  and 3 of another; what the verifier exits with, and what it says. */
export const attacks: { name: string; how: string[]; code: number; says: RegExp }[] = [
  { name: 'an edited event', how: [edit(3)], code: 10, says: /Event 3 was altered/ },
  {
    name: 'an edited event with its digest',
    how: [
      edit(3),
      `update audit_events set digest = sha256(convert_to(record::text, 'UTF8')) where ${home} and number = 3`,
    ],
    code: 12,
    says: /The link at event 3 is broken/,
  },
  {
    name: 'an edited event with its digest and link',
    how: [
      edit(3),
      `update audit_events e set digest = sha256(convert_to(record::text, 'UTF8')), link = sha256(
         (select link from audit_events where ${home} and number = 2) || sha256(convert_to(record::text, 'UTF8')))
       where ${home} and number = 3`,
    ],
    code: 12,
    says: /The link at event 4 is broken/,
  },
  {
    name: 'a chain made again from an edited event on',
    how: [edit(3), relink(3), rehead],
    code: 15,
    says: /contradicts the chain: up to event 5 the events are not those/,
  },
  {
    name: 'a deleted event',
    how: [`delete from audit_events where ${home} and number = 4`],
    code: 11,
    says: /Event 4 is missing/,
  },
  {
    name: 'deleted first events',
    how: [`delete from audit_events where ${home} and number < 4`],
    code: 11,
    says: /Events 1 to 3 are missing.*no signed statement/,
  },
  {
    name: 'a deleted event, the rest moved up and linked again',
    how: [
      `delete from audit_events where ${home} and number = 4`,
      `update audit_events set number = -number where ${home} and number > 4`,
      `update audit_events set number = -number - 1 where ${home} and number < 0`,
      relink(4),
      rehead,
    ],
    code: 15,
    says: /up to event 5/,
  },
  {
    name: 'two events that changed places',
    how: [
      `update audit_events set number = -number where ${home} and number in (6, 7)`,
      `update audit_events set number = 13 + number where ${home} and number < 0`,
    ],
    code: 12,
    says: /The link at event 6 is broken/,
  },
  {
    name: 'two events that changed places, with everything linked again',
    how: [
      `update audit_events set number = -number where ${home} and number in (6, 7)`,
      `update audit_events set number = 13 + number where ${home} and number < 0`,
      relink(6),
      rehead,
    ],
    code: 15,
    says: /up to event 10/,
  },
  {
    name: 'an event put in between',
    how: [
      `update audit_events set number = -number where ${home} and number > 6`,
      `update audit_events set number = 1 - number where ${home} and number < 0`,
      `insert into audit_events select chain, 7, gen_random_uuid(), occurred_at, event, actor_oid, operation_id, record, digest, link
       from audit_events where ${home} and number = 6`,
      relink(7),
      rehead,
    ],
    code: 15,
    says: /event 7 is found by were altered: id/,
  },
  {
    name: 'a tail cut off',
    how: [`delete from audit_events where ${home} and number > 8`],
    code: 16,
    says: /the head says that the chain has 12 events, but the last one here is 8/i,
  },
  {
    name: 'a tail cut off, with the head',
    how: [`delete from audit_events where ${home} and number > 8`, rehead],
    code: 16,
    says: /A checkpoint of 2026-02-02.* knows event 10, but the last one here is 8/,
  },
  {
    name: 'a chain without its events',
    how: [`delete from audit_events where ${home}`],
    code: 16,
    says: /has 12 events, but the last one here is 0/,
  },
  {
    name: 'an altered time column',
    how: [
      `update audit_events set occurred_at = occurred_at + interval '1 microsecond' where ${home} and number = 2`,
    ],
    code: 17,
    says: /event 2 .* altered: occurred_at/,
  },
  {
    name: 'a time column beyond all calendars',
    how: [`update audit_events set occurred_at = 'infinity' where ${home} and number = 2`],
    code: 17,
    says: /event 2 .* altered: occurred_at/,
  },
  {
    name: 'an altered actor column',
    how: [`update audit_events set actor_oid = 'x' where ${home} and number = 2`],
    code: 17,
    says: /actor_oid/,
  },
  {
    name: 'an altered id column',
    how: [`update audit_events set id = gen_random_uuid() where ${home} and number = 2`],
    code: 17,
    says: /: id/,
  },
  {
    name: 'an altered event column',
    how: [`update audit_events set event = 'read' where ${home} and number = 2`],
    code: 17,
    says: /: event/,
  },
  {
    name: 'an altered operation column',
    how: [`update audit_events set operation_id = null where ${home} and number = 2`],
    code: 17,
    says: /operation_id/,
  },
  {
    name: 'an event moved to the end of another chain',
    how: [
      `update audit_events set chain = '${otherTenant}', number = 4 where ${home} and number = 12`,
      rehead,
      `update audit_events set link = sha256((select link from audit_events where chain = '${otherTenant}' and number = 3) || digest)
       where chain = '${otherTenant}' and number = 4`,
      `update audit_chains set length = 4, head = (select link from audit_events where chain = '${otherTenant}' and number = 4)
       where chain = '${otherTenant}'`,
    ],
    code: 17,
    says: /event 4 is found by were altered: chain/,
  },
  {
    name: 'an altered head',
    how: [`update audit_chains set head = sha256(head) where ${home}`],
    code: 18,
    says: /The head was altered/,
  },
  {
    name: 'a head set back',
    how: [`update audit_chains set length = 11 where ${home}`],
    code: 18,
    says: /The head was altered: it says event 11/,
  },
  {
    name: 'a missing head',
    how: [`delete from audit_chains where ${home}`],
    code: 18,
    says: /The head of the chain is gone/,
  },
  {
    name: 'a checkpoint with an altered statement',
    how: [
      `update audit_checkpoints set statement = replace(statement, '2026-02-01', '2026-02-03') where ${home} and number = 5`,
    ],
    code: 21,
    says: /signature .* is not the key's/,
  },
  {
    name: 'a checkpoint with another signature',
    how: [`update audit_checkpoints set signature = '\\x00' where ${home} and number = 5`],
    code: 21,
    says: /signature/,
  },
  {
    name: 'a checkpoint without its signature',
    how: [`update audit_checkpoints set signature = null where ${home} and number = 5`],
    code: 21,
    says: /has no signature/,
  },
  {
    name: 'a checkpoint that names no key',
    how: [
      `update audit_checkpoints set statement = regexp_replace(statement, '"keyId":"[0-9a-f]+"', '"keyId":null') where ${home}`,
    ],
    code: 13,
    says: /names no key/,
  },
  {
    name: 'a checkpoint filed under another number',
    how: [`update audit_checkpoints set number = 6 where ${home} and number = 5`],
    code: 11,
    says: /checkpoint of event 5 comes after event 6/,
  },
  {
    name: 'a checkpoint of another chain',
    how: [`update audit_checkpoints set chain = '${otherTenant}' where ${home} and number = 5`],
    code: 15,
    says: /put here from elsewhere/,
  },
  {
    name: 'a checkpoint that is no statement',
    how: [`update audit_checkpoints set statement = '{}' where ${home} and number = 5`],
    code: 21,
    says: /not a statement/,
  },
  {
    name: 'text that is not canonical, with everything linked again',
    how: [
      `update audit_events set record = (record::text || ' ')::json where ${home} and number = 11`,
      relink(11),
      rehead,
    ],
    code: 19,
    says: /Event 11 is not canonical/,
  },
  {
    name: 'an event that is there twice',
    how: [
      'alter table audit_events drop constraint audit_events_id_key',
      `insert into audit_events select chain, 13, id, occurred_at, event, actor_oid, operation_id, record, digest, sha256((select link from audit_events where ${home} and number = 12) || digest)
       from audit_events where ${home} and number = 3`,
      rehead,
    ],
    code: 20,
    says: /is there more than once/,
  },
];
