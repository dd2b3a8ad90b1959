/** Loaded before a service in a process of its own: leaves each of its answers to the test that started it. */
import { appendFileSync } from 'node:fs';
import { watchAnswers } from './watched-answers.ts';

const file = process.env.TEST_ANSWERS_FILE;
if (file !== undefined) {
  watchAnswers(({ body, ...answer }) =>
    // A line to itself, even after one that a killed process left half.
    appendFileSync(file, `\n${JSON.stringify({ ...answer, body: body.toString('base64') })}\n`),
  );
}
