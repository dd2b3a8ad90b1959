import { ChainChecker } from './chain-checker.ts';
import type { ChainReport } from './chain-proofs.ts';
import { Finding, type Findings } from './finding.ts';
import { canonicalTextOf, isCanonical } from './format/canonical-json.ts';
import { type ExportEntry, type ExportFilter, ndjsonLineOf } from './format/export-entry.ts';
import type { Verifier } from './format/statement.ts';
import { type Line, linesOf } from './lines.ts';
import type { OutsideCheckpoints } from './outside-checkpoints.ts';
import type { FoundStatement } from './statements.ts';

export type VerifyOptions = {
  readonly verifiers: ReadonlyMap<string, Verifier>;
  readonly outside: OutsideCheckpoints;
  /** Collects everything that is wrong. */
  readonly findings: Findings;
  /** How long an event may wait for a signed checkpoint, in milliseconds. */
  readonly lateMs: number;
  /** The time of the check, in milliseconds since the epoch; of a database, now by default. */
  readonly now?: number;
  /** Called now and then with the number of events checked so far. */
  readonly onProgress: (events: number) => void;
};

/** Checks an NDJSON export in constant memory: every hash, number and signature, and that each line is
 *  written exactly as the service writes it, so that no byte can differ. Reports everything that is wrong to `findings`;
 *  gives `null` if the file has no header, or no end. */
export async function verifyExport(
  chunks: AsyncIterable<Buffer>,
  options: VerifyOptions,
): Promise<ChainReport | null> {
  const { findings } = options;
  let checker: ChainChecker | null = null;
  let filter: ExportFilter | null = null;
  let report: ChainReport | null = null;
  let headerMissed = false;
  const malformed = (line: Line, message: string) => {
    const where = { chain: checker?.chain ?? null, number: checker?.number ?? null };
    findings.add(
      new Finding('malformed', where, `Line ${line.number} of the export is not in order: ${message}.`),
    );
  };
  for await (const line of linesOf(chunks)) {
    if (report !== null) {
      malformed(line, 'there should be nothing after the end');
      continue;
    }
    const found = entryIn(line);
    if (found === null) {
      malformed(line, 'it is no entry of an export');
      continue;
    }
    const { entry, wellWritten } = found;
    if (entry.type === 'header') {
      if (checker !== null) {
        malformed(line, 'a second header');
        continue;
      }
      filter = entry.filter;
      checker = begin(entry, options);
      if (entry.from !== checker.number + 1)
        malformed(line, `it says that the chain begins with ${entry.from}`);
    } else if (checker === null) {
      if (!headerMissed) malformed(line, 'the header is missing');
      headerMissed = true;
      continue;
    } else {
      report = feed(checker, found, filter);
      if (checker.number % 1000 === 0) options.onProgress(checker.number);
    }
    // Reported last: what an altered line says is worth more than that it was altered.
    if (!wellWritten) malformed(line, 'it is not as the service writes it');
  }
  if (report !== null) return report;
  if (checker !== null) {
    const where = { chain: checker.chain, number: checker.number };
    const message = `The export breaks off after event ${checker.number}: its end is missing.`;
    findings.add(new Finding('cut', where, message));
  } else if (!headerMissed) {
    findings.add(new Finding('malformed', { chain: null }, 'This is no export: it is empty.'));
  }
  return null;
}

function begin(header: Extract<ExportEntry, { type: 'header' }>, options: VerifyOptions): ChainChecker {
  const outside = options.outside.get(header.chain) ?? [];
  const checker = new ChainChecker(header.chain, { ...options, outside });
  if (header.removal !== null) {
    checker.removed(foundStatement(header.removal.statement, header.removal.signature));
  }
  return checker;
}

type FoundEntry = { readonly entry: ExportEntry; readonly wellWritten: boolean };

function feed(
  checker: ChainChecker,
  { entry, wellWritten }: FoundEntry,
  filter: ExportFilter | null,
): ChainReport | null {
  switch (entry.type) {
    case 'event':
      checker.event({ ...entry, wellWritten });
      return null;
    case 'omitted':
      checker.omitted({ ...entry, allowed: filter !== null });
      return null;
    case 'checkpoint':
      checker.checkpoint(foundStatement(entry.statement, entry.signature));
      return null;
    case 'end':
      // An export is as old as its last event, which records the request for it.
      return checker.end(entry, checker.lastTime);
    case 'header':
      return null;
  }
}

function entryIn(line: Line): FoundEntry | null {
  const value = parsed(line.text);
  const entry = value === null ? null : entryFrom(value, line.text ?? '');
  return entry && { entry, wellWritten: line.ended && ndjsonLineOf(entry) === line.text };
}

function entryFrom(value: Record<string, unknown>, line: string): ExportEntry | null {
  const { type, number, digest, chain, from, filter, removal, statement, signature, link } = value;
  switch (type) {
    case 'header':
      if (typeof chain !== 'string' || !isNumber(from) || !isFilter(filter)) return null;
      if (removal === null) return { type, chain, from, filter, removal };
      return isSealed(removal) ? { type, chain, from, filter, removal } : null;
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

/** The event's canonical text: a part of the line, if the line is written as the service writes it. */
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

const isFilter = (value: unknown): value is ExportFilter | null =>
  value === null || (isObject(value) && Object.values(value).every((each) => typeof each === 'string'));

// A signature must be in its one canonical base64 form.
const isSealed = (value: unknown): value is { statement: string; signature: string | null } => {
  if (!isObject(value) || !('statement' in value) || !('signature' in value)) return false;
  const { statement, signature } = value;
  if (typeof statement !== 'string') return false;
  if (signature === null) return true;
  return typeof signature === 'string' && Buffer.from(signature, 'base64').toString('base64') === signature;
};
