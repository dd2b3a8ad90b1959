/** Where an event stands in the chain, as this browser worked it out of an export. All hexadecimal. */
export type EventProof = {
  readonly number: number;
  /** SHA-256 of the event's text. */
  readonly digest: string;
  readonly previousLink: string;
  /** SHA-256 of the previous link followed by the digest: it stands for all events up to this one. */
  readonly link: string;
};

export type ChainProof = {
  readonly chain: string;
  /** By event id; of the events that the export has in full. */
  readonly events: ReadonlyMap<string, EventProof>;
  readonly length: number;
  /** The numbers at which a signed checkpoint stands, in order: each covers all events up to it. */
  readonly checkpoints: readonly number[];
};

/** The export is not what it should be: something was changed, removed or cut. */
export class ProofFailed extends Error {
  readonly number: number;
  readonly kind: 'altered' | 'number' | 'checkpoint' | 'end' | 'incomplete' | 'malformed';

  constructor(kind: ProofFailed['kind'], number: number) {
    super(`${kind} at ${number}`);
    this.name = 'ProofFailed';
    this.kind = kind;
    this.number = number;
  }
}

type Line =
  | {
      readonly type: 'header';
      readonly chain: string;
      readonly from: number;
      readonly removal: Sealed | null;
    }
  | {
      readonly type: 'event';
      readonly number: number;
      readonly digest: string;
      readonly event: { id: string };
    }
  | { readonly type: 'omitted'; readonly number: number; readonly digest: string }
  | ({ readonly type: 'checkpoint' } & Sealed)
  | { readonly type: 'end'; readonly number: number; readonly link: string };
type Sealed = { readonly statement: string; readonly signature: string | null };

/** Recomputes a chain out of an export as `ndjson`, line by line as it arrives: each digest of its event,
 *  each link of the one before, and that the checkpoints say the same. The signatures are not checked: the
 *  key to do it with must come from another place than this service (docs/audit.md).
 *  Fails with `ProofFailed`. */
export async function proveChain(
  lines: AsyncIterable<string>,
  onProgress: (number: number) => void = () => {},
): Promise<ChainProof> {
  const events = new Map<string, EventProof>();
  let chain: string | null = null;
  let link = '';
  let number = 0;
  const checkpoints: number[] = [];
  let ended = false;

  for await (const text of lines) {
    // Nothing comes after the end.
    if (ended) throw new ProofFailed('malformed', number);
    const line = parsed(text, number);
    if (line.type === 'header') {
      chain = line.chain;
      number = line.from - 1;
      link = line.removal === null ? await hashed(genesisOf(chain)) : statementOf(line.removal, number).link;
    } else if (chain === null) {
      throw new ProofFailed('malformed', 0);
    } else if (line.type === 'event' || line.type === 'omitted') {
      if (line.number !== number + 1) throw new ProofFailed('number', line.number);
      number = line.number;
      if (line.type === 'event' && (await hashed(utf8(eventTextOf(text, number)))) !== line.digest) {
        throw new ProofFailed('altered', number);
      }
      const previousLink = link;
      link = await hashed(fromHex(previousLink + line.digest));
      if (line.type === 'event')
        events.set(line.event.id, { number, digest: line.digest, previousLink, link });
      if (number % 500 === 0) onProgress(number);
    } else if (line.type === 'checkpoint') {
      const said = statementOf(line, number);
      if (said.number !== number || said.link !== link) throw new ProofFailed('checkpoint', number);
      if (line.signature !== null) checkpoints.push(number);
    } else {
      if (line.number !== number || line.link !== link) throw new ProofFailed('end', number);
      ended = true;
    }
  }
  if (chain === null || !ended) throw new ProofFailed('incomplete', number);
  return { chain, events, length: number, checkpoints };
}

/** The lines of a body as it arrives. */
export async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const reader = body.getReader();
  let rest = '';
  let ended = false;
  try {
    while (!ended) {
      const { done, value } = await reader.read();
      ended = done;
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
    if (rest !== '') yield rest;
  } finally {
    // Whoever has seen enough ends the download.
    if (!ended) await reader.cancel().catch(() => {});
  }
}

function parsed(text: string, number: number): Line {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProofFailed('malformed', number);
  }
}

// What is hashed is the event as it is written in the line, and not what JSON.parse makes of it.
function eventTextOf(line: string, number: number): string {
  const match = /^\{"type":"event","number":\d+,"digest":"[0-9a-f]{64}","event":(\{.*\})\}$/s.exec(line);
  if (match?.[1] === undefined) throw new ProofFailed('malformed', number);
  return match[1];
}

function statementOf({ statement }: Sealed, number: number): { number: number; link: string } {
  try {
    return JSON.parse(statement);
  } catch {
    throw new ProofFailed('malformed', number);
  }
}

function genesisOf(chain: string): Uint8Array<ArrayBuffer> {
  return utf8(`chromeos-connector-bff audit chain ${chain}`);
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

async function hashed(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
