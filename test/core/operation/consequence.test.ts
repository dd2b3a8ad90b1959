import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { consequenceOf, consequenceOfAct, type Effect } from '../../../src/core/operation/consequence.ts';

const lost = /All ChromeOS devices and the connector's settings leave Intune\. This cannot be undone\./;

describe('what a person decides about', () => {
  const rows: [Effect, boolean, RegExp][] = [
    ['disconnect', true, lost],
    ['ask_for_approval', false, /^Nothing is sent yet: a second person is asked to approve/],
    ['ask_for_approval', false, lost],
    ['be_refused', false, /refused, and nothing is done/],
    ['repeat_first_answer', false, /first answer is given again, and nothing is done/],
  ];
  for (const [would, irreversible, words] of rows) {
    test(`${would}: ${words.source}`, () => {
      const told = consequenceOf(would);
      assert.equal(told.irreversible, irreversible);
      assert.match(told.consequence, words);
    });
  }

  test('those who approve or execute read what the requester reads', () => {
    assert.deepEqual(consequenceOfAct, consequenceOf('disconnect'));
  });
});
