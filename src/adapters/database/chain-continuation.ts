import { genesisOf, nextLink } from '../../audit-verification/format/audit-chain.ts';
import type { Statement } from '../../audit-verification/format/statement.ts';
import type { Database } from './database.ts';

/** A place in a chain that a signature covers. `link` is in hexadecimal. */
export type Anchor = { readonly number: number; readonly link: string };

/** Raised where a chain is not what it was. The message says where, for the operator. */
export class ChainContradicted extends Error {
  override readonly name = 'ChainContradicted';
}

// Digests and links alone: two milliseconds of hashing at a time.
const pageSize = 2000;

export function genesis(chain: string): Anchor {
  return { number: 0, link: genesisOf(chain).toString('hex') };
}

/** Follows a chain link by link from an anchor to its head. It reads the digests of the events and not their texts: a
 *  text that does not have its digest is found by the verifier whatever was signed. `removal` is what retention said
 *  last, under a signature; `mustHave` is what a checkpoint says of a number on the way. Throws `ChainContradicted`. */
export async function followChain(
  database: Database,
  chain: string,
  {
    anchor,
    head,
    removal,
    mustHave,
  }: {
    readonly anchor: Anchor;
    readonly head: Anchor;
    readonly removal: Statement | null;
    readonly mustHave: Anchor | null;
  },
): Promise<void> {
  if (head.number < anchor.number) {
    throw new ChainContradicted(`the chain has ${head.number} events; it had ${anchor.number}`);
  }
  const start = await startOf(database, chain, anchor, removal);
  let { number } = start;
  let link: Buffer = Buffer.from(start.link, 'hex');
  const compare = (known: Anchor | null, name: string) => {
    if (known?.number !== number || known.link === link.toString('hex')) return;
    throw new ChainContradicted(`${name} of event ${number} contradicts the chain`);
  };
  compare(mustHave, 'a signed checkpoint');
  while (number < head.number) {
    const { rows } = await database.run((client) =>
      client.query<{ number: string; digest: Buffer; link: Buffer }>(
        `select number, digest, link from public.audit_events
         where chain = $1 and number > $2 and number <= $3 order by number limit ${pageSize}`,
        [chain, number, head.number],
      ),
    );
    if (rows.length === 0) throw new ChainContradicted(`event ${number + 1} is missing`);
    for (const row of rows) {
      if (Number(row.number) !== number + 1) throw new ChainContradicted(`event ${number + 1} is missing`);
      number += 1;
      link = nextLink(link, row.digest);
      if (!link.equals(row.link)) throw new ChainContradicted(`the link at event ${number} is broken`);
      compare(mustHave, 'a signed checkpoint');
    }
  }
  compare(head, 'the head');
}

/** Where to begin: at the anchor, or where retention has ended behind it. */
async function startOf(
  database: Database,
  chain: string,
  anchor: Anchor,
  removal: Statement | null,
): Promise<Anchor> {
  if (removal !== null && removal.number >= anchor.number) {
    if (removal.number > anchor.number || removal.link === anchor.link) return removal;
    throw new ChainContradicted(`what retention said of event ${anchor.number} contradicts the chain`);
  }
  if (anchor.number === 0) return anchor;
  const { rows } = await database.run((client) =>
    client.query<{ link: string }>(
      "select encode(link, 'hex') as link from public.audit_events where chain = $1 and number = $2",
      [chain, anchor.number],
    ),
  );
  if (rows[0]?.link === anchor.link) return anchor;
  throw new ChainContradicted(
    rows.length === 0
      ? `event ${anchor.number} is missing`
      : `the link of event ${anchor.number} was changed`,
  );
}
