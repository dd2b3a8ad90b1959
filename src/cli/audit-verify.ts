import { createReadStream, readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { connectionConfigFrom } from '../adapters/database/connection-config.ts';
import { secretFrom } from '../adapters/files/followed-secret.ts';
import type { ChainReport } from '../audit-verification/chain-proofs.ts';
import { verifyExport } from '../audit-verification/export-file.ts';
import { Finding } from '../audit-verification/finding.ts';
import { type Verifier, verifierFrom } from '../audit-verification/format/statement.ts';
import { readOutsideCheckpoints } from '../audit-verification/outside-checkpoints.ts';
import { summaryOf, warningsOf } from '../audit-verification/report.ts';
import { verifyStored } from '../audit-verification/stored-chains.ts';
import { loadDatabaseSettings, SettingsError } from '../settings/settings.ts';

/** `audit-verify --public-key FILE… [--checkpoints FILE] [EXPORT.ndjson]`: checks the audit trail of
 *  DATABASE_URL, or of an exported file, where nothing else is needed. Exits 0 when nothing is wrong, 1 when
 *  it could not look, 2 for a call it does not understand; docs/audit.md has the codes of what is wrong. */

const usage = `Usage: audit-verify --public-key FILE… [--checkpoints FILE…] [--json] [EXPORT.ndjson]
  --public-key   an Ed25519 public key (SPKI PEM) that checkpoints were signed with; several, as keys rotate;
                 none only where nothing was ever signed
  --checkpoints  what the service printed on stdout, kept elsewhere: proves that no tail was cut off
  --json         the result as one JSON object
Without EXPORT.ndjson it checks the database of DATABASE_URL.`;

type Command = {
  keyFiles: string[];
  checkpointFiles: string[];
  exportFile: string | null;
  json: boolean;
};

const command = parse(process.argv.slice(2));
if (command === null) {
  console.error(usage);
  process.exitCode = 2;
} else {
  process.exitCode = await main(command);
}

async function main({ keyFiles, checkpointFiles, exportFile, json }: Command): Promise<number> {
  const progress = progressBar();
  try {
    const verifiers = readKeys(keyFiles);
    const outside = await readOutsideCheckpoints(checkpointFiles.map(read), verifiers);
    const options = { verifiers, outside, onProgress: progress.at };
    const reports =
      exportFile === null
        ? await verifyDatabase({ ...options, onTotal: progress.of })
        : [await verifyExport(progress.through(exportFile, read(exportFile)), options)];
    progress.clear();
    const warnings = warningsOf(reports, outside.size > 0);
    if (checkpointFiles.length > 0 && outside.size === 0) {
      warnings.unshift('There is no checkpoint in what --checkpoints names.');
    }
    report(reports, warnings, json);
    return 0;
  } catch (error) {
    progress.clear();
    if (error instanceof Finding) {
      const { kind, chain, number, message, exitCode } = error;
      if (json) console.log(JSON.stringify({ ok: false, exitCode, kind, chain, number, message }));
      else console.log(`NOT AS IT WAS WRITTEN (${kind})${chain === null ? '' : ` in ${chain}`}: ${message}`);
      return exitCode;
    }
    const words = error instanceof Error ? error.message : 'unknown error';
    console.error(error instanceof SettingsError ? words : `It could not be checked: ${words}`);
    return 1;
  }
}

function report(reports: readonly ChainReport[], warnings: readonly string[], json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ ok: true, exitCode: 0, chains: reports, warnings }));
    return;
  }
  for (const one of reports) console.log(summaryOf(one));
  if (reports.length === 0) console.log('There is no audit chain yet.');
  for (const warning of warnings) console.log(`Warning: ${warning}`);
}

async function verifyDatabase(options: Parameters<typeof verifyStored>[1]): Promise<ChainReport[]> {
  const client = new pg.Client({
    ...connectionConfigFrom(secretFrom(loadDatabaseSettings().url)),
    connectionTimeoutMillis: 10_000,
  });
  // The statement under way fails with it.
  client.on('error', () => {});
  await client.connect();
  try {
    return await verifyStored(client, options);
  } finally {
    await client.end();
  }
}

function readKeys(files: readonly string[]): Map<string, Verifier> {
  const verifiers = files.map((file) => {
    const pem = readFileSync(file, 'utf8');
    try {
      return verifierFrom(pem);
    } catch {
      throw new Error(`${file} is not an Ed25519 public key in SPKI PEM`);
    }
  });
  return new Map(verifiers.map((verifier) => [verifier.keyId, verifier]));
}

async function* read(file: string): AsyncGenerator<Buffer> {
  // Opened when it is read: a file that is not there is then told as any other failure.
  yield* createReadStream(file, { highWaterMark: 1024 * 1024 });
}

function parse(args: string[]): Command | null {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        'public-key': { type: 'string', multiple: true },
        checkpoints: { type: 'string', multiple: true },
        json: { type: 'boolean', default: false },
      },
    });
    const keyFiles = values['public-key'] ?? [];
    // Several after one --public-key look like exports, and are told by what is in them.
    const others = positionals.filter((file) => !isKey(file) || !keyFiles.push(file));
    const [exportFile = null] = others;
    if (others.length > 1) return null;
    return { keyFiles, checkpointFiles: values.checkpoints ?? [], exportFile, json: values.json };
  } catch {
    return null;
  }
}

function isKey(file: string): boolean {
  try {
    return statSync(file).size < 10_000 && readFileSync(file, 'latin1').startsWith('-----BEGIN PUBLIC KEY');
  } catch {
    return false;
  }
}

/** Shows on a terminal how far it is. */
function progressBar() {
  const { stderr } = process;
  const width = 30;
  let total = 0;
  let drawn = 0;
  let share: (events: number) => number = (events) => (total === 0 ? 0 : events / total);
  const draw = (events: number) => {
    if (!stderr.isTTY || Date.now() - drawn < 100) return;
    drawn = Date.now();
    const done = Math.min(1, share(events));
    const filled = Math.round(done * width);
    const bar = '#'.repeat(filled).padEnd(width, '.');
    stderr.write(`\r[${bar}] ${String(Math.floor(done * 100)).padStart(3)} %  ${events} events\x1b[K`);
  };
  return {
    at: draw,
    of(events: number) {
      total = events;
    },
    /** A file's chunks, which tell how far it was read: nobody knows how many events it has. */
    async *through(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      const { size } = statSync(file);
      let seen = 0;
      share = () => seen / Math.max(1, size);
      for await (const chunk of chunks) {
        seen += chunk.length;
        yield chunk;
      }
    },
    clear() {
      if (stderr.isTTY && drawn > 0) stderr.write('\r\x1b[K');
    },
  };
}
