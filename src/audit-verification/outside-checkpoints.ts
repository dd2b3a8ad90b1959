import type { Statement, Verifier } from './format/statement.ts';
import { linesOf } from './lines.ts';
import { checkStatement } from './statements.ts';

/** Checkpoints kept where the service can't reach them, by chain, lowest number first. */
export type OutsideCheckpoints = ReadonlyMap<string, readonly Statement[]>;

/** Reads checkpoints out of what the service printed: JSON lines with `"stream":"audit-checkpoint"`, with
 *  whatever a log platform wrote before them. Other lines are passed over. Throws `Finding` for one whose
 *  signature does not hold. */
export async function readOutsideCheckpoints(
  files: readonly AsyncIterable<Buffer>[],
  verifiers: ReadonlyMap<string, Verifier>,
): Promise<OutsideCheckpoints> {
  const found = new Map<string, Statement[]>();
  for (const file of files) {
    for await (const { text, number } of linesOf(file)) {
      const checkpoint = text === null ? null : checkpointIn(text);
      if (checkpoint === null) continue;
      const statement = checkStatement(
        verifiers,
        checkpoint,
        { chain: null },
        `The checkpoint in line ${number} of the outside checkpoints`,
      );
      if (statement.type !== 'checkpoint') continue;
      const ofChain = found.get(statement.chain) ?? [];
      ofChain.push(statement);
      found.set(statement.chain, ofChain);
    }
  }
  for (const ofChain of found.values()) ofChain.sort((one, other) => one.number - other.number);
  return found;
}

function checkpointIn(line: string): { text: string; signature: Buffer | null } | null {
  if (!line.includes('audit-checkpoint')) return null;
  try {
    const { stream, statement, signature } = JSON.parse(line.slice(line.indexOf('{')));
    if (stream !== 'audit-checkpoint' || typeof statement !== 'string') return null;
    return {
      text: statement,
      signature: typeof signature === 'string' ? Buffer.from(signature, 'base64') : null,
    };
  } catch {
    return null;
  }
}
