import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf } from '../../../examples/portal/src/api/codes.ts';
import type { FailureReason } from '../../../examples/portal/src/api/types.ts';
import { en, type Told } from '../../../examples/portal/src/sentences/en.ts';
import { catalogue } from '../../../src/http/problems/catalogue.ts';

const codes = Object.keys(catalogue).toSorted();

// test/docs/docs.test.ts holds docs/errors.md to the same list.
test('the portal has a sentence for every code, and for no other', () => {
  assert.deepEqual(Object.keys(en.problems).toSorted(), codes);
});

test('each says what happened and what to do next, in whole sentences', () => {
  for (const [code, { what, next }] of Object.entries(en.problems)) {
    assert.match(what, /^[A-Z].+\.$/, code);
    assert.match(next, /^[A-Z].+\.$/, code);
  }
});

test('where nothing was done for certain it is said, and nowhere else', () => {
  const certain = codes.filter((code) => 'nothingDone' in catalogue[code as keyof typeof catalogue]);
  const silent = certain.filter((code) => !told(code).nothingDone);
  assert.deepEqual(silent, []);
  for (const code of ['outcome_unknown', 'intune_approval_filed', 'internal_error']) {
    assert.equal(told(code).nothingDone, undefined, code);
  }
});

test('that nothing was done is said apart, so that it can be left out where an earlier try may have acted', () => {
  for (const [code, { what, next }] of Object.entries(en.problems)) {
    assert.doesNotMatch(`${what} ${next}`, /nothing (was|is)|did nothing/i, code);
  }
  for (const sentence of Object.values(en.proof)) assert.doesNotMatch(sentence, /nothing was/i);
});

test('a reason of the record has a sentence too', () => {
  const reasons: FailureReason[] = ['token_invalid', 'assertion_rejected', 'claims_required', 'internal'];
  for (const reason of reasons) assert.ok(codes.includes(codeOf(reason)), reason);
});

test('nothing a person reads is empty', () => {
  const empty = (node: unknown): boolean =>
    typeof node === 'object' && node !== null ? Object.values(node).some(empty) : node === '';
  assert.equal(empty(en), false);
});

function told(code: string): Told {
  return en.problems[code as keyof typeof en.problems];
}
