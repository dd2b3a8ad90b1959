import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasControlCharacters, printable } from '../../src/core/text.ts';

describe('characters that a terminal obeys', () => {
  const obeyed = [0x00, 0x08, 0x0b, 0x0d, 0x1b, 0x1f, 0x7f, 0x80, 0x9f, 0x202a, 0x202e, 0x2066, 0x2069];
  const shown = [0x09, 0x0a, 0x20, 0x7e, 0xa0, 0xe9, 0x2029, 0x202f, 0x2065, 0x206a];

  test('are found, and spelled out as JSON does', () => {
    for (const code of obeyed) {
      const text = `a${String.fromCharCode(code)}b`;
      assert.equal(hasControlCharacters(text), true, code.toString(16));
      assert.equal(printable(text), `a\\u${code.toString(16).padStart(4, '0')}b`);
      assert.equal(JSON.parse(`"${printable(text)}"`), text);
      assert.doesNotMatch(printable(`${text}${text}`), new RegExp(String.fromCharCode(code)));
    }
  });

  test('are not those that are only shown', () => {
    for (const code of shown) {
      const text = `a${String.fromCharCode(code)}b`;
      assert.deepEqual([hasControlCharacters(text), printable(text)], [false, text]);
    }
  });
});
