import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditQuery } from '../../../src/core/audit/audit-event.ts';
import type { AuditSelection } from '../../../src/core/audit/audit-export.ts';
import { exportAudit, readChainStatus } from '../../../src/core/use-cases/export-audit.ts';
import { findAuditActors, readAudit } from '../../../src/core/use-cases/read-audit.ts';
import { readConnection } from '../../../src/core/use-cases/read-connection.ts';
import { readProfile } from '../../../src/core/use-cases/read-profile.ts';
import {
  breaks,
  type CoreScene,
  connected,
  coreScene,
  fails,
  failureFrom,
  person,
  recordDown,
  tenantId,
  trace,
} from '../../support/core.ts';
import { heldStatuses, holdSlot } from '../../support/holders.ts';

const nothing = () => null;
const reading = (core: CoreScene, call = core.call()) => readConnection(core.dependencies, call, nothing);

describe('reading the connection', () => {
  test('once, with a token that may be a little older, on record before it is answered', async () => {
    const core = coreScene();
    core.before('list', () => core.advance(30));
    const call = core.call();
    assert.deepEqual((await reading(core, call)).value, [connected]);
    assert.deepEqual(core.asked, ['authenticate', 'exchangeForRead', 'list', 'append']);
    const [read] = core.graph.lists;
    assert.deepEqual(
      [read?.requestId, read?.tenantId, read?.deadline, read?.token.reveal()],
      [call.requestId, tenantId, call.deadline, 'token of admin'],
    );
    const [event] = core.trail;
    assert.deepEqual(
      [event?.event, event?.action, event?.result, event?.graphRequestId, event?.durationMs],
      ['read', 'read_connection', 'succeeded', 'graph-list', 30],
    );
  });

  test('without a record there is no answer', async () => {
    const core = coreScene();
    core.before('append', fails(recordDown));
    assert.deepEqual(await failureFrom(reading(core)), recordDown);
  });

  test('that fails is on record, with Graph’s id', async () => {
    const core = coreScene();
    core.before('list', fails({ reason: 'graph_forbidden', graph: trace('graph-9') }));
    assert.equal((await failureFrom(reading(core))).reason, 'graph_forbidden');
    assert.deepEqual(
      core.trail.map(({ event, action, failure, graphRequestId }) => [
        event,
        action,
        failure,
        graphRequestId,
      ]),
      [['refused', 'read_connection', 'graph_forbidden', 'graph-9']],
    );
  });

  for (const status of heldStatuses) {
    const readsAgain = status === 'accepted' || status === 'unknown';
    test(`while an operation is ${status}: reads ${readsAgain ? 'again' : 'once'}`, async () => {
      const core = coreScene();
      await holdSlot(core, status);
      await reading(core);
      assert.equal(core.graph.lists.length, readsAgain ? 2 : 1);
      assert.equal(new Set(core.graph.lists.map(({ requestId }) => requestId)).size, core.graph.lists.length);
      assert.equal((await core.newest()).status, status);
    });
  }

  test('settles by another read, not by the one it answers with', async () => {
    const core = coreScene();
    await holdSlot(core, 'accepted');
    core.graph.members = [{ ...connected, status: 'failed' }];
    core.after('list', () => {
      core.graph.members = [];
    });
    const { value } = await reading(core);
    assert.deepEqual(value, [{ ...connected, status: 'failed' }]);
    assert.equal((await core.newest()).status, 'completed');
  });

  test('the second read fails: the first is answered all the same', async () => {
    const core = coreScene();
    await holdSlot(core, 'accepted');
    core.before('list', () => {});
    core.before('list', fails({ reason: 'graph_forbidden', graph: trace() }));
    assert.deepEqual((await reading(core)).value, [connected]);
    assert.equal((await core.newest()).status, 'accepted');
  });

  test('a defect of ours in the second read: internal', async () => {
    const core = coreScene();
    await holdSlot(core, 'accepted');
    core.before('list', () => {});
    core.before('list', breaks);
    assert.equal((await failureFrom(reading(core))).reason, 'internal');
    assert.equal((await core.newest()).status, 'accepted');
  });
});

describe('reading the audit trail', () => {
  const selection: Omit<AuditSelection, 'tenantId'> = {
    from: null,
    to: null,
    actor: null,
    event: null,
    operationId: null,
    reads: null,
  };
  const query: Omit<AuditQuery, 'tenantId'> = { ...selection, limit: 10, cursor: null };

  test('is of the caller’s own tenant, and itself on record', async () => {
    const core = coreScene();
    const { audit } = core.dependencies;
    const queries: AuditQuery[] = [];
    const watching = {
      ...core.dependencies,
      audit: {
        ...audit,
        find(asked: AuditQuery) {
          queries.push(asked);
          core.advance(20);
          return audit.find(asked);
        },
      },
    };
    assert.deepEqual(await readAudit(watching, core.call(), () => query), { events: [], nextCursor: null });
    assert.deepEqual(queries, [{ ...query, tenantId }]);
    const [event] = core.trail;
    assert.deepEqual(
      [event?.event, event?.action, event?.result, event?.durationMs],
      ['read', 'read_audit', 'succeeded', 20],
    );
  });

  test('people are those of the caller’s own tenant, and looking for them is on record', async () => {
    const core = coreScene();
    const asked: string[][] = [];
    const found = {
      actors: [{ oid: 'ada', name: 'Ada', kind: 'user' as const, lastSeen: '2026-01-01T00:00:00.000Z' }],
      complete: true,
    };
    const audit = {
      ...core.dependencies.audit,
      async findActors(...values: string[]) {
        asked.push(values);
        core.advance(20);
        return found;
      },
    };
    const finding = findAuditActors({ ...core.dependencies, audit }, core.call(), () => ({ name: 'ada' }));
    assert.deepEqual([await finding, asked], [found, [[tenantId, 'ada']]]);
    const [event] = core.trail;
    assert.deepEqual(
      [event?.event, event?.action, event?.result, event?.explanation, event?.durationMs],
      ['read', 'read_audit', 'succeeded', 'people by name', 20],
    );
  });

  test('an export is on record before it begins, and part of it', async () => {
    const core = coreScene();
    const entries = await exportAudit(core.dependencies, core.call(), 'NDJSON', () => selection);
    const [event] = core.trail;
    assert.deepEqual(
      [event?.event, event?.action, event?.result, event?.explanation],
      ['read', 'read_audit', 'succeeded', 'an export as NDJSON'],
    );
    const said: unknown[] = [];
    for await (const entry of entries) said.push(entry);
    assert.deepEqual(said, [{ type: 'end', number: 1, link: '' }]);
  });

  test('an export holds what was selected of the caller’s own tenant', async () => {
    const core = coreScene();
    const selections: AuditSelection[] = [];
    const audit = {
      ...core.dependencies.audit,
      async *export(asked: AuditSelection) {
        selections.push(asked);
        yield* [];
      },
    };
    const asked = { ...selection, actor: 'somebody' };
    const entries = await exportAudit({ ...core.dependencies, audit }, core.call(), 'NDJSON', () => asked);
    for await (const _ of entries) assert.fail('nothing was selected');
    assert.deepEqual(selections, [{ ...asked, tenantId }]);
  });

  test('how well it is covered', async () => {
    const core = coreScene();
    core.before('status', () => core.advance(10));
    assert.equal((await readChainStatus(core.dependencies, core.call(), nothing)).chain, tenantId);
    const [event] = core.trail;
    assert.deepEqual(
      [event?.event, event?.action, event?.result, event?.explanation, event?.durationMs],
      ['read', 'read_audit', 'succeeded', 'the status of the last checkpoint', 10],
    );
  });

  for (const [name, ask] of [
    ['events', (core: CoreScene) => readAudit(core.dependencies, core.call(), () => query)],
    [
      'people by name',
      (core: CoreScene) => findAuditActors(core.dependencies, core.call(), () => ({ name: 'ada' })),
    ],
    ['an export', (core: CoreScene) => exportAudit(core.dependencies, core.call(), 'OCSF', () => selection)],
    ['its status', (core: CoreScene) => readChainStatus(core.dependencies, core.call(), nothing)],
  ] as const) {
    test(`${name}: not without the role, not without a record`, async () => {
      const core = coreScene();
      core.before('append', fails(recordDown));
      assert.deepEqual(await failureFrom(ask(core)), recordDown);
      core.people.set('admin', person('admin', { roles: ['Read', 'Disconnect', 'Approve'] }));
      assert.equal((await failureFrom(ask(core))).reason, 'role_missing');
      assert.equal(core.trail.at(-1)?.action, 'read_audit');
    });
  }
});

describe('reading one’s own profile', () => {
  const permissions: [string[], string[]][] = [
    [[], []],
    [['Read'], ['read_connection']],
    [['Disconnect'], ['read_connection', 'disconnect']],
    [['Approve'], ['read_connection', 'approve']],
    [['Audit'], ['read_audit']],
    [
      ['Other', 'Audit', 'Disconnect'],
      ['read_connection', 'disconnect', 'read_audit'],
    ],
  ];
  for (const [roles, expected] of permissions) {
    test(`${roles.join() || 'no role'}: ${expected.join() || 'nothing'}`, async () => {
      const core = coreScene();
      core.people.set('admin', person('admin', { roles }));
      const profile = await readProfile(core.dependencies, core.call(), nothing);
      assert.deepEqual([profile.caller.oid, profile.permissions], ['admin', expected]);
      const [event] = core.trail;
      assert.deepEqual([event?.event, event?.action, event?.result], ['read', 'read_profile', 'succeeded']);
    });
  }

  const domains: [string | null, boolean, string | null][] = [
    ['ada@contoso.example', false, 'contoso.example'],
    ['Ada.Admin@EU.Contoso.Example', false, 'eu.contoso.example'],
    ['gus@home.example', true, null],
    ['gus_home.example#EXT#@contoso.onmicrosoft.com', false, null],
    ['live.com#gus@outlook.com', false, null],
    ['ada', false, null],
    ['ada@localhost', false, null],
    ['ada@contoso..example', false, null],
    ['ada@contoso.example ', false, null],
    ['+49 30 123', false, null],
    [null, false, null],
  ];
  for (const [name, guest, domain] of domains) {
    test(`${name}${guest ? ', a guest' : ''}: of the tenant ${domain}`, async () => {
      const core = coreScene();
      const { dependencies } = core;
      core.people.set('admin', person('admin', { name, guest }));
      const access = { ...dependencies.access, guestsAllowed: true };
      const profile = await readProfile({ ...dependencies, access }, core.call(), nothing);
      assert.equal(profile.tenantDomain, domain);
    });
  }

  test('what the tenant demands is shown to those who may disconnect', async () => {
    const core = coreScene();
    core.demand({ approvalRequired: true });
    const policyFor = async (roles: string[]) => {
      core.people.set('admin', person('admin', { roles }));
      return (await readProfile(core.dependencies, core.call(), nothing)).policy;
    };
    assert.equal((await policyFor(['Disconnect']))?.approvalRequired, true);
    assert.deepEqual([await policyFor(['Read', 'Approve', 'Audit']), await policyFor([])], [null, null]);
  });

  test('not through another portal', async () => {
    const core = coreScene();
    core.people.set('admin', person('admin', { clientId: 'elsewhere' }));
    const failure = await failureFrom(readProfile(core.dependencies, core.call(), nothing));
    assert.equal(failure.reason, 'portal_not_allowed');
    assert.equal(core.trail[0]?.action, 'read_profile');
  });
});
