import { canonicalJson } from './format/canonical-json.ts';
import { parseStatement, type Statement, signedStatement, type Verifier } from './format/statement.ts';
import { textOf } from './log-text.ts';

/** Checkpoints kept where the service cannot reach them, by chain, lowest number first. */
export type OutsideCheckpoints = ReadonlyMap<string, readonly Statement[]>;

export type FoundOutside = {
  readonly checkpoints: OutsideCheckpoints;
  /** How many look like checkpoints and are not signed by a given key. They count for nothing: anybody whose text is
   *  logged can write one. */
  readonly unproven: number;
};

// How much text is searched at a time, how much of it is searched again with what comes next, and how far from a
// statement its signature may stand.
const windowLength = 1024 * 1024;
const overlap = 8 * 1024;
const reach = 2000;

/** Finds checkpoints in what log platforms keep of what the service printed: lines of JSON, alone or behind a prefix, in
 *  Docker's or CRI's wrapping, in an array, pretty-printed, or as an escaped string in another object, however deep. It
 *  looks for the statements themselves, not for the form around them. Where no key is given unsigned ones are taken. */
export async function readOutsideCheckpoints(
  files: readonly AsyncIterable<Buffer>[],
  verifiers: ReadonlyMap<string, Verifier>,
): Promise<FoundOutside> {
  const found = new Map<string, Statement>();
  const unproven = new Set<string>();
  for (const file of files) {
    for await (const text of windowsOf(textOf(file))) findIn(text, verifiers, found, unproven);
  }
  const checkpoints = new Map<string, Statement[]>();
  for (const statement of found.values()) {
    const ofChain = checkpoints.get(statement.chain) ?? [];
    ofChain.push(statement);
    checkpoints.set(statement.chain, ofChain);
  }
  for (const ofChain of checkpoints.values()) ofChain.sort((one, other) => one.number - other.number);
  return { checkpoints, unproven: [...unproven].filter((text) => !found.has(text)).length };
}

async function* windowsOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let text = '';
  for await (const chunk of chunks) {
    text += chunk;
    if (text.length < windowLength) continue;
    yield text;
    text = text.slice(-overlap);
  }
  yield text;
}

// A quote, behind as many backslashes as it was escaped times.
const q = '\\\\*"';
const s = '\\s*';
const member = (name: string, value: string) => `${q}${name}${q}${s}:${s}${value}`;
const hash = `${q}[0-9a-f]{64}${q}`;
const statementPattern = new RegExp(
  `\\{${s}${[
    member('chain', `${q}([^"\\\\]{1,64})${q}`),
    member('keyId', `(?:null|${q}([0-9a-f]{16})${q})`),
    member('link', `${q}([0-9a-f]{64})${q}`),
    member('number', '(\\d{1,16})'),
    `(?:${member('previous', `(null|${hash})`)}${s},${s})?${member('time', `${q}([0-9TZ:.+-]{10,40})${q}`)}`,
    member('type', `${q}checkpoint${q}`),
  ].join(`${s},${s}`)}${s}\\}`,
  'g',
);
const signaturePattern = /[A-Za-z0-9+/]{86}==/g;

function findIn(
  window: string,
  verifiers: ReadonlyMap<string, Verifier>,
  found: Map<string, Statement>,
  unproven: Set<string>,
): void {
  const text = plain(window);
  for (const match of text.matchAll(statementPattern)) {
    const statementText = statementFrom(match);
    const statement = parseStatement(statementText);
    if (statement === null || found.has(statementText)) continue;
    if (statement.keyId === null) {
      if (verifiers.size === 0) found.set(statementText, statement);
      else unproven.add(statementText);
      continue;
    }
    const around = text.slice(Math.max(0, match.index - reach), match.index + match[0].length + reach);
    const signed = [...around.matchAll(signaturePattern)].some(
      ([base64]) =>
        signedStatement({ text: statementText, signature: Buffer.from(base64, 'base64') }, verifiers) !==
        null,
    );
    if (signed) found.set(statementText, statement);
    else unproven.add(statementText);
  }
}

/** Undoes what JSON writers escape besides quotes, once or more often: `\u0022`, `\/` and what base64 has. */
function plain(text: string): string {
  if (!/\\u00|\\\//.test(text)) return text;
  return text
    .replace(/\\+u0022/g, '"')
    .replace(/\\+u002[bB]/g, '+')
    .replace(/\\+u002[fF]/g, '/')
    .replace(/\\+u003[dD]/g, '=')
    .replace(/\\+\//g, '/');
}

function statementFrom([, chain, keyId, link, number, previous, time]: RegExpExecArray): string {
  const named = previous === undefined ? {} : { previous: /[0-9a-f]{64}/.exec(previous)?.[0] ?? null };
  return canonicalJson({
    chain,
    keyId: keyId ?? null,
    link,
    number: Number(number),
    ...named,
    time,
    type: 'checkpoint',
  });
}
