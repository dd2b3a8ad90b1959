import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CallFailed } from '../../../src/core/failure.ts';
import {
  meetPolicy,
  type Policy,
  policyChecks,
  ticketExpressionOf,
  ticketPatternFrom,
} from '../../../src/core/operation/policy.ts';
import { noPolicy, person, tenantId } from '../../support/core.ts';

type Call = Parameters<typeof policyChecks>[2];

const bare: Call = { reason: null, ticket: null, idempotencyKey: null, ifMatch: null };
const invalid = (field: string, message: string) => ({
  reason: 'request_invalid',
  issues: [{ field, message }],
});
const failureIn = ({ unmet }: { unmet: CallFailed | null }) => unmet?.failure ?? null;

describe('a tenant’s policy', () => {
  const required = 'is required in this tenant';
  const pattern = ticketPatternFrom('CHG\\d+');
  const mismatch = invalid('ticket', 'must match CHG\\d+');
  const stepUp = {
    reason: 'claims_required',
    claims: '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}',
    tenantId,
  };
  const noIfMatch = { reason: 'precondition_required', header: 'If-Match', resource: 'connection' };
  const rows: [string, Partial<Policy>, Partial<Call>, [string, object | null][]][] = [
    ['nothing', {}, {}, []],
    ['a reason', { reasonRequired: true }, { reason: 'moving' }, [['reason', null]]],
    ['a reason', { reasonRequired: true }, {}, [['reason', invalid('reason', required)]]],
    ['a reason', { reasonRequired: true }, { reason: ' \n' }, [['reason', invalid('reason', required)]]],
    ['a ticket', { ticketRequired: true }, { ticket: 'any' }, [['ticket', null]]],
    ['a ticket', { ticketRequired: true }, {}, [['ticket', invalid('ticket', required)]]],
    ['a ticket', { ticketRequired: true }, { ticket: ' ' }, [['ticket', invalid('ticket', required)]]],
    ['a form of tickets', { ticketPattern: pattern }, {}, [['ticket', null]]],
    ['a form of tickets', { ticketPattern: pattern }, { ticket: ' ' }, [['ticket', null]]],
    ['a form of tickets', { ticketPattern: pattern }, { ticket: 'CHG1' }, [['ticket', null]]],
    ['a form of tickets', { ticketPattern: pattern }, { ticket: 'CHG' }, [['ticket', mismatch]]],
    [
      'a ticket of a form',
      { ticketRequired: true, ticketPattern: pattern },
      { ticket: 'x' },
      [['ticket', mismatch]],
    ],
    ['another sign-in', { stepUp: 'c1' }, {}, [['step_up', stepUp]]],
    [
      'an idempotency key',
      { idempotencyKeyRequired: true },
      {},
      [['idempotency_key', { reason: 'idempotency_key_required' }]],
    ],
    [
      'an idempotency key',
      { idempotencyKeyRequired: true },
      { idempotencyKey: 'k' },
      [['idempotency_key', null]],
    ],
    ['a read connection', { ifMatchRequired: true }, {}, [['if_match', noIfMatch]]],
    ['a read connection', { ifMatchRequired: true }, { ifMatch: ['"x"'] }, [['if_match', null]]],
  ];
  for (const [demanded, demand, call, found] of rows) {
    test(`demands ${demanded}, of ${JSON.stringify(call)}`, () => {
      const policy = { ...noPolicy, ...demand };
      const checks = policyChecks(policy, person('admin'), { ...bare, ...call });
      assert.deepEqual(
        checks.map((check) => [check.name, failureIn(check)]),
        found,
      );
      const meeting = () => meetPolicy(policy, person('admin'), { ...bare, ...call });
      const [failure] = found.flatMap(([, unmet]) => unmet ?? []);
      if (failure === undefined) meeting();
      else assert.throws(meeting, { failure });
    });
  }

  test('is met by a token that proves the authentication context', () => {
    const caller = person('admin', { authenticationContexts: ['c2', 'c1'] });
    const [check] = policyChecks({ ...noPolicy, stepUp: 'c1' }, caller, bare);
    assert.deepEqual(check, { name: 'step_up', unmet: null });
  });

  test('is answered demand by demand, and refuses with the first that is not met', () => {
    const all: Policy = {
      ...noPolicy,
      reasonRequired: true,
      ticketRequired: true,
      stepUp: 'c1',
      idempotencyKeyRequired: true,
      ifMatchRequired: true,
    };
    const call = { ...bare, reason: 'moving' };
    assert.deepEqual(
      policyChecks(all, person('admin'), call).map(({ name, unmet }) => [name, unmet?.failure.reason]),
      [
        ['reason', undefined],
        ['ticket', 'request_invalid'],
        ['step_up', 'claims_required'],
        ['idempotency_key', 'idempotency_key_required'],
        ['if_match', 'precondition_required'],
      ],
    );
    assert.throws(() => meetPolicy(all, person('admin'), call), { failure: invalid('ticket', required) });
  });

  test('shows the pattern of a ticket as the operator wrote it', () => {
    for (const written of ['CHG\\d+', 'a|b', 'a|b\\nc', 'x(?:a)', '(?:a)|b', '^(?:a)$']) {
      assert.equal(ticketExpressionOf(ticketPatternFrom(written)), written);
    }
    assert.equal(ticketExpressionOf(/x^(?:a)$/), 'x^(?:a)$');
    assert.equal(ticketExpressionOf(/^(?:a)$b/), '^(?:a)$b');
  });

  test('takes a ticket only where the whole of it matches', () => {
    const takes = (ticket: string) => ticketPatternFrom('CHG\\d+|INC-.').test(ticket);
    assert.deepEqual(['CHG1', 'INC-💥', 'CHG1x', 'xINC-1', 'CHG1\n'].map(takes), [
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
