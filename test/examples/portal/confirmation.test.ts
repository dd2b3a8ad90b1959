import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asksForApproval } from '../../../examples/portal/src/disconnect/would.ts';
import {
  type Confirmation,
  confirmationOf,
  isConfirmed,
} from '../../../examples/portal/src/parts/confirmation.ts';

const me = { name: 'ada@contoso.example', tenantDomain: 'contoso.example' };

const cases: [string, string | null, typeof me | { name: null; tenantDomain: null }, Confirmation][] = [
  ['another person’s connection', 'eve@contoso.example', me, { kind: 'owner', value: 'eve@contoso.example' }],
  ['one’s own', 'ada@contoso.example', me, { kind: 'domain', value: 'contoso.example' }],
  ['one’s own, in other letters', 'Ada@Contoso.Example', me, { kind: 'domain', value: 'contoso.example' }],
  ['nobody’s', null, me, { kind: 'id', value: 'c-1' }],
  [
    'somebody’s, for a person without a name',
    'eve@contoso.example',
    { name: null, tenantDomain: null },
    { kind: 'owner', value: 'eve@contoso.example' },
  ],
];
for (const [whose, owner, person, confirmation] of cases) {
  test(`what is typed to confirm: ${whose}`, () => {
    assert.deepEqual(confirmationOf({ owner, id: 'c-1' }, person), confirmation);
  });
}

test('one’s own address is never what is typed, also where the tenant’s domain is not known', () => {
  const guest = { name: 'gus@home.example', tenantDomain: null };
  assert.deepEqual(confirmationOf({ owner: 'gus@home.example', id: 'c-1' }, guest), {
    kind: 'id',
    value: 'c-1',
  });
});

test('it is confirmed by exactly that, in whatever letters', () => {
  const confirmation = { kind: 'domain', value: 'contoso.example' } as const;
  for (const typed of ['contoso.example', ' Contoso.Example ']) assert.ok(isConfirmed(confirmation, typed));
  for (const typed of ['', 'contoso', 'contoso.example.', 'ada@contoso.example']) {
    assert.equal(isConfirmed(confirmation, typed), false, typed);
  }
});

test('the button says what it does, also while a field is still to be filled in', () => {
  const policy = (approvalRequired: boolean) => ({
    reasonRequired: false,
    ticketRequired: true,
    ticketPattern: null,
    stepUp: null,
    approvalRequired,
    idempotencyKeyRequired: false,
    ifMatchRequired: false,
  });
  assert.equal(
    asksForApproval({ would: 'ask_for_approval' }, policy(false)),
    true,
    'the dry run knows better',
  );
  assert.equal(asksForApproval({ would: 'disconnect' }, policy(true)), false, 'the dry run knows better');
  assert.equal(asksForApproval({ would: 'be_refused' }, policy(true)), true);
  assert.equal(asksForApproval({ would: 'be_refused' }, policy(false)), false);
  assert.equal(asksForApproval({ would: 'be_refused' }, null), false);
});
