import type { TestEvent } from 'node:test/reporters';

/** A reporter beside the readable one: closes a run with the one line that `.ci/run` adds up. */
export default async function* tally(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  let failed = 0;
  for await (const { type, data } of events) {
    // The summary of the whole run names no file.
    if (type !== 'test:summary' || data.file !== undefined) continue;
    passed = data.counts.passed;
    failed = data.counts.tests - data.counts.passed - data.counts.skipped - data.counts.todo;
  }
  yield `${passed} passed, ${failed} failed\n`;
}
