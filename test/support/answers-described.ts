import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { watchAnswers } from './watched-answers.ts';

const complaints: string[] = [];
// Where processes that a test starts leave theirs: one that is killed can tell nobody.
const file = join(tmpdir(), `chromeos-bff-answers-${process.pid}`);

watchAnswers((complaint) => complaints.push(complaint));

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
  const ofProcesses = readFileSync(file, { encoding: 'utf8', flag: 'a+' });
  rmSync(file, { force: true });
  return [...complaints.splice(0), ofProcesses].join('\n').trim();
}

// A test that never closes its environment must not hide what it was answered.
process.once('exit', () => {
  const found = take();
  if (found === '') return;
  console.error(found);
  process.exitCode = 1;
});
