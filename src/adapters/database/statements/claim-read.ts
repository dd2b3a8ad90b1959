/** Takes the operation's id and how often, in milliseconds, it may be read. */
export const claimRead = { name: 'claim-read', text: 'select claim_read($1, $2) as claimed' } as const;
