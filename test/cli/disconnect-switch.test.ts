import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../../tools/child-environment.ts';
import {
  bearer,
  disconnectPath,
  startService,
  startTestEnvironment,
  type TestEnvironment,
  type TestService,
} from '../support/service.ts';

const program = fileURLToPath(new URL('../../src/cli/disconnect-switch.ts', import.meta.url));

describe('the switch that turns disconnecting off', () => {
  let testEnvironment: TestEnvironment;
  let service: TestService;
  before(async () => {
    testEnvironment = await startTestEnvironment();
    service = await startService(testEnvironment);
  });
  after(async () => {
    await service?.close();
    await testEnvironment?.close();
  });
  beforeEach(async () => {
    await testEnvironment.closeOperations();
    testEnvironment.simulator.reset();
  });

  const by = ['--by', 'Olga Operator'];
  const run = (...args: string[]) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const env = childEnvironment({ DATABASE_URL: testEnvironment.database.url });
      execFile(process.execPath, [program, ...args], { env }, (error, out, err) =>
        resolve({ code: Number(error?.code ?? 0), out, err }),
      );
    });
  const disconnect = async (tenantId?: string) =>
    service.api
      .post(disconnectPath)
      .set(
        'authorization',
        bearer(await testEnvironment.simulator.token('admin', tenantId ? { tenantId } : {})),
      );

  test('off for all: the next call is refused with the reason, and both are on the record', async () => {
    const off = await run('off', ...by, '--reason', 'Freeze until Monday: миграция');
    assert.deepEqual([off.code, off.err], [0, '']);
    const refused = await disconnect();
    assert.deepEqual([refused.status, refused.body.code], [403, 'disconnect_disabled']);
    assert.match(refused.body.detail, /Freeze until Monday: миграция/);
    assert.equal(testEnvironment.simulator.acts().length, 0);

    const status = await run('status');
    assert.match(
      status.out,
      /off for all tenants since .*, by Olga Operator \(as \S+ on \S+\): Freeze until Monday/,
    );
    const [event] = await testEnvironment.query<{ record: Record<string, unknown> }>(
      "select record from audit_events where event = 'switched' order by number desc limit 1",
    );
    assert.equal(event?.record.value, 'off');
    const actor = event?.record.actor as { name: string } | undefined;
    assert.match(actor?.name ?? '', /^Olga Operator \(as \S+ on \S+\)$/);
    assert.equal(event?.record.reason, 'Freeze until Monday: миграция');

    assert.equal((await run('on', ...by, '--reason', 'done')).code, 0);
    assert.match((await run('status')).out, /Disconnecting is on/);
    const [again] = await testEnvironment.query<{ value: string }>(
      "select record ->> 'value' as value from audit_events where event = 'switched' order by number desc limit 1",
    );
    assert.equal(again?.value, 'on');
    assert.equal((await disconnect()).status, 200);
  });

  test('off for one tenant is off for that one alone', async () => {
    const { tenantId } = testEnvironment.simulator.registration;
    const { otherTenantId } = testEnvironment.simulator;
    assert.equal((await run('off', ...by, '--tenant', otherTenantId, '--reason', 'other')).code, 0);
    assert.equal((await disconnect()).status, 200);
    await testEnvironment.closeOperations();
    assert.equal((await run('off', ...by, '--tenant', tenantId.toUpperCase(), '--reason', 'this')).code, 0);
    assert.equal((await disconnect()).body.code, 'disconnect_disabled');
    // Switching all on does not overrule what was said for one tenant.
    assert.equal((await run('on', ...by, '--reason', 'all')).code, 0);
    assert.equal((await disconnect()).body.code, 'disconnect_disabled');
    assert.equal((await run('on', ...by, '--tenant', tenantId, '--reason', 'this')).code, 0);
    testEnvironment.simulator.reset();
    assert.equal((await disconnect()).status, 200);
  });

  const misuses = [
    [],
    ['off'],
    ['off', '--by', 'x', '--reason', ' '],
    ['off', '--reason', 'nobody says who'],
    ['on', '--by', ' ', '--reason', 'x'],
    ['on', '--by', 'two\u0007', '--reason', 'x'],
    ['maybe', '--by', 'x', '--reason', 'x'],
    ['off', '--tenant', 'x', '--by', 'z', '--reason', 'y'],
    ['status', '--bogus'],
  ];
  for (const args of misuses) {
    test(`says how it is used: ${JSON.stringify(args)}`, async () => {
      const { code, err } = await run(...args);
      assert.equal(code, 2);
      assert.match(err, /^Usage: disconnect-switch/);
    });
  }

  test('says what is wrong when it cannot reach the database', async () => {
    const { code, err } = await new Promise<{ code: number; err: string }>((resolve) => {
      const env = childEnvironment({ DATABASE_URL: 'postgres://u:hunter2@localhost:1/d' });
      execFile(process.execPath, [program, 'status'], { env }, (error, _out, stderr) =>
        resolve({ code: Number(error?.code ?? 0), err: stderr }),
      );
    });
    assert.equal(code, 1);
    assert.match(err, /It could not be done/);
    assert.doesNotMatch(err, /hunter2/);
  });
});
