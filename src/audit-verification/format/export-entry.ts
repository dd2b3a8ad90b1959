/** A statement with its signature in base64; `null` if it is not signed. */
export type SealedText = { readonly statement: string; readonly signature: string | null };

/** What an export was filtered by: names of filters and their values. */
export type ExportFilter = Readonly<Record<string, string>>;

/** One entry of an exported chain, in the chain's own order. A header comes first, then each number once
 *  (an event, or its digest where the filter leaves it out), checkpoints after the event they are
 *  about, and the head of the chain as it was when the export began. */
export type ExportEntry =
  | {
      readonly type: 'header';
      readonly chain: string;
      /** The first number; more than 1 where retention removed what was before. */
      readonly from: number;
      /** `null`: nothing was left out. */
      readonly filter: ExportFilter | null;
      /** Retention's statements about what it removed. */
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

/** An entry as a line of an NDJSON export, without the line feed. The verifier accepts no other form. */
export function ndjsonLineOf(entry: ExportEntry): string {
  switch (entry.type) {
    case 'header': {
      const { chain, from, filter, removal } = entry;
      return JSON.stringify({
        type: 'header',
        format: 'chromeos-connector-bff audit export',
        version: 1,
        chain,
        from,
        filter,
        removal: removal && { statement: removal.statement, signature: removal.signature },
      });
    }
    case 'event':
      return `{"type":"event","number":${entry.number},"digest":"${entry.digest}","event":${entry.text}}`;
    case 'omitted':
      return `{"type":"omitted","number":${entry.number},"digest":"${entry.digest}"}`;
    case 'checkpoint':
      return JSON.stringify({
        type: 'checkpoint',
        statement: entry.statement,
        signature: entry.signature,
      });
    case 'end':
      return `{"type":"end","number":${entry.number},"link":"${entry.link}"}`;
  }
}
