/** Takes the tenant. The latest change for the tenant or for all: `off` from either side counts. */
export const switchedOff = {
  name: 'switched-off',
  text: `
select reason from (
  select distinct on (tenant_id) enabled, reason, position from disconnect_switches
  where tenant_id in ($1, '*') order by tenant_id, position desc
) latest where not enabled order by position desc limit 1`,
} as const;
