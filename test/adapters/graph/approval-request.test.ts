import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { approvalStatusIn } from '../../../src/adapters/graph/approval-request.ts';

const code = '7f1c2b7e-51a4-4a0e-9b1e-2f6d1c0c7b11';
const other = 'c0de0000-0000-4000-8000-000000000002';
const list = (...value: object[]) => JSON.stringify({ '@odata.context': 'x', value });

describe('what Intune says of a request', () => {
  const table: [string, string, string | null | undefined][] = [
    ['its status', list({ requestId: code, status: 'needsApproval' }), 'needsApproval'],
    ['a word nobody knows yet', list({ requestId: code, status: 'somethingNew' }), 'somethingNew'],
    ['its id alone', list({ id: code, status: 'approved' }), 'approved'],
    ['no id at all: the filter named it', list({ status: 'approved' }), 'approved'],
    ['null for an id', list({ id: null, requestId: null, status: 'approved' }), 'approved'],
    ['in capitals', list({ requestId: code.toUpperCase(), status: 'approved' }), 'approved'],
    ['another request', list({ requestId: other, status: 'approved' }), null],
    [
      'another id of the one that was asked for',
      list({ id: other, requestId: code, status: 'approved' }),
      'approved',
    ],
    ['an id of its own of another', list({ id: code, requestId: other, status: 'approved' }), null],
    [
      'among others',
      list({ requestId: other, status: 'expired' }, { requestId: code, status: 'approved' }),
      'approved',
    ],
    ['twice', list({ requestId: code, status: 'expired' }, { requestId: code, status: 'approved' }), null],
    ['none', list(), null],
    ['a control character', list({ requestId: code, status: 'a\u0000b' }), 'a\ufffdb'],
    ['no status', list({ requestId: code }), undefined],
    ['an empty status', list({ requestId: code, status: '' }), undefined],
    ['a long status', list({ requestId: code, status: 'x'.repeat(129) }), undefined],
    ['as long as may be', list({ requestId: code, status: 'x'.repeat(128) }), 'x'.repeat(128)],
    ['a status that is none', list({ requestId: code, status: 1 }), undefined],
    ['a code that is none', list({ requestId: 1, status: 'approved' }), undefined],
    ['an id that is none', list({ id: {}, status: 'approved' }), undefined],
    ['no list', '{"value":{}}', undefined],
    ['nothing', '', undefined],
    ['a page', '<html></html>', undefined],
  ];
  for (const [name, text, word] of table) {
    test(`${name}: ${word?.slice(0, 20)}`, () => assert.equal(approvalStatusIn(text, code), word));
  }

  test('any JSON is a list or none', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const word = approvalStatusIn(text, code);
        assert.ok(word === null || word === undefined || typeof word === 'string');
      }),
    );
  });
});
