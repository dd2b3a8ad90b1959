import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Failure } from '../../../src/core/failure.ts';
import { type Policy, ticketPatternFrom } from '../../../src/core/operation/policy.ts';
import type { DisconnectRequest } from '../../../src/core/operation/slot.ts';
import { disconnect } from '../../../src/core/use-cases/disconnect.ts';
import {
  type CoreScene,
  connected,
  coreScene,
  etagOf,
  fails,
  failureFrom,
  person,
  plainRequest,
  trace,
} from '../../support/core.ts';

const disconnecting = (core: CoreScene, but: Partial<DisconnectRequest> = {}) =>
  disconnect(core.dependencies, core.call(), async () => ({ ...plainRequest, ...but }));

describe('disconnect, as the core tells it', () => {
  test('reads after a fresh exchange, takes the slot, asks whether it may, and sends once', async () => {
    const core = coreScene();
    await disconnecting(core, { idempotency: { key: 'key', fingerprint: '' } });
    assert.deepEqual(core.asked, [
      'authenticate',
      'loadPreconditions',
      'exchangeUncached',
      'list',
      'findByKey',
      'open',
      'disconnect',
      'permitSending',
      'move',
    ]);
  });

  test('without a key nobody looks for one', async () => {
    const core = coreScene();
    await disconnecting(core);
    assert.ok(!core.asked.includes('findByKey'));
  });

  test('the log distinguishes a repetition from the first call', async () => {
    const core = coreScene();
    const said = [];
    for (const call of [core.call(), core.call()]) {
      const request = { ...plainRequest, idempotency: { key: 'key', fingerprint: '' } };
      const { operation } = await disconnect(core.dependencies, call, async () => request);
      said.push([call.annotations.replayed, call.annotations.operationId === operation.id]);
    }
    assert.deepEqual(said, [
      [undefined, true],
      [true, true],
    ]);
  });

  test('the read has an id of its own, and the call’s deadline', async () => {
    const core = coreScene();
    const call = core.call();
    await disconnect(core.dependencies, call, async () => plainRequest);
    const [read] = core.graph.lists;
    assert.ok(read?.requestId);
    assert.notEqual(read.requestId, call.requestId);
    assert.equal(read.tenantId, 'contoso');
    assert.deepEqual([read?.deadline, read?.token.reveal()], [call.deadline, 'token of admin']);
  });

  test('a caller without the role', async () => {
    const core = coreScene();
    core.people.set('admin', person('admin', { roles: ['Read', 'Approve', 'Audit'] }));
    assert.equal((await failureFrom(disconnecting(core))).reason, 'role_missing');
    assert.equal(core.trail[0]?.action, 'disconnect');
  });

  const etag = etagOf([connected]);
  const preconditions: [string, DisconnectRequest['ifMatch'], boolean, boolean][] = [
    ['what was seen', [etag], true, true],
    ['one of several', ['"another"', etag], true, true],
    ['any', ['*'], true, true],
    ['something else', ['"another"'], true, false],
    ['nothing', [], true, false],
    ['any, where nothing is connected', ['*'], false, false],
    ['what was seen before, where nothing is connected', [etag], false, false],
  ];
  for (const [name, ifMatch, isConnected, acts] of preconditions) {
    test(`If-Match: ${name}`, async () => {
      const core = coreScene();
      if (!isConnected) core.graph.members = [];
      if (acts) assert.equal((await disconnecting(core, { ifMatch })).outcome.status, 'accepted');
      else assert.equal((await failureFrom(disconnecting(core, { ifMatch }))).reason, 'connection_changed');
      assert.equal(core.graph.acts.length, acts ? 1 : 0);
    });
  }

  test('the read fails: so does the call, on record, and the slot is free', async () => {
    const core = coreScene();
    const failure: Failure = { reason: 'graph_forbidden', graph: trace('graph-9') };
    core.before('list', fails(failure));
    assert.deepEqual(await failureFrom(disconnecting(core)), failure);
    assert.equal(core.trail[0]?.graphRequestId, 'graph-9');
    await disconnecting(core);
  });
});

describe('the policy of a tenant', () => {
  const invalid = (field: string, message: string): Failure => ({
    reason: 'request_invalid',
    issues: [{ field, message }],
  });
  const pattern = ticketPatternFrom('CHG[0-9]+');
  const wrongTicket = invalid('ticket', 'must match CHG[0-9]+');
  const needed = (field: string) => invalid(field, 'is required in this tenant');
  const idempotency = { key: 'key', fingerprint: '' };

  const unmet: [Partial<Policy>, Partial<DisconnectRequest>, Failure][] = [
    [{ reasonRequired: true }, {}, needed('reason')],
    [{ reasonRequired: true }, { reason: ' \t' }, needed('reason')],
    [{ ticketRequired: true }, {}, needed('ticket')],
    [{ ticketRequired: true }, { ticket: ' ' }, needed('ticket')],
    [{ ticketPattern: pattern }, { ticket: 'T-1' }, wrongTicket],
    [{ ticketRequired: true, ticketPattern: pattern }, { ticket: 'T-1' }, wrongTicket],
    [{ ticketRequired: true, ticketPattern: pattern }, {}, needed('ticket')],
    [
      { stepUp: 'c1' },
      {},
      {
        reason: 'claims_required',
        claims: '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}',
        tenantId: 'contoso',
      },
    ],
    [{ idempotencyKeyRequired: true }, {}, { reason: 'idempotency_key_required' }],
    [
      { ifMatchRequired: true },
      {},
      { reason: 'precondition_required', header: 'If-Match', resource: 'connection' },
    ],
    [{ reasonRequired: true, ticketRequired: true }, {}, needed('reason')],
  ];
  for (const [policy, request, failure] of unmet) {
    test(`${JSON.stringify(policy)}, not met: ${failure.reason}, before anybody is asked for a token`, async () => {
      const core = coreScene();
      core.demand(policy);
      assert.deepEqual(await failureFrom(disconnecting(core, request)), failure);
      assert.deepEqual(core.asked, ['authenticate', 'loadPreconditions', 'append']);
    });
  }

  const met: [Partial<Policy>, Partial<DisconnectRequest>][] = [
    [{ reasonRequired: true }, { reason: 'moving' }],
    [{ ticketRequired: true }, { ticket: 'T-1' }],
    [{ ticketPattern: pattern }, {}],
    [{ ticketPattern: pattern }, { ticket: '' }],
    [{ ticketPattern: pattern }, { ticket: 'CHG12' }],
    [{ ticketRequired: true, ticketPattern: pattern }, { ticket: 'CHG12' }],
    [{ idempotencyKeyRequired: true }, { idempotency }],
    [{ ifMatchRequired: true }, { ifMatch: ['*'] }],
  ];
  for (const [policy, request] of met) {
    test(`${JSON.stringify(policy)}, met by ${JSON.stringify(request)}`, async () => {
      const core = coreScene();
      core.demand(policy);
      assert.equal((await disconnecting(core, request)).outcome.status, 'accepted');
    });
  }

  test('a step-up that was proven', async () => {
    const core = coreScene();
    core.demand({ stepUp: 'c1' });
    core.people.set('admin', person('admin', { authenticationContexts: ['c2', 'c1'] }));
    assert.equal((await disconnecting(core)).outcome.status, 'accepted');
  });
});
