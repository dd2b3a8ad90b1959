import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cursorTo, positionAt } from '../../../src/adapters/database/cursor.ts';
import { CallFailed } from '../../../src/core/failure.ts';

describe('a cursor', () => {
  test('stands for the position it was made of', () => {
    for (const position of ['0', '42', '9'.repeat(18)])
      assert.equal(positionAt(cursorTo(position)), position);
  });

  const encode = (text: string) => Buffer.from(text).toString('base64url');
  for (const text of [
    '',
    'before:',
    'before:-1',
    'before:1 ',
    'xbefore:1',
    'after:1',
    `before:${'9'.repeat(19)}`,
    'before:1\n',
  ]) {
    test(`is none of ours: ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => positionAt(encode(text)),
        (error) => {
          assert.ok(error instanceof CallFailed);
          const issues = [{ field: 'cursor', message: 'is not a nextCursor this API gave' }];
          assert.deepEqual(error.failure, { reason: 'request_invalid', issues });
          return true;
        },
      );
    });
  }
});
