/** Loaded before a service in a process of its own: tells the test that started it of each answer that is
 *  not as the OpenAPI document says. */
import { appendFileSync } from 'node:fs';
import { watchAnswers } from './watched-answers.ts';

const file = process.env.TEST_ANSWERS_FILE;
if (file !== undefined) watchAnswers((complaint) => appendFileSync(file, `${complaint}\n`));
