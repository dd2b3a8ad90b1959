import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { clockOffsetMs } from '../../../src/adapters/database/clock-offset.ts';
import { DatabaseTimeout, ReadOnlyServer } from '../../../src/adapters/database/connection-lost.ts';
import { tables as grantedTables } from '../../../src/adapters/database/grants.ts';
import type { Pool } from '../../../src/adapters/database/pool.ts';
import { OtherSchema } from '../../../src/adapters/database/schema-check.ts';
import {
  type DatabaseHealth,
  problemOf,
  readDatabaseHealth,
} from '../../../src/adapters/database/vital-signs.ts';
import { superuserUrl } from '../../../tools/postgres/postgres-access.ts';
import { postgresAccess } from '../../support/postgres.ts';
import { functionScene } from './function-scene.ts';

function refused(code: string | undefined): pg.DatabaseError {
  const error = new pg.DatabaseError('with an address', 1, 'error');
  error.code = code;
  return error;
}

/** A pool whose one answer this is. */
function poolThat(answer: (timeoutMs: number) => object | Promise<object>): Pool {
  const withClient = async (timeoutMs: number, work: (client: object) => Promise<unknown>) =>
    work({ query: async () => ({ rows: [await answer(timeoutMs)] }) });
  return {
    withClient,
    counts: () => ({ idle: 0, active: 0, waiting: 0 }),
    end: async () => {},
  } as unknown as Pool;
}
const failing = (error: unknown) => poolThat(() => Promise.reject(error));

// With a real database: test/e2e/vital-signs.test.ts and probes.test.ts.
describe('why PostgreSQL cannot be used', () => {
  const problems: [unknown, up: boolean, string][] = [
    [new ReadOnlyServer('recovery'), false, 'takes no writes: a standby, or a primary that was demoted'],
    [
      new ReadOnlyServer('setting'),
      false,
      'takes no writes: default_transaction_read_only is on, for the server, the database or the role',
    ],
    [new DatabaseTimeout(1), false, 'does not answer in time'],
    [new Error('connect ECONNREFUSED 10.0.0.1:5432'), false, 'cannot be reached'],
    [refused('28P01'), false, 'refuses us: the role or its password is not accepted (SQLSTATE 28P01)'],
    [refused('3D000'), false, 'refuses us: there is no such database (SQLSTATE 3D000)'],
    [refused('53300'), false, 'refuses us: it has no connection left (SQLSTATE 53300)'],
    [refused('53100'), false, 'refuses us: it lacks memory, disk or connections (SQLSTATE 53100)'],
    [refused('57P03'), false, 'refuses us: it is starting up or shutting down (SQLSTATE 57P03)'],
    [refused('57P01'), false, 'refuses us: it is shutting down (SQLSTATE 57P01)'],
    [refused('55P03'), true, 'refuses us: a lock could not be obtained in time (SQLSTATE 55P03)'],
    [refused('57014'), true, 'refuses us: a lock could not be obtained in time (SQLSTATE 57014)'],
    [refused('25006'), false, 'refuses us: it takes no writes (SQLSTATE 25006)'],
    [refused('42501'), true, 'refuses us: the role lacks a privilege (SQLSTATE 42501)'],
    [refused('42P01'), true, 'refuses us: its schema is not ours (SQLSTATE 42P01)'],
    [refused('XX000'), false, 'refuses us: an error (SQLSTATE XX000)'],
    [refused('00042'), false, 'refuses us: an error (SQLSTATE 00042)'],
    [refused('08428'), false, 'refuses us: an error (SQLSTATE 08428)'],
    [new OtherSchema('x'), false, new OtherSchema('x').message],
    [refused(undefined), false, 'refuses us: an error (SQLSTATE )'],
  ];
  for (const [error, up, problem] of problems) {
    test(problem, async () => {
      assert.equal(problemOf(error), problem);
      const health = await readDatabaseHealth(failing(error), 1000);
      assert.deepEqual([health.up, health.signs, health.problem], [up, null, problem]);
    });
  }
});

test('statements that wait are told though the rest cannot be', async () => {
  let asked = 0;
  const health = await readDatabaseHealth(
    poolThat(() => {
      asked += 1;
      return asked === 1 ? { number: 3 } : Promise.reject(refused('42501'));
    }),
    1000,
  );
  assert.deepEqual([health.statementsWaiting, health.signs], [3, null]);
});

describe('this machine’s clock beside the database’s', () => {
  const offset = async (askedAt: number, theirs: number, answeredAt: number) => {
    const times = [askedAt, answeredAt];
    const pool = poolThat((timeoutMs) => ({ ms: String(theirs), timeoutMs: assert.equal(timeoutMs, 700) }));
    return clockOffsetMs(pool, 700, () => times.shift() ?? assert.fail());
  };

  test('is ahead or behind by what is certain', async () => {
    assert.equal(await offset(1000, 1050, 1100), 0, 'between the two');
    assert.equal(await offset(1000, 900, 1100), 100, 'ahead already when it asked');
    assert.equal(await offset(1000, 1300, 1100), -200, 'behind still when it was answered');
  });

  test('is not known where the database does not answer', async () => {
    assert.equal(await clockOffsetMs(failing(new Error('no')), 700, Date.now), null);
  });
});

describe('what a real database tells', () => {
  const it = functionScene();
  const roles: string[] = [];
  after(async () => {
    const superuser = new pg.Client({ connectionString: superuserUrl(postgresAccess()) });
    await superuser.connect();
    for (const role of roles) await superuser.query(`drop role ${role}`);
    await superuser.end();
  });

  /** As a role with those attributes has it. */
  async function healthAs(role: string): Promise<DatabaseHealth> {
    await it.scene.superuser.query(`set role ${role}`);
    const withClient = (_timeoutMs: number, work: (client: pg.Client) => unknown) => work(it.scene.superuser);
    const health = await readDatabaseHealth({ ...failing(null), withClient } as Pool, 1000);
    await it.scene.superuser.query('reset role');
    return health;
  }
  async function newRole(attributes: string, ...grants: string[]): Promise<string> {
    const role = `vital_${randomUUID().replaceAll('-', '')}`;
    roles.push(role);
    await it.scene.superuser.query(`create role ${role} ${attributes}`);
    const privileges = 'select on all tables in schema public';
    await it.scene.superuser.query(`grant ${privileges} to ${role}`);
    for (const grant of grants) await it.scene.superuser.query(`grant ${grant} to ${role}`);
    return role;
  }
  const service = 'chromeos_bff';

  test('of its own role, which may do what it needs', async () => {
    const health = await healthAs(service);
    assert.deepEqual(health, {
      up: true,
      problem: null,
      statementsWaiting: 0,
      signs: {
        open: [],
        mayWriteAudit: true,
        lostChains: [],
        switchedOff: [],
        synchronousReplication: false,
        excessive: [],
      },
    });
  });

  const owns = ['owns the tables'];
  const excesses: [string, attributes: string, grants: string[], excessive: string[]][] = [
    [
      'a superuser',
      'superuser',
      [],
      ['is a superuser', ...owns, 'may create in the schema', 'may itself write …'],
    ],
    ['one that makes roles', 'createrole', [], ['may create roles']],
    ['one that makes databases', 'createdb', [], ['may create databases']],
    ['one that no policy binds', 'bypassrls', [], ['bypasses row security']],
    ['one that makes tables', '', ['create on schema public'], ['may create in the schema']],
    [
      'one that writes to tables',
      '',
      [
        'insert on operations',
        'delete on audit_events',
        'update on disconnect_switches',
        'truncate on audit_chains',
      ],
      ['may itself write audit_chains, audit_events, disconnect_switches, operations'],
    ],
    [
      'one that writes to columns',
      '',
      ['insert (id) on operations', 'update (record) on audit_events'],
      ['may itself write audit_events, operations'],
    ],
  ];
  for (const [name, attributes, grants, excessive] of excesses) {
    test(`of ${name}`, async () => {
      const { signs } = await healthAs(await newRole(attributes, ...grants));
      const told = signs?.excessive.map((one) => one.replace(/(?<=may itself write )(\w+, ){4,}\w+$/, '…'));
      assert.deepEqual(told, excessive);
      assert.equal(signs?.mayWriteAudit, attributes === 'superuser');
    });
  }

  test('of the owner, who may write to each table', async () => {
    const { signs } = await healthAs('chromeos_bff_owner');
    assert.ok(signs?.excessive.includes('owns the tables'));
    const written = signs?.excessive.find((one) => one.startsWith('may itself write ')) ?? '';
    const names = written.replace('may itself write ', '').split(', ');
    assert.deepEqual(
      grantedTables.filter((table) => !names.includes(table)),
      [],
    );
  });

  test('of a role that owns one of the tables that matter', async () => {
    const role = await newRole('');
    for (const table of ['audit_events', 'operations', 'disconnect_switches', 'kysely_migration']) {
      await it.scene.superuser.query('begin');
      await it.scene.superuser.query(`alter table ${table} owner to ${role}`);
      const { signs } = await healthAs(role);
      assert.equal(signs?.excessive.includes('owns the tables'), table !== 'kysely_migration', table);
      await it.scene.superuser.query('rollback');
    }
  });

  test('of a server that may lose commits, or waits for a standby', async () => {
    const { superuser } = it.scene;
    await superuser.query('create schema elsewhere');
    const role = await newRole('', 'usage on schema elsewhere');
    /** As the server would say it. */
    const signsWhere = async (setting: string, value: string) => {
      await superuser.query(
        `create or replace function elsewhere.current_setting(name text) returns text language sql
         as $$ select case name when '${setting}' then '${value}' else pg_catalog.current_setting(name) end $$`,
      );
      await superuser.query('set search_path = elsewhere, pg_catalog, public');
      const { signs } = await healthAs(role);
      await superuser.query('reset search_path');
      return [signs?.switchedOff, signs?.synchronousReplication];
    };
    assert.deepEqual(await signsWhere('fsync', 'off'), [['fsync'], false]);
    assert.deepEqual(await signsWhere('full_page_writes', 'off'), [['full_page_writes'], false]);
    assert.deepEqual(await signsWhere('synchronous_standby_names', '*'), [[], true]);
    await superuser.query('drop schema elsewhere cascade');
  });

  test('of what is open, by tenant and status, since it was sent or asked for', async () => {
    const insert = (status: string, tenantId: string, sentAt: string | null) =>
      it.scene.superuser.query(
        `insert into operations (id, tenant_id, status, requester_oid, requester_client_id, connection_id,
           connection, request_id, requested_at, sent_at, moved_at, expires_at)
         values ($1, $2, $3, 'someone', 'portal', 'connection', '{}', $1, now() - interval '5000 s',
           now() - $4::interval, now(), now() + interval '1 day')`,
        [randomUUID(), tenantId, status, sentAt],
      );
    await insert('sent', it.tenantId, '3000 s');
    const waiting = randomUUID();
    await insert('awaiting_approval', waiting, null);
    const ended = await it.open({}, { tenantId: randomUUID() });
    await it.operations.move(it.move(ended.id, 'sent', 'failed', { ends: true }));
    const { signs } = await healthAs(service);
    const open = [it.tenantId, waiting, ended.tenantId].flatMap(
      (tenantId) => signs?.open.filter((one) => one.tenantId === tenantId) ?? [],
    );
    assert.deepEqual(
      open.map(({ oldestSeconds, ...one }) => ({ ...one, thousands: Math.floor(oldestSeconds / 1000) })),
      [
        { tenantId: it.tenantId, status: 'sent', number: 1, thousands: 3 },
        { tenantId: waiting, status: 'awaiting_approval', number: 1, thousands: 5 },
      ],
    );
  });

  test('of chains that lost events, until that is acknowledged', async () => {
    const chain = randomUUID();
    const lose = (number: number, acknowledged: string | null) =>
      it.scene.superuser.query(
        'insert into audit_losses (chain, number, link, acknowledged_at) values ($1, $2, $3, $4)',
        [chain, number, Buffer.alloc(32), acknowledged],
      );
    await lose(1, '2026-01-01');
    assert.deepEqual((await healthAs(service)).signs?.lostChains, []);
    await lose(2, null);
    assert.deepEqual((await healthAs(service)).signs?.lostChains, [chain]);
  });

  test('of statements that wait for a lock', async () => {
    const lock = await it.lockTenant();
    const waiting = it.operations.open(it.opening());
    await it.waiting();
    const other = await it.beside();
    const alsoWaiting = other.client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
      it.tenantId,
    ]);
    await it.waiting(2);
    assert.equal((await healthAs(service)).statementsWaiting, 1, 'the other is none of ours');
    await lock.end();
    await Promise.all([waiting, alsoWaiting]);
    await other.end();
  });
});
