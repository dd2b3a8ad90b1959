import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstRow } from '../../../src/adapters/database/first-row.ts';

test('a statement that always gives a row has given it, or something is wrong with us', () => {
  assert.equal(firstRow(['it']), 'it');
  assert.throws(() => firstRow([]), { message: 'a statement that always gives a row gave none' });
});
