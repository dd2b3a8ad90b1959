import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { prepareReuse } from '../../../src/adapters/database/reuse.ts';
import { beginSession } from '../../../src/adapters/database/session.ts';
import { runningTimers } from '../../support/processes.ts';
import { but, running } from './running-statement.ts';

const ampleMs = 30_000;

test('a connection whose statement was cancelled can be used again, and no timer stays', async (t) => {
  const { client, statement } = await running(t);
  const before = runningTimers();
  const asked = t.mock.method(client, 'query');
  assert.equal(await prepareReuse(client, statement, ampleMs), 'usable');
  assert.equal(await statement, '57014');
  assert.equal(runningTimers(), before);
  assert.equal(asked.mock.callCount(), 0, 'nothing is to be rolled back');
});

test('its transaction is rolled back', async (t) => {
  const { client, statement } = await running(t, 'begin');
  assert.equal(await prepareReuse(client, statement, ampleMs), 'usable');
  assert.equal(client.getTransactionStatus(), 'I');
});

test('it is in doubt where that fails', async (t) => {
  const { client, statement } = await running(t, 'begin');
  const failing = but(client, { query: () => Promise.reject(new Error('broken')) });
  assert.equal(await prepareReuse(failing, statement, ampleMs), 'doubtful');
});

test('it is in doubt where nobody knows what a cancellation ends', async (t) => {
  const { client, statement } = await running(t);
  const { processID } = client as pg.Client & { processID: number };
  // A pooler makes up a process id of its own, for which it passes the cancellation on.
  const lent = but(client, { processID: 1, query: client.query.bind(client) });
  const asked = beginSession(lent, ampleMs);
  assert.equal(await prepareReuse(but(client, { processID }), statement, ampleMs), 'usable');
  await asked;
  assert.equal(await prepareReuse(lent, Promise.resolve(), ampleMs), 'doubtful');
});

test('it is in doubt where the cancellation was not passed on', async (t) => {
  const { client, statement } = await running(t);
  const elsewhere = but(client, { port: 1 });
  assert.equal(await prepareReuse(elsewhere, Promise.resolve(), ampleMs), 'doubtful');
  await prepareReuse(client, statement, ampleMs);
});

test('it is in doubt where what ran does not end in time', async (t) => {
  const { client, statement } = await running(t);
  assert.equal(await prepareReuse(client, new Promise(() => {}), 1), 'doubtful');
  await statement;
});

test('it is lost where it broke', async (t) => {
  const { client, statement } = await running(t);
  const broken = Promise.reject(new Error('Connection terminated unexpectedly'));
  assert.equal(await prepareReuse(client, broken, ampleMs), 'lost');
  await statement;
});
