import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Checkpointer } from '../adapters/database/checkpoints.ts';
import { signerFrom, verifiersFrom } from '../audit-verification/format/statement.ts';
import { loadSigningSettings } from '../settings/settings.ts';
import { runProgram } from './program/run-program.ts';
import { withDatabase } from './program/with-database.ts';

/** `audit-adopt [--public-key FILE…] [--yes]`: signs audit chains for the first time that are too old for the service
 *  to do it by itself. Needs DATABASE_URL and AUDIT_SIGNING_KEY_FILE. Without --yes it only says what it would sign.
 *  Exits 0 when done, 1 when it failed or a chain contradicts what was signed, 2 for a call it does not understand. */

const usage = `Usage: audit-adopt [--public-key FILE…] [--yes]
  --public-key  earlier keys (SPKI PEM), whose checkpoints are believed
  --yes         signs; without it, it only says what it would sign
Verify the trail first (audit-verify). What is older than its first signature stays unproven until then.`;

await runProgram({ usage, parse, main, failed: (message) => `It could not be done: ${message}` });

async function main({ keyFiles, yes }: { keyFiles: string[]; yes: boolean }): Promise<number> {
  const { adminUrl: url, signingKeyFile } = loadSigningSettings();
  const signer = signerFrom(readFileSync(signingKeyFile, 'utf8'));
  const earlier = keyFiles.flatMap((file) => [...verifiersFrom(readFileSync(file, 'utf8'))]);
  const contradictions = await withDatabase(url, (database) =>
    new Checkpointer({
      database,
      signer,
      verifiers: new Map([...earlier, [signer.keyId, signer.verifier]]),
      clock: Date.now,
      lateMs: 0,
      mode: yes ? 'adopt' : 'report',
      onCheckpoint: ({ statement }) =>
        console.log(`${statement.chain}: signed up to event ${statement.number} (key ${statement.keyId}).`),
    }).makeAll(),
  );
  const young = contradictions.filter(({ reason }) => reason === 'never_signed');
  const wrong = contradictions.filter(({ reason }) => reason !== 'never_signed');
  for (const { chain } of young) console.log(`${chain}: would be signed for the first time.`);
  for (const { chain, message } of wrong) console.log(`${chain} is not signed: ${message}.`);
  if (young.length > 0) console.log('Nothing was signed. Say --yes to do it.');
  return wrong.length === 0 ? 0 : 1;
}

function parse(args: string[]): { keyFiles: string[]; yes: boolean } | null {
  const { values } = parseArgs({
    args,
    options: {
      'public-key': { type: 'string', multiple: true, default: [] },
      yes: { type: 'boolean', default: false },
    },
  });
  return { keyFiles: values['public-key'], yes: values.yes };
}
