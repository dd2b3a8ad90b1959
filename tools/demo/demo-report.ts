import { styleText } from 'node:util';
import { type RecordedEvent, recordLines } from './demo-record.ts';

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
  record(events: readonly RecordedEvent[]) {
    for (const line of recordLines(events)) this.line(line);
  },
  metrics(lines: MovedMetric[]) {
    for (const { line, before, after } of lines) {
      const moved = `${paint('dim', `${before} →`)} ${paint('green', String(Number(after.toPrecision(6))))}`;
      // With its labels below it where it is too long for a terminal.
      for (const part of `${line} `.length > 60 ? line.split(/(?=\{)/) : [line]) {
        const last = line.endsWith(part);
        say(`  ${part.startsWith('{') ? '  ' : ''}${part}${last ? ` ${moved}` : ''}`);
      }
    }
  },
};

export type MovedMetric = { line: string; before: number; after: number };

/** The service's own metrics that two scrapes tell apart; a histogram's buckets and sums and the
 *  process's own figures left out. */
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
    if (!/^chromeos_bff_(?!process_|nodejs_).*(?<!_bucket|_sum)$/.test(name)) continue;
    found.set(`${name}${labels.replace(/(?<=route="[^"]*)[^"]*(?=\/\w+")/, '…')}`, Number(value));
  }
  return found;
}

/** A word as a shell takes it, whatever is in it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command that makes the simulator connect a tenant again. */
export function reconnectLine(caFile: string, simulatorUrl: string, tenantId: string): string {
  const url = `${simulatorUrl}/simulator/connection?tenant=${tenantId}`;
  return `curl --cacert ${shellWord(caFile)} -X PUT \\\n  '${url}' \\\n  -d '{"connection":{}}'`;
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
