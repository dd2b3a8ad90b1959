import type { AuditQuery } from './audit-event.ts';

/** Which events an export holds; all given conditions hold at once. */
export type AuditSelection = Omit<AuditQuery, 'limit' | 'cursor'>;

/** A statement under a signature in base64; `null` where nobody signed. */
export type SealedText = { readonly statement: string; readonly signature: string | null };

/** One entry of an exported chain, in the chain's own order. A header comes first, then each number once
 *  (an event, or its digest where the selection leaves it out), checkpoints after the event they are
 *  about, and the head of the chain as it stood when the export began. */
export type ExportEntry =
  | {
      readonly type: 'header';
      readonly chain: string;
      /** The first number; more than 1 where retention removed what was before. */
      readonly from: number;
      /** What the export was filtered by; `null`: nothing was left out. */
      readonly filter: Readonly<Record<string, string>> | null;
      /** What retention said of it. */
      readonly removal: SealedText | null;
    }
  | {
      readonly type: 'event';
      readonly number: number;
      /** Hexadecimal. */
      readonly digest: string;
      /** The event as it is stored: canonical JSON, which `digest` is the SHA-256 of. */
      readonly text: string;
    }
  | { readonly type: 'omitted'; readonly number: number; readonly digest: string }
  | ({ readonly type: 'checkpoint' } & SealedText)
  | { readonly type: 'end'; readonly number: number; readonly link: string };

/** How well a chain is covered by signed checkpoints. `signed`: the last one covers all of it; `behind`: there is more
 *  since; `late`: the first one came too long after the first event it covers; `unsigned`: no key that is known here
 *  signed any; `none`: there is none; `contradicted`: the chain does not continue what was signed before. */
export const chainStatuses = ['signed', 'behind', 'late', 'unsigned', 'none', 'contradicted'] as const;

/** A chain, and how well it is covered. */
export type ChainStatus = {
  readonly chain: string;
  /** How many events it ever had. */
  readonly length: number;
  /** Up to which number retention removed them; `null` where it has not. */
  readonly removedTo: number | null;
  readonly lastCheckpoint: {
    readonly number: number;
    readonly time: string;
    readonly keyId: string | null;
    readonly signed: boolean;
  } | null;
  /** The first signed checkpoint of what is there; `afterSeconds`: how long after the first event it was made. Until
   *  then nothing proved the chain. */
  readonly firstSigned: {
    readonly number: number;
    readonly time: string;
    readonly keyId: string | null;
    readonly afterSeconds: number;
  } | null;
  readonly status: (typeof chainStatuses)[number];
};
