import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf } from '../../../examples/portal/src/api/codes.ts';
import type { FailureReason } from '../../../examples/portal/src/api/types.ts';
import { en } from '../../../examples/portal/src/sentences/en.ts';
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
  const certain = Object.entries(catalogue).filter(
    ([, text]) => 'detail' in text && text.detail.endsWith('Nothing was done.'),
  );
  const silent = certain.filter(([code]) => !said(code).includes('othing was done')).map(([code]) => code);
  assert.deepEqual(silent, []);
  assert.doesNotMatch(said('outcome_unknown'), /othing was done/);
  assert.doesNotMatch(said('intune_approval_filed'), /othing was done/);
  assert.doesNotMatch(said('internal_error'), /othing was done/);
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

function said(code: string): string {
  return en.problems[code as keyof typeof en.problems].what;
}
