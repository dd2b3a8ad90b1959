/** Takes what is known, as a JSON array of {chain, number, link}; gives the chains that lack it. */
export const lostChains = {
  name: 'lost-chains',
  text: `
select known.chain from json_to_recordset($1) as known (chain text, number bigint, link text)
where not audit_history_holds(known.chain, known.number, decode(known.link, 'hex'))`,
} as const;
