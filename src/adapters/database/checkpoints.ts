import { randomUUID } from 'node:crypto';
import {
  type SignedStatement,
  type Signer,
  sealed,
  signedStatement,
  type Verifier,
} from '../../audit-verification/format/statement.ts';
import type { Clock } from '../../core/ports.ts';
import { type Anchor, ChainContradicted, followChain, genesis } from './chain-continuation.ts';
import {
  type FoundText,
  findCheckpoint,
  lastRemoval,
  lastStored,
  type StoredCheckpoint,
  storeCheckpoint,
} from './checkpoint-rows.ts';
import type { Database } from './database.ts';
import { firstRow } from './first-row.ts';

/** Why a chain is not signed. `changed`: it does not continue what was signed or seen before. `checkpoint_gone`: a
 *  checkpoint that was there is not there any more. `never_signed`: it is older than `lateMs`, and no signed checkpoint
 *  covers any of it: a trail that was never signed looks like one whose checkpoints were deleted. */
export const contradictionReasons = ['changed', 'checkpoint_gone', 'never_signed'] as const;
export type Contradiction = {
  readonly chain: string;
  readonly reason: (typeof contradictionReasons)[number];
  /** For the operator. */
  readonly message: string;
};

export type CheckpointerOptions = {
  readonly database: Database;
  readonly signer: Signer | null;
  /** The keys whose checkpoints are accepted: our own and earlier ones. */
  readonly verifiers: ReadonlyMap<string, Verifier>;
  readonly clock: Clock;
  /** A chain whose first event is older than this, in milliseconds, is not signed for the first time unless adopted. */
  readonly lateMs: number;
  /** `adopt` signs chains for the first time however old they are; `report` signs nothing. */
  readonly mode?: 'adopt' | 'report';
  /** Called with each new checkpoint once it is stored, to print it where a log platform keeps it out of our reach. */
  readonly onCheckpoint: (checkpoint: SignedStatement) => void;
};

/** What the process remembers of a chain that it has followed to `number`. */
type Followed = Anchor & {
  /** The newest signed checkpoint seen; it never goes back. */
  readonly signedTo: number;
};

// Another process was faster: check again.
const attempts = 3;

/** Makes signed statements of the heads of chains, and checks what it signs: it follows each chain link by link
 *  from what it followed before, or, when the process is new, from the newest checkpoint that a known key signed. What
 *  does not continue is not signed. Any number of replicas may do it. */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #followed = new Map<string, Followed>();

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Makes a checkpoint of each chain that has grown; gives what contradicts. Fails with `audit_unavailable`. */
  async makeAll(): Promise<Contradiction[]> {
    const rows = await this.#options.database.query<{ chain: string }>(
      'select distinct chain from public.audit_chains order by chain',
    );
    const chains = new Set([...rows.map(({ chain }) => chain), ...this.#followed.keys()]);
    const contradictions: Contradiction[] = [];
    for (const chain of chains) {
      // Retention may come between what is read one after the other: what contradicts does so twice.
      const found = (await this.#contradictionOf(chain)) && (await this.#contradictionOf(chain));
      if (found !== null) contradictions.push(found);
    }
    return contradictions;
  }

  async #contradictionOf(chain: string): Promise<Contradiction | null> {
    try {
      await this.#makeOne(chain);
      return null;
    } catch (error) {
      if (error instanceof Refused) return { chain, ...error.contradiction };
      if (error instanceof ChainContradicted) return { chain, reason: 'changed', message: error.message };
      throw error;
    }
  }

  async #makeOne(chain: string): Promise<void> {
    const { database, signer, clock, mode, onCheckpoint } = this.#options;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const newest = await lastStored(database, chain);
      const head = await this.#headOf(chain);
      const last = await findCheckpoint(database, { chain, order: 'newest', to: head.number }, this.#accepts);
      // Without a key nothing that was stored is worth more than the chain itself.
      const signed = signer && last;
      await this.#follow(chain, head, signed?.statement ?? null);
      if (head.number === 0 || last?.statement.number === head.number || mode === 'report') return;
      const checkpoint = sealed(
        {
          type: 'checkpoint',
          chain,
          number: head.number,
          link: head.link,
          previous: signer && signed && (await this.#previous(chain, signed, signer.keyId)),
          time: new Date(clock()).toISOString(),
        },
        signer,
      );
      if (!(await storeCheckpoint(database, randomUUID(), checkpoint, newest))) continue;
      this.#followed.set(chain, { ...head, signedTo: signer === null ? 0 : head.number });
      onCheckpoint(checkpoint);
      return;
    }
  }

  async #follow(chain: string, head: Anchor, signed: Anchor | null): Promise<void> {
    const { database } = this.#options;
    const followed = this.#followed.get(chain);
    const signedTo = signed?.number ?? 0;
    if (followed !== undefined && head.number < followed.number) {
      throw new ChainContradicted(`the chain has ${head.number} events; it had ${followed.number}`);
    }
    if (followed !== undefined && signedTo < followed.signedTo) {
      throw new Refused('checkpoint_gone', `the signed checkpoint of event ${followed.signedTo} is gone`);
    }
    const removal = await lastRemoval(database, chain, this.#accepts);
    const anchor = followed ?? (await this.#firstAnchor(chain, head, signed ?? removal));
    await followChain(database, chain, { anchor, head, removal, mustHave: signed });
    this.#followed.set(chain, { ...head, signedTo });
  }

  /** What a new process takes a chain to continue from. */
  async #firstAnchor(chain: string, head: Anchor, proven: Anchor | null): Promise<Anchor> {
    if (this.#options.signer === null) return head;
    if (proven !== null) return proven;
    if (this.#options.mode === 'adopt' || (await this.#isYoung(chain))) return genesis(chain);
    throw new Refused(
      'never_signed',
      'no signed checkpoint vouches for it: they were deleted, signed with a key that is not known here, or it was never signed (audit-adopt signs it)',
    );
  }

  async #isYoung(chain: string): Promise<boolean> {
    // A chain without any event is.
    const rows = await this.#options.database.query<{ young: boolean }>(
      `select coalesce(min(occurred_at) > now() - $2 * interval '1 millisecond', true) as young
       from (select occurred_at from public.audit_events where chain = $1 order by number limit 1) first`,
      [chain, this.#options.lateMs],
    );
    return firstRow(rows).young;
  }

  async #headOf(chain: string): Promise<Anchor> {
    const [row] = await this.#options.database.query<{ length: string; link: string }>(
      'select length, link from public.chain_head($1)',
      [chain],
    );
    return row === undefined ? genesis(chain) : { number: Number(row.length), link: row.link };
  }

  /** The digest of the checkpoint that a new one follows: our own key's last, else the last of an earlier key. */
  async #previous(chain: string, last: StoredCheckpoint, keyId: string): Promise<string> {
    const wanted = { chain, order: 'newest', to: last.statement.number, keyId } as const;
    const own = await findCheckpoint(this.#options.database, wanted, this.#accepts);
    return (own ?? last).digest;
  }

  /** Whether we believe a statement: with a key, only what a known key signed. */
  readonly #accepts = (found: FoundText): boolean => {
    const { signer, verifiers } = this.#options;
    return signer === null ? found.signature === null : signedStatement(found, verifiers) !== null;
  };
}

class Refused extends Error {
  readonly contradiction: Omit<Contradiction, 'chain'>;

  constructor(reason: Contradiction['reason'], message: string) {
    super(message);
    this.contradiction = { reason, message };
  }
}
