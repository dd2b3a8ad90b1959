import type { TestEvent } from 'node:test/reporters';

/** A reporter that prints nothing and ends the process with the first test that fails: which other ones do, and
 *  how long they would hang, does not matter. */
export default async function* stopAtFailure(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type === 'test:fail') process.exit(1);
  }
  yield '';
}
