/** Takes the operation's id and how often, in milliseconds, it may be read. */
export const claimRead = {
  name: 'claim-read',
  text: `
update operations set read_at = now()
where id = $1 and (read_at is null or read_at <= now() - $2 * interval '1 millisecond') returning id`,
} as const;
