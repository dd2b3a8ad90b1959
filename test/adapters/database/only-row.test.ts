import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onlyRow } from '../../../src/adapters/database/only-row.ts';

test('a statement that always gives a row has given it, or something is wrong with us', () => {
  assert.equal(onlyRow(['it']), 'it');
  assert.throws(() => onlyRow([]), { message: 'a statement that always gives a row gave none' });
});
