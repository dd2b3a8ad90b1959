import { createReadStream, readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ChainReport } from '../audit-verification/chain-proofs.ts';
import { verifyExport } from '../audit-verification/export-file.ts';
import { Findings } from '../audit-verification/finding.ts';
import { type Verifier, verifiersFrom } from '../audit-verification/format/statement.ts';
import { readOutsideCheckpoints } from '../audit-verification/outside-checkpoints.ts';
import { printable } from '../audit-verification/printable.ts';
import { summaryOf, warningsOf } from '../audit-verification/report.ts';
import { progressBar } from './program/progress-bar.ts';
import { runProgram } from './program/run-program.ts';

/** `audit-verify --public-key FILE… [--checkpoints FILE] [EXPORT.ndjson]`: checks the audit trail of
 *  DATABASE_URL, or of an exported file, where nothing else is needed. Exits 0 when nothing is wrong, 1 when
 *  it could not check, 2 for a call it does not understand; docs/audit.md has the codes of what is wrong. */

const usage = `Usage: audit-verify --public-key FILE… [--checkpoints FILE…] [--late TIME] [--json] [EXPORT.ndjson]
  --public-key   an Ed25519 public key (SPKI PEM) that checkpoints were signed with; several, as keys rotate,
                 in one file or in many; none only where nothing was ever signed
  --checkpoints  what the service printed on stdout, as a log platform keeps it (gzip and UTF-16 too): proves that
                 no tail was cut off
  --late         how long an event may have waited for a signed checkpoint: 90s, 10m, 1h (the default), 30d
  --json         the result as one JSON object
Without EXPORT.ndjson it checks the database of DATABASE_URL.`;

type Command = {
  keyFiles: string[];
  checkpointFiles: string[];
  exportFile: string | null;
  lateMs: number;
  json: boolean;
};

/** `--checkpoints` was given, and there is no checkpoint in it. */
const noCheckpointsExitCode = 24;

await runProgram({
  usage,
  parse,
  main,
  failed: (message) => `It could not be checked: ${printable(message)}`,
});

async function main({ keyFiles, checkpointFiles, exportFile, lateMs, json }: Command): Promise<number> {
  const verifiers = readKeys(keyFiles);
  const outside = await readOutsideCheckpoints(checkpointFiles.map(read), verifiers);
  const findings = new Findings();
  const reports = await verify(exportFile, { verifiers, outside: outside.checkpoints, findings, lateMs });
  const warnings = warningsOf(reports, findings, outside);
  const noCheckpoints = checkpointFiles.length > 0 && outside.checkpoints.size === 0;
  if (noCheckpoints) {
    warnings.unshift('There is no checkpoint signed with a given key in what --checkpoints names.');
  }
  const exitCode = findings.exitCode || (noCheckpoints ? noCheckpointsExitCode : 0);
  if (json) console.log(printable(JSON.stringify(resultOf(exitCode, reports, findings, warnings))));
  else report(reports, findings, warnings);
  return exitCode;
}

/** Verifies an exported file, or the database where `exportFile` is `null`, and shows its progress meanwhile. */
async function verify(
  exportFile: string | null,
  options: Omit<Parameters<typeof verifyExport>[1], 'onProgress'>,
): Promise<ChainReport[]> {
  const progress = progressBar();
  const onProgress = progress.at;
  try {
    if (exportFile === null) {
      // A file is verified with nothing of the service loaded.
      const { verifyDatabase } = await import('./program/verify-database.ts');
      return await verifyDatabase({ ...options, onProgress, onTotal: progress.of });
    }
    const chunks = progress.through(exportFile, read(exportFile));
    const found = await verifyExport(chunks, { ...options, onProgress });
    return found === null ? [] : [found];
  } finally {
    progress.clear();
  }
}

function resultOf(
  exitCode: number,
  chains: readonly ChainReport[],
  findings: Findings,
  warnings: readonly string[],
): object {
  return {
    ok: exitCode === 0,
    exitCode,
    findings: findings.list.map(({ kind, chain, number, message, exitCode: code }) => ({
      kind,
      exitCode: code,
      chain,
      number,
      message,
    })),
    more: findings.more,
    chains,
    warnings,
  };
}

function report(reports: readonly ChainReport[], findings: Findings, warnings: readonly string[]): void {
  const say = (line: string) => console.log(printable(line));
  const wrong = findings.list.length > 0;
  if (wrong) say('THE TRAIL IS NOT AS IT SHOULD BE:');
  for (const { kind, chain, message } of findings.list) {
    say(`  ${kind}${chain === null ? '' : ` in ${chain}`}: ${message}`);
  }
  for (const { kind, chain, count } of findings.more)
    say(`  and ${count} more of the kind ${kind} in ${chain}`);
  if (wrong) say('');
  for (const one of reports) say(summaryOf(one, findings));
  if (reports.length === 0 && !wrong) say('There is no audit chain yet.');
  for (const warning of warnings) say(`Warning: ${warning}`);
}

function readKeys(files: readonly string[]): Map<string, Verifier> {
  const verifiers = files.flatMap((file) => {
    const pem = readFileSync(file, 'utf8');
    try {
      return [...verifiersFrom(pem)];
    } catch {
      throw new Error(`${file} is not an Ed25519 public key in SPKI PEM`);
    }
  });
  return new Map(verifiers);
}

async function* read(file: string): AsyncGenerator<Buffer> {
  // Opened when it is read, so that a missing file is reported like any other failure.
  yield* createReadStream(file, { highWaterMark: 1024 * 1024 });
}

function parse(args: string[]): Command | null {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      'public-key': { type: 'string', multiple: true },
      checkpoints: { type: 'string', multiple: true },
      late: { type: 'string', default: '1h' },
      json: { type: 'boolean', default: false },
    },
  });
  const keyFiles = values['public-key'] ?? [];
  // Several files after one --public-key are positionals, as exports are; their content shows that they are keys.
  const others = positionals.filter((file) => !isKey(file) || !keyFiles.push(file));
  const [exportFile = null] = others;
  const lateMs = millisecondsIn(values.late);
  if (others.length > 1 || lateMs === null) return null;
  return { keyFiles, checkpointFiles: values.checkpoints ?? [], exportFile, lateMs, json: values.json };
}

function millisecondsIn(text: string): number | null {
  const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  return count === undefined ? null : Number(count) * units[unit as keyof typeof units];
}

function isKey(file: string): boolean {
  try {
    return statSync(file).size < 10_000 && readFileSync(file, 'latin1').startsWith('-----BEGIN PUBLIC KEY');
  } catch {
    return false;
  }
}
