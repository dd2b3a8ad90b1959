import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { complaintsAbout } from './described-answers.ts';
import { type WatchedAnswer, watchAnswers } from './watched-answers.ts';

const answers: WatchedAnswer[] = [];
// Where processes that a test starts leave theirs: one that is killed can tell nobody.
const file = join(tmpdir(), `chromeos-bff-answers-${process.pid}`);

watchAnswers((answer) => answers.push(answer));

/** What makes a service in a process of its own be watched too: arguments of Node, and a variable. */
export const watched = {
  args: ['--import', new URL('./watch-this-process.ts', import.meta.url).href],
  environment: { TEST_ANSWERS_FILE: file },
};

/** Fails with every answer of a service that this test started which was not as the OpenAPI document says,
 *  since the last time. */
export function assertAnswersDescribed(): void {
  const found = take();
  if (found !== '') throw new Error(found);
}

function take(): string {
  const ofProcesses = answersIn(readFileSync(file, { encoding: 'utf8', flag: 'a+' }));
  rmSync(file, { force: true });
  return [...answers.splice(0), ...ofProcesses].flatMap(complaint).join('\n');
}

function answersIn(text: string): WatchedAnswer[] {
  // Whoever is killed may leave half a line.
  const lines = text.split('\n').filter((line) => line.endsWith('}'));
  return lines.map((line) => {
    const { body, ...answer } = JSON.parse(line);
    return { ...answer, body: Buffer.from(body, 'base64') };
  });
}

function complaint(answer: WatchedAnswer): string[] {
  const { method, url, status, body } = answer;
  const complaints = complaintsAbout(answer);
  if (complaints.length === 0) return [];
  return [
    `${method} ${url} ${status} is not as the OpenAPI document says:\n  ${complaints.join('\n  ')}\n  ${body.toString('utf8').slice(0, 2000)}`,
  ];
}

// A test that never closes its environment must not hide what it was answered.
process.once('exit', () => {
  const found = take();
  if (found === '') return;
  console.error(found);
  process.exitCode = 1;
});
