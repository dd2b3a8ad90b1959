import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { Secret } from '../../src/core/secret.ts';

describe('a secret', () => {
  const secret = new Secret('hunter2');
  const ways: [string, () => string][] = [
    ['String()', () => String(secret)],
    ['a template', () => `${secret}`],
    ['JSON', () => JSON.stringify({ secret })],
    ['inspect', () => inspect(secret)],
    ['inspect, within something', () => inspect({ deep: [secret] }, { depth: 9, showHidden: true })],
    ['an error about it', () => new Error(`no ${secret}`).message],
  ];
  for (const [way, print] of ways) {
    test(`refuses to become a string by ${way}`, () => {
      assert.match(print(), /\[redacted\]/);
      assert.doesNotMatch(print(), /hunter2/);
    });
  }

  test('gives its value to code that asks for it by name', () => {
    assert.equal(secret.reveal(), 'hunter2');
  });
});
