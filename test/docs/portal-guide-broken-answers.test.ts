import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Breakage, type BreakingProxy, startBreakingProxy } from '../support/breaking-proxy.ts';
import { type Exports, guidePortal, origin } from '../support/guide-portal.ts';

// A gateway that a page may read: what it says in the service's place must be told from the service's answers.
const gateway =
  (status: string, type: string, text: string): Breakage =>
  () => ({
    bytes: Buffer.from(
      `HTTP/1.1 ${status}\r\naccess-control-allow-origin: ${origin}\r\ncontent-type: ${type}\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
    ),
  });
const cutAfter =
  (length: (head: Buffer, body: Buffer) => number): Breakage =>
  ({ head, body }) => ({ bytes: Buffer.concat([head, body]).subarray(0, length(head, body)) });

const breakages: [string, Breakage][] = [
  ['nothing comes back', cutAfter(() => 0)],
  ['it breaks off in the status line', cutAfter(() => 9)],
  ['in the headers', cutAfter((head) => head.length / 2)],
  ['before the empty line', cutAfter((head) => head.length - 1)],
  ['between headers and body', cutAfter((head) => head.length)],
  ['after the first byte of the body', cutAfter((head) => head.length + 1)],
  ['in the middle of the body', cutAfter((head, body) => head.length + body.length / 2)],
  ['before the last byte', cutAfter((head, body) => head.length + body.length - 1)],
  [
    'before the last chunk',
    ({ head, body }) => {
      const chunked = head.toString().replace(/content-length: \d+/i, 'transfer-encoding: chunked');
      return { bytes: Buffer.from(`${chunked}${body.length.toString(16)}\r\n${body}\r\n`) };
    },
  ],
  ['a gateway: 502 in HTML', gateway('502 Bad Gateway', 'text/html', '<html>Bad gateway</html>')],
  [
    'a gateway: 504 in JSON of its own',
    gateway('504 Gateway Timeout', 'application/json', '{"message":"x"}'),
  ],
  ['a captive portal: 200 in HTML', gateway('200 OK', 'text/html', '<html>Welcome</html>')],
  ['a gateway: 200 in JSON of its own', gateway('200 OK', 'application/json', '{"status":"ok"}')],
  ['a gateway: 200 and null', gateway('200 OK', 'application/json', 'null')],
  ['a gateway: 200 and nothing', gateway('200 OK', 'application/json', '')],
];

describe('the guide’s portal behind a proxy that breaks answers', () => {
  const portal = guidePortal({ tls: false });
  const { acts, as, disconnect, intentNow } = portal;
  let proxy: BreakingProxy;
  before(async () => {
    proxy = await startBreakingProxy(portal.service.url);
    portal.guide.config.config.api = proxy.url;
  });
  after(() => proxy?.close());

  const brokenOnce = async <Value>(breakage: Breakage, work: () => Promise<Value>): Promise<Value> => {
    proxy.breakPosts(breakage);
    try {
      return await work();
    } finally {
      proxy.breakPosts(null);
    }
  };
  const keyOf = async (operationId: string) => {
    const sql = 'select idempotency_key as key from operations where id = $1';
    const [row] = await portal.testEnvironment.query<{ key: string }>(sql, [operationId]);
    return row?.key;
  };

  for (const [name, breakage] of breakages) {
    test(`${name}: unsure, and the same intent brings certainty: one act`, async () => {
      const intent = await intentNow();
      assert.equal((await brokenOnce(breakage, () => disconnect(intent))).end, 'unsure');
      assert.equal(acts(), 1);
      const sent = await disconnect(intent);
      assert.deepEqual([sent.end, acts()], ['operation', 1]);
      assert.equal(await keyOf(sent.operationId), intent.key);
    });
  }

  test('the time is up in the middle of the body: unsure, and then certain', async (context) => {
    const timeUp = new AbortController();
    const intent = await intentNow();
    context.mock.method(AbortSignal, 'timeout', () => timeUp.signal);
    const held: Breakage = ({ head, body }) => {
      setImmediate(() => timeUp.abort());
      return { bytes: Buffer.concat([head, body.subarray(0, 3)]), hold: true };
    };
    assert.equal((await brokenOnce(held, () => disconnect(intent))).end, 'unsure');
    context.mock.restoreAll();
    assert.deepEqual([(await disconnect(intent)).end, acts()], ['operation', 1]);
  });

  test('a refusal that breaks off is unsure, and a whole one after it does not make it certain', async () => {
    const intent = portal.guide.disconnect.newIntent({ etag: '"another"' });
    const middle = cutAfter((head, body) => head.length + body.length / 2);
    assert.equal((await brokenOnce(middle, () => disconnect(intent))).end, 'unsure');
    const again = await disconnect(intent);
    assert.deepEqual([again.end, again.error.problem.code], ['unsure', 'connection_changed']);
    assert.equal(acts(), 0);
  });

  test('after an unsure try, an operation in progress is the one to watch', async () => {
    const intent = await intentNow();
    proxy.dropPosts(true);
    assert.equal((await disconnect(intent)).end, 'unsure');
    proxy.dropPosts(false);
    await as('second-admin');
    portal.testEnvironment.simulator.setFault('disconnect', { reset: true, times: 1 });
    const other = await disconnect(await intentNow());
    await as('admin');

    const again = await disconnect(intent);
    assert.deepEqual(again, { end: 'operation', operationId: other.operationId });
    const onTrouble = (error: unknown) => assert.fail(String(error));
    const enough = ({ status }: Exports) => status === 'unknown';
    const seen = await portal.guide.watch.watch(portal.call, again.operationId, {
      onLook() {},
      onTrouble,
      enough,
    });
    assert.notEqual(seen.requester.oid, (await portal.guide.connection.me(portal.call)).oid);
    const newest = await portal.guide.disconnect.newestOperation(portal.call);
    assert.equal(newest.operationId, other.operationId);
    const fresh = await disconnect(await intentNow());
    assert.deepEqual([fresh.end, fresh.error.problem.code], ['refused', 'operation_in_progress']);
  });

  test('a dry run of an intent that was carried out says that its answer would be given again', async () => {
    const intent = await intentNow();
    await brokenOnce(breakages[4]?.[1] as Breakage, () => disconnect(intent));
    const { would } = await portal.guide.disconnect.dryRun(portal.call, intent);
    assert.equal(would, 'repeat_first_answer');
  });

  test('other calls fail with NoAnswer, not with what `fetch` throws', async () => {
    const { NoAnswer } = portal.guide.call;
    const intent = await intentNow();
    const middle = breakages[6]?.[1] as Breakage;
    const dryRun = portal.guide.disconnect.dryRun(portal.call, intent);
    await dryRun;
    await brokenOnce(middle, () =>
      assert.rejects(portal.guide.disconnect.dryRun(portal.call, intent), NoAnswer),
    );
    assert.equal(acts(), 0);
  });
});
