import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cancelRunning } from '../../../src/adapters/database/cancel.ts';
import { postgresAccess } from '../../support/postgres.ts';
import { runningTimers, until } from '../../support/processes.ts';
import { but, running } from './running-statement.ts';

// A connection with TLS to a real server is in connections.test.ts.

/** Where something else than PostgreSQL listens. */
async function listening(
  t: TestContext,
  onConnection: (socket: net.Socket) => void,
  at: string | number = 0,
) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onConnection(socket);
  });
  server.listen(...([at] as [number]));
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { server, sockets, port: typeof address === 'object' ? address?.port : undefined };
}

test('ends what runs on the connection, and leaves no timer behind', async (t) => {
  const { client, statement } = await running(t);
  const before = runningTimers();
  assert.equal(await cancelRunning(client), true);
  assert.equal(runningTimers(), before);
  assert.equal(await statement, '57014');
});

test('goes through a socket in a folder, where the connection does', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-cancel-'));
  t.after(() => rm(folder, { recursive: true }));
  const { port } = postgresAccess();
  const through = (socket: net.Socket) => {
    const target = net.connect(port, '127.0.0.1');
    socket.pipe(target).pipe(socket);
  };
  await listening(t, through, join(folder, `.s.PGSQL.${port}`));
  const { client, statement } = await running(t);
  assert.equal(await cancelRunning(but(client, { host: folder })), true);
  assert.equal(await statement, '57014');
});

test('asks for TLS first where the connection has it, and is not sent if there is none', async (t) => {
  const asked = Promise.withResolvers<Buffer>();
  const { port } = await listening(t, (socket) => {
    socket.once('data', (bytes) => {
      asked.resolve(bytes);
      socket.end();
    });
  });
  const { client, statement } = await running(t);
  assert.equal(await cancelRunning(but(client, { port, ssl: true })), false);
  // https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest
  assert.deepEqual(await asked.promise, Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
  assert.equal(await cancelRunning(client), true);
  assert.equal(await statement, '57014', 'the statement ran until now');
});

test('was not passed on where nobody listens', async (t) => {
  const { port, server } = await listening(t, () => {});
  await new Promise((closed) => server.close(closed));
  const { client } = await running(t);
  assert.equal(await cancelRunning(but(client, { port })), false);
  await cancelRunning(client);
});

test('was not passed on where nobody answers in time', async (t) => {
  const asked = Promise.withResolvers<net.Socket>();
  const { port } = await listening(t, (socket) => asked.resolve(socket.resume()));
  const { client } = await running(t);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const passedOn = cancelRunning(but(client, { port }));
  const socket = await asked.promise;
  t.mock.timers.tick(2000);
  assert.equal(await passedOn, false);
  t.mock.timers.reset();
  await until('it is given up', () => socket.readableEnded);
  await cancelRunning(client);
});

test('may not have been passed on where the connection is reset', async (t) => {
  const { port } = await listening(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  const { client } = await running(t);
  assert.equal(await cancelRunning(but(client, { port })), false);
  await cancelRunning(client);
});

for (const missing of ['processID', 'secretKey']) {
  test(`cannot be asked for without a ${missing}`, async (t) => {
    const { client } = await running(t);
    assert.equal(await cancelRunning(but(client, { [missing]: null })), false);
    assert.equal(await cancelRunning(client), true);
  });
}
