import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  BoundedOutput,
  type DroppedLines,
  type LineKind,
} from '../../../src/adapters/telemetry/log-output.ts';
import { createLogsOn } from '../../../src/adapters/telemetry/logger.ts';

/** A reader that takes a piece when it is told to. */
function lagging(maxWaiting: number) {
  const read: string[] = [];
  const told: DroppedLines[] = [];
  let take: (error?: Error) => void = () => {};
  const stream = new Writable({
    decodeStrings: false,
    write(piece, _encoding, done) {
      read.push(piece);
      take = done;
    },
  });
  const output = new BoundedOutput({ stream, maxWaiting, onFlowing: (dropped) => told.push(dropped) });
  return {
    output,
    read,
    told,
    async take(error?: Error) {
      take(error);
      await turn();
    },
  };
}

describe('what is logged while nobody reads', () => {
  test('goes out in the order in which it came, whatever its kind', async () => {
    const { output, read, take } = lagging(100);
    output.write('log', 'first\n');
    await turn();
    for (const [kind, line] of [
      ['checkpoint', 'a'],
      ['request', 'b'],
      ['audit', 'c'],
      ['log', 'd'],
      ['request', 'e'],
    ] as const) {
      output.write(kind, line);
    }
    await take();
    assert.deepEqual(read, ['first\n', 'abcde']);
  });

  test('is dropped from the least kind on, and that is told once', async () => {
    const { output, read, told, take } = lagging(4);
    output.write('log', 'first\n');
    await turn();
    const lines: [LineKind, string][] = [
      ['request', 'r'],
      ['request', 's'],
      ['log', 'l'],
      ['audit', 'a'],
      ['request', 't'], // no room for one more of the least
      ['audit', 'b'], // for s
      ['audit', 'c'], // for r
      ['audit', 'd'], // for l
      ['log', 'm'], // none of its own kind or less is left
      ['checkpoint', 'k'], // for d
      ['audit', 'e'],
    ];
    for (const [kind, line] of lines) output.write(kind, line);
    assert.deepEqual(output.dropped, { request: 3, log: 2, audit: 2, checkpoint: 0 });
    await take();
    await take();
    assert.deepEqual(read, ['first\n', 'abck']);
    assert.deepEqual(told, [{ request: 3, log: 2, audit: 2, checkpoint: 0 }]);
    output.write('log', 'later\n');
    await turn();
    await take();
    assert.equal(told.length, 1);
  });

  test('keeps what waits when a line comes that is longer than all that may wait', async () => {
    const { output, read, take } = lagging(4);
    output.write('log', 'first\n');
    await turn();
    output.write('request', 'r');
    output.write('audit', 'much too long');
    await take();
    assert.deepEqual(read, ['first\n', 'r']);
    assert.equal(output.dropped.audit, 1);
  });

  test('is flushed, or given up when the time is over', async () => {
    const { output, read, take } = lagging(100);
    output.write('log', 'first\n');
    await output.flush(1);
    assert.deepEqual(read, ['first\n']);
    const flushed = output.flush(60_000);
    output.write('log', 'second\n');
    await take();
    await take();
    await flushed;
    assert.deepEqual(read, ['first\n', 'second\n']);
  });

  test('is only counted when the reader has gone', async () => {
    const { output, take } = lagging(100);
    output.write('log', 'first\n');
    await turn();
    output.write('audit', 'waits');
    const flushed = output.flush(60_000);
    await take(Object.assign(new Error('gone'), { code: 'EPIPE' }));
    await flushed;
    output.write('request', 'late');
    assert.deepEqual(output.dropped, { request: 1, log: 0, audit: 1, checkpoint: 0 });
  });
});

describe('a log line', () => {
  const linesOf = (log: (logs: ReturnType<typeof createLogsOn>) => void, level = 'info') => {
    const lines: string[] = [];
    const output = {
      write: (_kind: LineKind, line: string) => void lines.push(line),
      dropped: { request: 0, log: 0, audit: 0, checkpoint: 0 },
      flush: async () => {},
    };
    log(createLogsOn(output, { level, auditEvents: true }));
    return lines.join('');
  };

  test('does nothing to a terminal, and says the same', async () => {
    const { output, read, take } = lagging(1000);
    const words = 'a\u009b31mb\u202ec\u2066de\u007f\u0000';
    createLogsOn(output, { level: 'info', auditEvents: true }).log.info({ words }, 'x');
    await turn();
    await take();
    assert.match(read.join(''), /^[ -~\n]*$/);
    assert.equal(JSON.parse(read.join('')).words, words);
  });

  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
  const key = '-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----';
  for (const text of [token, key, 's3cr3t-value-of-a-secret', '{"secret": s3cr3t-value}']) {
    test(`shows nothing of what could not be parsed: ${text.slice(0, 12)}…`, () => {
      const error = thrownBy(() => JSON.parse(text));
      const line = linesOf(({ log }) => {
        log.warn({ error, problem: error.message }, 'x');
        log.warn({ error: new Error('wrapped', { cause: error }) }, 'x');
      });
      assert.doesNotMatch(line, /s3cr|eyJ|hbGci|PRIVATE/);
      assert.match(line, /SyntaxError/);
    });
  }

  test('shows no token and no key that an error or a problem quotes', () => {
    const line = linesOf(({ log }) => {
      for (const text of [token, key])
        log.warn({ error: new Error(`of ${text}`), problem: `of ${text}` }, 'x');
    });
    assert.doesNotMatch(line, /s3cr|eyJ|hbGci|PRIVATE/);
    assert.match(line, /of \[redacted\]/);
  });

  test('of a checkpoint is printed whatever the level, and so is one of an audit event', () => {
    const printed = linesOf((logs) => {
      logs.log.error('x');
      logs.checkpoint({ statement: 's', signature: null });
      logs.auditEvent({ id: '1' } as never);
    }, 'silent');
    const lines = printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).stream);
    assert.deepEqual(lines, ['audit-checkpoint', 'audit']);
  });
});

function thrownBy(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  return assert.fail('nothing was thrown');
}
