import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Operation } from '../../../examples/portal/src/api/types.ts';
import { timelineOf } from '../../../examples/portal/src/operations/timeline.ts';
import { mayBeTakenOver, waitsFor } from '../../../examples/portal/src/operations/waits-for.ts';
import { operationStatuses } from '../../../src/core/operation/life.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 0, 31, 12, minute)).toISOString();
const approval = { approver: { oid: 'sven', name: 'Sven' }, reason: 'agreed', at: at(5) };
const connection = {
  id: 'c',
  owner: 'ada',
  status: 'onboarded',
  lastModified: null,
  lastDirectorySync: null,
};

function operation(given: Partial<Operation>): Operation {
  return {
    operationId: 'op',
    tenantId: 't',
    status: 'sent',
    requester: { oid: 'ada', name: 'Ada', clientId: 'portal' },
    reason: null,
    ticket: null,
    consequence: 'All of it leaves Intune.',
    irreversible: true,
    connection,
    requestId: 'r',
    graphRequestId: null,
    value: null,
    concludedFrom: null,
    explanation: null,
    approval: null,
    intuneApproval: null,
    supersedes: null,
    supersededBy: null,
    requestedAt: at(0),
    sentAt: at(0),
    movedAt: at(9),
    expiresAt: null,
    tookMs: null,
    ...given,
  };
}

const told = (given: Partial<Operation>) =>
  timelineOf(operation(given)).map(({ name, state }) => `${name} ${state}`);
const intuneApproval = { code: 'code', filedAt: at(1) };
const filed = (state: string) => ['requested done', 'sent done', `awaiting_intune_approval ${state}`];
const wished = { sentAt: null, expiresAt: at(59) };

describe('the timeline', () => {
  const cases: [string, Partial<Operation>, string[]][] = [
    [
      'waits',
      { status: 'awaiting_approval', ...wished },
      ['requested done', 'awaiting_approval now', 'approved ahead', 'sent ahead', 'end ahead'],
    ],
    [
      'approved',
      { status: 'approved', approval, ...wished },
      ['requested done', 'approved now', 'sent ahead', 'end ahead'],
    ],
    ['rejected', { status: 'rejected', approval, ...wished }, ['requested done', 'rejected now']],
    ['expired unseen', { status: 'expired', ...wished }, ['requested done', 'expired now']],
    [
      'expired after the approval',
      { status: 'expired', approval, ...wished },
      ['requested done', 'approved done', 'expired now'],
    ],
    ['withdrawn', { status: 'withdrawn', ...wished }, ['requested done', 'withdrawn now']],
    [
      'withdrawn after the approval',
      { status: 'withdrawn', approval, ...wished },
      ['requested done', 'approved done', 'withdrawn now'],
    ],
    ['sent', { status: 'sent' }, ['requested done', 'sent now', 'end ahead']],
    [
      'sent after the approval',
      { status: 'sent', approval, expiresAt: at(59) },
      ['requested done', 'approved done', 'sent now', 'end ahead'],
    ],
    ['accepted', { status: 'accepted' }, ['requested done', 'sent done', 'accepted now', 'end ahead']],
    ['unknown', { status: 'unknown' }, ['requested done', 'sent done', 'unknown now', 'end ahead']],
    [
      'superseded',
      { status: 'unknown', supersededBy: 'op-2' },
      ['requested done', 'sent done', 'unknown done', 'superseded now'],
    ],
    [
      'superseded while accepted',
      { status: 'accepted', supersededBy: 'op-2' },
      ['requested done', 'sent done', 'accepted done', 'superseded now'],
    ],
    ['completed', { status: 'completed' }, ['requested done', 'sent done', 'completed now']],
    ['failed', { status: 'failed' }, ['requested done', 'sent done', 'failed now']],
    [
      'filed in Intune',
      { status: 'awaiting_intune_approval', intuneApproval },
      [...filed('now'), 'approved_in_intune ahead', 'end ahead'],
    ],
    [
      'filed in Intune after the approval here',
      { status: 'awaiting_intune_approval', approval, intuneApproval, expiresAt: at(59) },
      ['requested done', 'approved done', ...filed('now').slice(1), 'approved_in_intune ahead', 'end ahead'],
    ],
    [
      'approved in Intune',
      { status: 'approved_in_intune', intuneApproval },
      [...filed('done'), 'approved_in_intune now', 'end ahead'],
    ],
    [
      'sent after that, and not carried out',
      { status: 'approved_in_intune', sentAt: at(3), intuneApproval },
      [...filed('done'), 'sent done', 'approved_in_intune now', 'end ahead'],
    ],
    [
      'sent after that',
      { status: 'sent', sentAt: at(3), intuneApproval },
      [...filed('done'), 'approved_in_intune done', 'sent now', 'end ahead'],
    ],
    [
      'completed here',
      { status: 'completed', sentAt: at(3), intuneApproval },
      [...filed('done'), 'approved_in_intune done', 'sent done', 'completed now'],
    ],
    [
      'completed in Intune',
      { status: 'accepted', intuneApproval },
      [...filed('done'), 'accepted now', 'end ahead'],
    ],
    [
      'nobody looked for three days',
      { status: 'unknown', intuneApproval },
      [...filed('done'), 'unknown now', 'end ahead'],
    ],
    ...(['rejected', 'expired', 'withdrawn'] as const).map(
      (status): [string, Partial<Operation>, string[]] => [
        `${status} in Intune`,
        { status, intuneApproval },
        [...filed('done'), `${status} now`],
      ],
    ),
    [
      'rejected in Intune after the approval here',
      { status: 'rejected', approval, intuneApproval },
      ['requested done', 'approved done', ...filed('done').slice(1), 'rejected now'],
    ],
  ];
  for (const [name, given, expected] of cases) {
    test(name, () => assert.deepEqual(told(given), expected));
  }

  test('knows every status', () => {
    assert.deepEqual(new Set(cases.map(([, { status }]) => status)), new Set(operationStatuses));
  });

  test('keeps what was watched on the way', () => {
    const steps = timelineOf(operation({ status: 'completed' }), {
      unknown: at(1),
      accepted: at(2),
      sent: at(0),
    });
    assert.deepEqual(
      steps.map(({ name, when }) => [name, when]),
      [
        ['requested', at(0)],
        ['sent', at(0)],
        ['unknown', at(1)],
        ['accepted', at(2)],
        ['completed', at(9)],
      ],
    );
  });
});

test('an operation waits for whoever may take its next step', () => {
  const who = (oid: string, ...permissions: string[]) => ({
    me: { oid },
    may: (permission: string) => permissions.includes(permission),
  });
  const waiting = operation({ status: 'awaiting_approval' });
  const approved = operation({ status: 'approved' });
  assert.equal(waitsFor(who('sven', 'approve'), waiting), true);
  assert.equal(waitsFor(who('ada', 'approve', 'disconnect'), waiting), false, 'nobody approves their own');
  assert.equal(waitsFor(who('rita'), waiting), false);
  assert.equal(waitsFor(who('ada', 'disconnect'), approved), true);
  assert.equal(waitsFor(who('sven', 'disconnect', 'approve'), approved), false);
  assert.equal(waitsFor(who('ada', 'disconnect'), operation({ status: 'accepted' })), false);
  assert.equal(waitsFor(who('ada', 'disconnect'), operation({ status: 'approved_in_intune' })), true);
  assert.equal(waitsFor(who('ada', 'disconnect'), operation({ status: 'awaiting_intune_approval' })), false);
});

test('it may be taken over where its end is unknown or long overdue', () => {
  const now = Date.parse(at(20));
  assert.equal(mayBeTakenOver(operation({ status: 'unknown' }), now), true);
  assert.equal(mayBeTakenOver(operation({ status: 'unknown', supersededBy: 'op-2' }), now), false);
  assert.equal(mayBeTakenOver(operation({ status: 'accepted', sentAt: at(0) }), now), true);
  assert.equal(mayBeTakenOver(operation({ status: 'accepted', sentAt: at(10) }), now), false);
  assert.equal(mayBeTakenOver(operation({ status: 'completed' }), now), false);
  assert.equal(mayBeTakenOver(operation({ status: 'approved_in_intune' }), now), false);
  const inIntune = { status: 'accepted', concludedFrom: 'intune_approval', sentAt: at(0) } as const;
  assert.equal(mayBeTakenOver(operation({ ...inIntune, movedAt: at(10) }), now), false);
  assert.equal(mayBeTakenOver(operation({ ...inIntune, movedAt: at(4) }), now), true);
});
