import { Finding } from './finding.ts';
import { parseStatement, type Statement, type Verifier } from './format/statement.ts';

/** A statement as it was found: its text, and the signature, if there is one. */
export type FoundStatement = { readonly text: string; readonly signature: Buffer | null };

/** Reads a signed statement and checks its signature with the key it names, one of `verifiers`. An
 *  unsigned one passes: the caller sees from `keyId` that nobody vouches for it. Throws `Finding`. */
export function checkStatement(
  verifiers: ReadonlyMap<string, Verifier>,
  { text, signature }: FoundStatement,
  where: { chain: string | null; number?: number | null },
  name: string,
): Statement {
  const statement = parseStatement(text);
  if (statement === null) {
    throw new Finding(
      'malformed',
      where,
      `${name} is not a statement as the service writes it: ${brief(text)}`,
    );
  }
  const at = { chain: statement.chain, number: statement.number };
  if (statement.keyId === null) {
    if (signature === null) return statement;
    throw new Finding('bad_signature', at, `${name} has a signature but names no key.`);
  }
  if (signature === null) {
    throw new Finding('bad_signature', at, `${name} names the key ${statement.keyId} but has no signature.`);
  }
  const verifier = verifiers.get(statement.keyId);
  if (verifier === undefined) {
    throw new Finding(
      'unknown_key',
      at,
      `${name} is signed with the key ${statement.keyId}, which is not among the given public keys (${
        verifiers.size === 0 ? 'none' : [...verifiers.keys()].join(', ')
      }).`,
    );
  }
  if (!verifier.verify(text, signature)) {
    throw new Finding(
      'bad_signature',
      at,
      `The signature of ${lowerFirst(name)} is not the key's (${statement.keyId}).`,
    );
  }
  return statement;
}

function brief(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
