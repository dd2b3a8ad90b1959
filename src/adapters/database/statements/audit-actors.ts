/** Takes a chain, a part of a name, how many people may be looked through, and how many are wanted. Returns those
 *  whose newest event has that in their name, the last seen first, and whether all were looked through. It goes from
 *  person to person by the index on actors, and reads one event of each: a name has no index, and none is worth its
 *  price with every event that is written. */
export const auditActors = {
  name: 'audit-actors',
  text: `
with recursive people (actor_oid, number, place) as (
  (select actor_oid, number, 1 from audit_events where chain = $1 order by actor_oid, number desc limit 1)
  union all
  select following.actor_oid, following.number, people.place + 1
  from people cross join lateral (
    select e.actor_oid, e.number from audit_events e
    where e.chain = $1 and e.actor_oid > people.actor_oid order by e.actor_oid, e.number desc limit 1
  ) following
  where people.place < $3
)
select (select count(*) from people) < $3 as all_seen,
  coalesce((select json_agg(found) from (
    select e.record -> 'actor' ->> 'oid' as oid, e.record -> 'actor' ->> 'kind' as kind,
      e.record -> 'actor' ->> 'name' as name, e.record ->> 'time' as "lastSeen"
    from people join audit_events e on e.chain = $1 and e.number = people.number
    where position(lower($2) in lower(e.record -> 'actor' ->> 'name')) > 0
    order by e.number desc limit $4
  ) found), '[]') as found`,
} as const;
