import { type ExportEntry, ndjsonLineOf } from '../core/audit/audit-export.ts';
import { ChainChecker } from './chain-checker.ts';
import type { ChainReport } from './chain-proofs.ts';
import { Finding } from './finding.ts';
import { canonicalTextOf, isCanonical } from './format/canonical-json.ts';
import type { Verifier } from './format/statement.ts';
import { type Line, linesOf } from './lines.ts';
import type { OutsideCheckpoints } from './outside-checkpoints.ts';
import type { FoundStatement } from './statements.ts';

export type VerifyOptions = {
  readonly verifiers: ReadonlyMap<string, Verifier>;
  readonly outside: OutsideCheckpoints;
  /** Hears now and then how many events were checked. */
  readonly onProgress: (events: number) => void;
};

/** Checks an NDJSON export in constant memory: every hash, number and signature, and that each line stands
 *  there as the service writes it, so that no byte can be another. Throws a `Finding` for the first thing
 *  that is wrong. */
export async function verifyExport(
  chunks: AsyncIterable<Buffer>,
  options: VerifyOptions,
): Promise<ChainReport> {
  let checker: ChainChecker | null = null;
  let report: ChainReport | null = null;
  for await (const line of linesOf(chunks)) {
    if (report !== null) throw malformed(line, checker, 'there should be nothing after the end');
    const found = entryIn(line, checker);
    if (found.entry.type === 'header') {
      if (checker !== null) throw malformed(line, checker, 'a second header');
      checker = begin(found.entry, line, options);
    } else {
      if (checker === null) throw malformed(line, checker, 'the header is missing');
      report = feed(checker, found);
      if (checker.number % 1000 === 0) options.onProgress(checker.number);
    }
    // Said last: what an altered line says is worth more than that it was altered.
    if (!found.wellWritten) throw malformed(line, checker, 'it is not as the service writes it');
  }
  if (report !== null) return report;
  if (checker === null) throw new Finding('malformed', { chain: null }, 'This is no export: it is empty.');
  throw new Finding(
    'cut',
    { chain: checker.chain, number: checker.number },
    `The export breaks off after event ${checker.number}: its end is missing.`,
  );
}

function begin(
  header: Extract<ExportEntry, { type: 'header' }>,
  line: Line,
  { verifiers, outside }: VerifyOptions,
): ChainChecker {
  const checker = new ChainChecker(header.chain, { verifiers, outside: outside.get(header.chain) ?? [] });
  if (header.removal !== null) {
    checker.removed(foundStatement(header.removal.statement, header.removal.signature));
  }
  if (header.from !== checker.number + 1) {
    throw malformed(line, checker, `it says that the chain begins with ${header.from}`);
  }
  return checker;
}

type FoundEntry = { readonly entry: ExportEntry; readonly wellWritten: boolean };

function feed(checker: ChainChecker, { entry, wellWritten }: FoundEntry): ChainReport | null {
  switch (entry.type) {
    case 'event':
      checker.event({ ...entry, wellWritten });
      return null;
    case 'omitted':
      checker.omitted(entry);
      return null;
    case 'checkpoint':
      checker.checkpoint(foundStatement(entry.statement, entry.signature));
      return null;
    case 'end':
      return checker.end(entry);
    case 'header':
      return null;
  }
}

function entryIn(line: Line, checker: ChainChecker | null): FoundEntry {
  const value = parsed(line.text);
  const entry = value === null ? null : entryFrom(value, line.text ?? '');
  if (entry === null) throw malformed(line, checker, 'it is no entry of an export');
  return { entry, wellWritten: line.ended && ndjsonLineOf(entry) === line.text };
}

function entryFrom(value: Record<string, unknown>, line: string): ExportEntry | null {
  const { type, number, digest, chain, from, removal, statement, signature, link } = value;
  switch (type) {
    case 'header':
      if (typeof chain !== 'string' || !isNumber(from)) return null;
      if (removal === null) return { type, chain, from, removal };
      return isSealed(removal) ? { type, chain, from, removal } : null;
    case 'event': {
      if (!isNumber(number) || !isHash(digest) || !isObject(value.event)) return null;
      const text = textOf(value.event, line, number, digest);
      return text === null ? null : { type, number, digest, text };
    }
    case 'omitted':
      return isNumber(number) && isHash(digest) ? { type, number, digest } : null;
    case 'checkpoint': {
      const sealed = { statement, signature };
      return isSealed(sealed) ? { type, ...sealed } : null;
    }
    case 'end':
      return isNumber(number) && isHash(link) ? { type, number, link } : null;
    default:
      return null;
  }
}

/** The event's canonical text: a part of the line, where the line is as the service writes it. */
function textOf(event: object, line: string, number: number, digest: string): string | null {
  const before = ndjsonLineOf({ type: 'event', number, digest, text: '' }).slice(0, -1);
  if (line.startsWith(before) && line.endsWith('}')) {
    const text = line.slice(before.length, -1);
    if (isCanonical(text, event)) return text;
  }
  return canonicalTextOf(event);
}

function foundStatement(text: string, signature: string | null): FoundStatement {
  return { text, signature: signature === null ? null : Buffer.from(signature, 'base64') };
}

function malformed(line: Line, checker: ChainChecker | null, words: string): Finding {
  const where = { chain: checker?.chain ?? null, number: checker?.number ?? null };
  return new Finding('malformed', where, `Line ${line.number} of the export is not in order: ${words}.`);
}

function parsed(text: string | null): Record<string, unknown> | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isHash = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

// A signature must be in the one spelling base64 has for it.
const isSealed = (value: unknown): value is { statement: string; signature: string | null } => {
  if (!isObject(value) || !('statement' in value) || !('signature' in value)) return false;
  const { statement, signature } = value;
  if (typeof statement !== 'string') return false;
  if (signature === null) return true;
  return typeof signature === 'string' && Buffer.from(signature, 'base64').toString('base64') === signature;
};
