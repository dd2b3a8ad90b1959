/** One change of an SQL text: what stands from `start` to `end` becomes `replacement`. */
export type SqlChange = { readonly start: number; readonly end: number; readonly replacement: string };

type Rule = readonly [pattern: RegExp, ...replacements: string[]];

// What PostgreSQL does not take as a function is no change of one: whoever tries these leaves it out.
const ofCode: readonly Rule[] = [
  // A statement: what it requires, locks, writes or removes.
  [/(?<=(?:;|\bthen|\bbegin|\bloop|\belse)\s+)(?:perform|insert|update|delete|raise)\b[^;]*/g, 'null'],
  [/\bif (?!not exists|exists)[^;]+? then\b/g, 'if true then', 'if false then'],
  [/\bwhen (?!found|not matched)[^;]+? then\b/g, 'when true then', 'when false then'],
  [/\b(?:exit|continue) when [^;]+/g, 'null'],
  [/ for update\b/g, ''],
  [/\bnot (?=exists|found|enabled)/g, ''],
  [/(?<!\bnot )\b(?=exists ?\()/g, 'not '],
  [/(?<=\bif )(?=found\b)/g, 'not '],
  [/\bis distinct from\b/g, 'is not distinct from'],
  [/\bis not distinct from\b/g, 'is distinct from'],
  [/\bis null\b/g, 'is not null'],
  [/\bis not null\b/g, 'is null'],
  [/ and /g, ' or '],
  [/(?<!\bcreate)\s+or (?!replace|update|delete|truncate)/g, ' and '],
  [/(?<= )=(?= )/g, '<>'],
  [/(?<= )<>(?= )/g, '='],
  [/(?<= )<(?= )/g, '<=', '>='],
  [/(?<= )<=(?= )/g, '<', '>'],
  [/(?<= )>(?= )/g, '>=', '<='],
  [/(?<= )>=(?= )/g, '>', '<'],
  [/(?<= )\+(?= )/g, '-'],
  [/(?<= )-(?= )/g, '+'],
  [/ desc\b/g, ''],
  [/ limit 1\b/g, ''],
  [/\breturn true\b/g, 'return false'],
  [/\breturn false\b/g, 'return true'],
  [/\bclock_timestamp\(\)/g, 'now()'],
  [/\bcoalesce\(((?:[^(),]|\([^()]*\))+), ((?:[^(),]|\([^()]*\))+)\)/g, '($1)', '($2)'],
  [/\bleast\(/g, 'greatest('],
  [/ on conflict do nothing\b/g, ''],
  // Who may call it, as whom it runs, and of which changes a trigger hears.
  [/ security definer\b/g, ''],
  [/\brevoke execute on function ([^;]+?)\s+from public\b/g, 'grant execute on function $1 to public'],
  [/(?<=\bbefore )\w+ or /g, ''],
  [/(?<=\bbefore [\w ]+) or \w+(?= on\b)/g, ''],
];

// Comments, and what a template literal puts in.
const notCode = /--.*|\$\{[^}]*\}/g;

/** Every change of one place of an SQL text that is tried, in its order. */
export function changesOfSql(sql: string): SqlChange[] {
  const code = blankOut(sql, notCode).replace(/'[^']*'/g, (text) => `'${' '.repeat(text.length - 2)}'`);
  const changes = ofCode.flatMap(([pattern, ...replacements]) =>
    [...code.matchAll(pattern)].flatMap((found) =>
      replacements.map((replacement) => {
        const end = found.index + found[0].length;
        const original = sql.slice(found.index, end);
        return {
          start: found.index,
          end,
          replacement: replacement.includes('$') ? original.replace(pattern, replacement) : replacement,
        };
      }),
    ),
  );
  return [...changes, ...changesOfTexts(sql)]
    .filter(({ start, end, replacement }) => sql.slice(start, end) !== replacement)
    .sort((one, other) => one.start - other.start || one.end - other.end);
}

/** Texts that a function gives, compares with or finds a member by; what it says when it raises is not looked at. */
function changesOfTexts(sql: string): SqlChange[] {
  const code = blankOut(blankOut(sql, notCode), /raise exception '[^']*'/g);
  return [...code.matchAll(/'[\w-]+'/g)].map(({ index, 0: text }) => ({
    start: index,
    end: index + text.length,
    replacement: "'mutant'",
  }));
}

function blankOut(text: string, pattern: RegExp): string {
  return text.replace(pattern, (found) => found.replace(/[^\n]/g, ' '));
}
