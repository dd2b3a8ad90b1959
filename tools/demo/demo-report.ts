import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colour on a terminal only, and not when NO_COLOR is set. */
const paint = (style: Style, text: string) => styleText(style, text, { stream: process.stdout });
const say = (text = '') => void process.stdout.write(`${text}\n`);

export const report = {
  title: (text: string) => say(`\n${paint('bold', text)}`),
  step: (name: string, text: string) => say(`  ${paint('green', '✓')} ${name.padEnd(11)} ${text}`),
  note: (text: string) => say(`    ${paint('yellow', text)}`),
  line: (text = '') => say(text === '' ? '' : `  ${text}`),
  command: (text: string) => say(indent(paint('cyan', text))),
  faint: (text: string) => say(indent(paint('dim', text))),
  end: (text: string) => say(`\n${text}`),
  failure(sentence: string, details: readonly string[]) {
    process.stderr.write(`\n${styleText('red', sentence, { stream: process.stderr })}\n`);
    for (const line of details) process.stderr.write(`  ${line}\n`);
  },
  answer(answer: { status: number; headers: [string, string][]; body: string }) {
    const style = answer.status < 300 ? 'green' : 'red';
    say(`  ${paint([style, 'bold'], `HTTP ${answer.status}`)}`);
    for (const [name, value] of answer.headers) say(`  ${paint('dim', `${name}:`)} ${value}`);
    say(indent(pretty(answer.body)));
  },
  pair,
  metrics(lines: MovedMetric[]) {
    for (const { line, before, after } of lines) {
      say(`  ${line} ${paint('dim', `${before} →`)} ${paint('green', String(Number(after.toPrecision(6))))}`);
    }
  },
};

/** Two records: what they share once, what differs side by side. */
function pair(left: object, right: object): void {
  const [one, two] = [flatten(left), flatten(right)];
  // Which of the two it is comes first, as a heading.
  const names = [...new Set(['event', ...one.keys(), ...two.keys()])];
  const width = Math.max(...names.map((name) => name.length));
  const same = names.filter((name) => one.get(name) === two.get(name));
  const column = Math.max(
    ...names.filter((name) => !same.includes(name)).map((n) => (one.get(n) ?? '').length),
  );
  for (const name of names.filter((each) => !same.includes(each))) {
    const [first, second] = [(one.get(name) ?? '-').padEnd(column), two.get(name) ?? '-'];
    say(`  ${paint('dim', name.padEnd(width))}  ${paint('bold', first)}  ${paint('bold', second)}`);
  }
  for (const name of same) say(`  ${paint('dim', name.padEnd(width))}  ${one.get(name)}`);
}

function flatten(value: object, prefix = ''): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [name, each] of Object.entries(value)) {
    if (typeof each === 'object' && each !== null) {
      for (const [inner, text] of flatten(each, `${prefix}${name}.`)) flat.set(inner, text);
    } else {
      flat.set(`${prefix}${name}`, each === null || each === undefined ? '-' : String(each));
    }
  }
  return flat;
}

export type MovedMetric = { line: string; before: number; after: number };

/** The service's own metrics that two scrapes tell apart; a histogram's buckets and the process's
 *  own figures left out. */
export function movedMetrics(before: string, after: string): MovedMetric[] {
  const old = samples(before);
  return [...samples(after)]
    .map(([line, value]) => ({ line, before: old.get(line) ?? 0, after: value }))
    .filter((metric) => metric.before !== metric.after);
}

function samples(exposition: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of exposition.split('\n')) {
    const [, name = '', labels = '', value = ''] = /^(\w+)(\{.*\})? (\S+)/.exec(line) ?? [];
    if (!name.startsWith('chromeos_bff_') || /^chromeos_bff_(process|nodejs)_|_bucket$/.test(name)) continue;
    found.set(`${name}${labels}`, Number(value));
  }
  return found;
}

/** A word as a shell takes it, whatever is in it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
