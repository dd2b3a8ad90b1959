import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Caller } from '../../src/core/caller.ts';
import { CallFailed, type Failure } from '../../src/core/failure.ts';
import { frame, type SignedInCall, type UseCase } from '../../src/core/frame.ts';
import {
  breaks,
  coreScene,
  fails,
  failureFrom,
  person,
  recordDown,
  tenantId,
  trace,
} from '../support/core.ts';

type Asked = { readonly what: string };

/** A use case that tells in `asked` how far it came. */
function useCase(asked: string[], but: Partial<UseCase<Asked, string>> = {}): UseCase<Asked, string> {
  return {
    action: 'read_connection',
    permission: 'read_connection',
    read() {
      asked.push('read');
      return { what: 'the connection' };
    },
    async run(_call, { what }) {
      asked.push(`run: ${what}`);
      return 'value';
    },
    async record(_call, value) {
      asked.push(`record: ${value}`);
    },
    ...but,
  };
}

describe('the frame of a call', () => {
  test('who → may they → read → run → record', async () => {
    const core = coreScene();
    const call = core.call('admin', { enforceRateLimit: () => core.asked.push('enforceRateLimit') });
    const { value, call: signedIn } = await frame(core.dependencies, call, useCase(core.asked));
    assert.equal(value, 'value');
    assert.deepEqual(core.asked, [
      'authenticate',
      'enforceRateLimit',
      'read',
      'run: the connection',
      'record: value',
    ]);
    assert.deepEqual(call.annotations, { oid: 'admin', tenantId, clientId: 'portal' });
    assert.deepEqual([signedIn.caller.oid, signedIn.begunAt], ['admin', core.now()]);
    assert.deepEqual(core.trail, []);
  });

  test('begins to count when it is called, before anybody is known', async () => {
    const core = coreScene();
    const begunAt = core.now();
    core.before('authenticate', () => core.advance(70));
    const { call } = await frame(core.dependencies, core.call(), useCase([]));
    assert.equal(call.begunAt, begunAt);
  });

  test('the record says who called, in which call, from where', async () => {
    const core = coreScene();
    const call = core.call();
    await failureFrom(frame(core.dependencies, call, useCase([], { run: breaks })));
    const { id: _, ...event } = core.trail[0] ?? assert.fail('nothing is on record');
    assert.deepEqual(event, {
      event: 'refused',
      action: 'read_connection',
      result: 'refused',
      failure: 'internal',
      actor: { kind: 'user', oid: 'admin', tenantId, name: 'admin@contoso.example', clientId: 'portal' },
      tenantId,
      source: { address: call.address },
      requestId: call.requestId,
      time: '2026-01-01T00:00:00.000Z',
      operationId: null,
      graphRequestId: null,
      connection: null,
      durationMs: null,
      explanation: null,
      move: null,
      reason: null,
      ticket: null,
      value: null,
    });
  });

  test('a name is recorded only where names are kept', async () => {
    const core = coreScene();
    core.dropNames();
    await failureFrom(frame(core.dependencies, core.call(), useCase([], { run: breaks })));
    assert.equal(core.trail[0]?.actor.name, null);
  });

  const refused: [string, Partial<Caller>, UseCase<Asked, string>['permission'], Failure['reason']][] = [
    ['an app-only token', { kind: 'app' }, null, 'insufficient_scope'],
    ['an agent’s token', { kind: 'agent' }, null, 'insufficient_scope'],
    ['a token without our scope', { scopes: ['User.Read'] }, null, 'insufficient_scope'],
    ['another portal', { clientId: 'elsewhere' }, null, 'portal_not_allowed'],
    ['a guest', { guest: true }, null, 'guest_not_allowed'],
    ['another portal, with every role', { clientId: 'elsewhere' }, 'disconnect', 'portal_not_allowed'],
    ['no role', { roles: [] }, 'read_connection', 'role_missing'],
    ['only the audit role', { roles: ['Audit'] }, 'read_connection', 'role_missing'],
    ['a reader who disconnects', { roles: ['Read'] }, 'disconnect', 'role_missing'],
    ['an approver who disconnects', { roles: ['Approve', 'Read', 'Audit'] }, 'disconnect', 'role_missing'],
    ['who disconnects, approving', { roles: ['Disconnect'] }, 'approve', 'role_missing'],
    ['everything but audit', { roles: ['Read', 'Disconnect', 'Approve'] }, 'read_audit', 'role_missing'],
  ];
  for (const [who, but, permission, reason] of refused) {
    test(`${who}: ${reason}, on record, and the request is not even read`, async () => {
      const core = coreScene();
      core.people.set('admin', person('admin', but));
      const failure = await failureFrom(
        frame(core.dependencies, core.call(), useCase(core.asked, { permission })),
      );
      assert.equal(failure.reason, reason);
      assert.equal('tenantId' in failure && failure.tenantId, tenantId);
      assert.deepEqual(core.asked, ['authenticate', 'append']);
      assert.deepEqual(core.story(), [`refused ${reason}`]);
    });
  }

  for (const [but, cause] of [
    [{ kind: 'app' }, 'an app-only token'],
    [{ kind: 'agent' }, 'a token of an agent, not of a person'],
    [{ scopes: ['User.Read'] }, 'scp lacks access'],
  ] as const) {
    test(`the log says why a scope is not enough: ${cause}`, async () => {
      const core = coreScene();
      core.people.set('admin', person('admin', but));
      const failure = await failureFrom(frame(core.dependencies, core.call(), useCase([])));
      assert.deepEqual(failure, { reason: 'insufficient_scope', cause, tenantId });
    });
  }

  const admitted: [string[], UseCase<Asked, string>['permission']][] = [
    [[], null],
    [['Read'], 'read_connection'],
    [['Disconnect'], 'read_connection'],
    [['Approve'], 'read_connection'],
    [['Disconnect'], 'disconnect'],
    [['Approve'], 'approve'],
    [['Audit'], 'read_audit'],
  ];
  for (const [roles, permission] of admitted) {
    test(`${roles.join() || 'no role'} gives ${permission ?? 'what is open to all'}`, async () => {
      const core = coreScene();
      core.people.set('admin', person('admin', { roles }));
      assert.equal((await frame(core.dependencies, core.call(), useCase([], { permission }))).value, 'value');
    });
  }

  test('an agent that may act is let in as a person is; an application is not', async () => {
    const core = coreScene();
    const dependencies = {
      ...core.dependencies,
      access: { ...core.dependencies.access, agentsAllowed: true },
    };
    core.people.set('admin', person('admin', { kind: 'agent' }));
    assert.equal((await frame(dependencies, core.call(), useCase([]))).value, 'value');
    for (const kind of ['app', 'system', 'unknown'] as const) {
      core.people.set('admin', person('admin', { kind }));
      const failure = await failureFrom(frame(dependencies, core.call(), useCase([])));
      assert.equal(failure.reason, 'insufficient_scope', kind);
    }
  });

  test('a missing role is answered with the roles that would do', async () => {
    const core = coreScene();
    core.people.set('admin', person('admin', { roles: [] }));
    const failure = await failureFrom(frame(core.dependencies, core.call(), useCase([])));
    assert.deepEqual(failure, {
      reason: 'role_missing',
      permission: 'read_connection',
      roles: ['Read', 'Disconnect', 'Approve'],
      tenantId,
    });
  });

  test('a request that is wrong is refused on record, after the right to ask it', async () => {
    const core = coreScene();
    const read = fails({ reason: 'request_invalid', issues: [] });
    const failure = await failureFrom(frame(core.dependencies, core.call(), useCase(core.asked, { read })));
    assert.equal(failure.reason, 'request_invalid');
    assert.deepEqual(core.asked, ['authenticate', 'append']);
    assert.deepEqual(core.story(), ['refused request_invalid']);
  });

  test('a refusal is on record before anyone hears of it, with its operation and the id of Graph', async () => {
    const core = coreScene();
    const recording = Promise.withResolvers<void>();
    core.before('append', () => recording.promise);
    const run = async (call: SignedInCall): Promise<string> => {
      call.concerns('operation-7');
      throw new CallFailed({ reason: 'graph_forbidden', graph: trace('graph-9') });
    };
    let heard = false;
    const call = core.call();
    const running = failureFrom(frame(core.dependencies, call, useCase(core.asked, { run }))).then(
      (failure) => {
        heard = true;
        return failure;
      },
    );
    await new Promise(setImmediate);
    assert.deepEqual([core.asked.at(-1), heard], ['append', false]);
    recording.resolve();
    assert.equal((await running).reason, 'graph_forbidden');
    const [event] = core.trail;
    assert.deepEqual(
      [event?.failure, event?.operationId, event?.graphRequestId],
      ['graph_forbidden', 'operation-7', 'graph-9'],
    );
    assert.equal(call.annotations.operationId, 'operation-7');
  });

  test('a record that cannot be written is not tried again to record that', async () => {
    const core = coreScene();
    const failure = await failureFrom(
      frame(core.dependencies, core.call(), useCase(core.asked, { run: fails(recordDown) })),
    );
    assert.deepEqual([failure, core.trail], [recordDown, []]);
    assert.ok(!core.asked.includes('append'));
  });

  test('a refusal that cannot be recorded is not answered as one', async () => {
    const core = coreScene();
    core.before('append', fails(recordDown));
    const failure = await failureFrom(
      frame(core.dependencies, core.call(), useCase([], { run: fails({ reason: 'not_connected' }) })),
    );
    assert.deepEqual(failure, recordDown);
  });

  test('a success that cannot be recorded is not answered as one, and is no refusal', async () => {
    const core = coreScene();
    const failure = await failureFrom(
      frame(core.dependencies, core.call(), useCase(core.asked, { record: fails(recordDown) })),
    );
    assert.deepEqual([failure, core.trail], [recordDown, []]);
  });

  test('too many calls: neither asked for anything nor on record', async () => {
    const core = coreScene();
    const enforceRateLimit = fails({ reason: 'rate_limited', retryAfter: 9 });
    const call = core.call('admin', { enforceRateLimit });
    const failure = await failureFrom(frame(core.dependencies, call, useCase(core.asked)));
    assert.equal(failure.reason, 'rate_limited');
    assert.deepEqual([core.asked, core.trail], [['authenticate'], []]);
    assert.equal(call.annotations.oid, 'admin');
  });

  test('a rejected sign-in goes to the trail of nobody, with its cause, and does not wait for it', async () => {
    const core = coreScene();
    const call = core.call('a stranger');
    const failure = await failureFrom(frame(core.dependencies, call, useCase(core.asked)));
    assert.equal(failure.reason, 'token_invalid');
    assert.deepEqual([core.asked, core.trail, call.annotations], [['authenticate'], [], {}]);
    const [event, ...others] = core.rejectedSignIns;
    assert.deepEqual(others, []);
    assert.deepEqual(
      [event?.event, event?.action, event?.result, event?.failure, event?.explanation],
      ['refused', 'sign_in', 'refused', 'token_invalid', 'nobody we know'],
    );
    assert.deepEqual(event?.actor, {
      kind: 'unknown',
      oid: 'unknown',
      tenantId: 'none',
      name: null,
      clientId: 'unknown',
    });
    assert.deepEqual(
      [event?.tenantId, event?.requestId, event?.source.address],
      ['none', call.requestId, '192.0.2.1'],
    );
  });

  for (const failure of [
    { reason: 'token_missing' },
    { reason: 'signing_keys_unavailable', retryAfter: 5 },
  ] as const) {
    test(`${failure.reason}: nobody was rejected, nothing is on record`, async () => {
      const core = coreScene();
      core.before('authenticate', fails(failure));
      assert.deepEqual(await failureFrom(frame(core.dependencies, core.call(), useCase([]))), failure);
      assert.deepEqual([core.rejectedSignIns, core.trail], [[], []]);
    });
  }
});
