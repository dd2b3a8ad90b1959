import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { people } from '../../simulator/directory.ts';
import { operationsPath, scene } from '../support/scene.ts';

describe('who approves knows what', () => {
  const it = scene({ timings: { policy: { approvalRequired: true }, sweepMs: 600_000 } });
  const second = { as: 'second-admin' } as const;
  const wish = async (): Promise<string> => {
    const { status, body } = await it.disconnect({ body: { reason: 'moving on', ticket: 'CHG-1' } });
    assert.equal(status, 202, JSON.stringify(body));
    return body.operationId;
  };
  const etagOf = async (id: string, ask: object = second) =>
    String((await it.operation(id, ask)).headers.etag);
  const verbs = { approve: second, reject: second, withdraw: { as: 'admin' } } as const;
  const say = (verb: keyof typeof verbs, id: string, ifMatch?: string) =>
    it.post(`${operationsPath}/${id}/${verb}`, {
      ...verbs[verb],
      body: { reason: 'it is time' },
      headers: ifMatch === undefined ? {} : { 'if-match': ifMatch },
    });

  test('the operation says what will happen, to which connection, why, for what, and who asks', async () => {
    const [connection] = (await it.readConnection()).body.value;
    const id = await wish();
    const { body } = await it.operation(id, second);
    const tried = await it.beside({}, (on) => it.disconnect({ on, query: '?dryRun=true' }));
    await it.testEnvironment.closeOperations();
    const acting = await it.beside({ policy: { approvalRequired: false } }, (on) =>
      it.disconnect({ on, query: '?dryRun=true' }),
    );
    assert.deepEqual(
      [acting.body.would, acting.body.consequence, acting.body.irreversible],
      ['disconnect', body.consequence, true],
    );
    assert.match(body.consequence, /All ChromeOS devices .* leave Intune\. This cannot be undone\./);
    assert.equal(body.irreversible, true);
    assert.equal(tried.body.would, 'be_refused', 'while one waits');
    assert.equal(tried.body.irreversible, false);
    assert.deepEqual(body.connection, {
      id: connection.id,
      owner: connection.ownerUserPrincipalName,
      status: connection.onboardingStatus,
      lastModified: connection.lastModifiedDateTime,
      lastDirectorySync: connection.lastDirectorySyncDateTime,
    });
    assert.deepEqual(
      [body.reason, body.ticket, body.requester.oid],
      ['moving on', 'CHG-1', people.admin.oid],
    );
    const [listed] = (await it.get(operationsPath, second)).body.operations;
    assert.equal(listed.consequence, body.consequence);
  });

  test('a dry run that would only ask says both: that nothing is sent, and what will be lost', async () => {
    const { body } = await it.disconnect({ query: '?dryRun=true' });
    assert.deepEqual([body.would, body.irreversible], ['ask_for_approval', false]);
    assert.match(body.consequence, /^Nothing is sent yet.*This cannot be undone\.$/);
  });

  test('the connection is told as it was read when it was asked for, whatever becomes of it', async () => {
    const id = await wish();
    const before = (await it.operation(id, second)).body.connection;
    const etag = await etagOf(id);
    it.simulator.setConnection(it.tenantId, { ownerUserPrincipalName: 'eve@contoso.example' });
    await it.readConnection();
    assert.deepEqual((await it.operation(id, second)).body.connection, before);
    assert.equal(await etagOf(id), etag);
  });

  test('a strong ETag: the same for everybody until it moves, another after each move and for another', async () => {
    const id = await wish();
    const etag = await etagOf(id);
    assert.match(etag, /^"[^"]+"$/);
    assert.equal(await etagOf(id, {}), etag);
    const tags = [etag];
    assert.equal((await say('approve', id, etag)).status, 200);
    tags.push(await etagOf(id));
    assert.equal((await it.post(`${operationsPath}/${id}/execute`)).status, 200);
    tags.push(await etagOf(id));
    it.simulator.setConnection(it.tenantId, null);
    const ended = await it.operation(id, { headers: { prefer: 'wait=20' } });
    assert.equal(ended.body.status, 'completed');
    tags.push(String(ended.headers.etag));
    it.simulator.setConnection(it.tenantId, {});
    tags.push(await etagOf(await wish()));
    assert.equal(new Set(tags).size, tags.length, tags.join(' '));
  });

  test('not being able to read Graph is another ETag, as it is another answer', async () => {
    const id = await wish();
    assert.equal((await it.approve(id)).status, 200);
    assert.equal((await it.post(`${operationsPath}/${id}/execute`)).status, 200);
    await it.query('update operations set read_at = null where id = $1', [id]);
    it.simulator.setFault('list', { status: 403, times: 9 });
    const blind = await it.operation(id);
    assert.equal(blind.body.readFailed, 'graph_forbidden');
    it.simulator.clearFaults();
    await it.query('update operations set read_at = null where id = $1', [id]);
    const seen = await it.operation(id);
    assert.equal(seen.body.readFailed, null);
    assert.notEqual(seen.headers.etag, blind.headers.etag);
  });

  const forms: [string, (tag: string) => string | undefined, number, string | undefined][] = [
    ['its tag', (tag) => tag, 200, undefined],
    ['its tag in a list', (tag) => `"other", W/"x" ,${tag}`, 200, undefined],
    ['any', () => '*', 200, undefined],
    ['none', () => undefined, 428, 'precondition_required'],
    ['another', () => '"other"', 412, 'operation_changed'],
    ['a weak one', (tag) => `W/${tag}`, 412, 'operation_changed'],
    ['a list of others', () => '"a", "b"', 412, 'operation_changed'],
    ['malformed: bare', () => 'bare', 400, 'request_invalid'],
    ['malformed: * in a list', (tag) => `*, ${tag}`, 400, 'request_invalid'],
    ['malformed: empty', () => '', 400, 'request_invalid'],
  ];
  for (const [name, form, status, code] of forms) {
    for (const verb of ['approve', 'reject', 'withdraw'] as const) {
      // Only an approval has to say what was seen; the others do where they want to.
      const needless = name === 'none' && verb !== 'approve';
      test(`${verb} with If-Match: ${name}`, async () => {
        const id = await wish();
        const answer = await say(verb, id, form(await etagOf(id)));
        assert.deepEqual(
          [answer.status, answer.body.code],
          needless ? [200, undefined] : [status, code],
          JSON.stringify(answer.body),
        );
        if (answer.status === 200) return;
        assert.equal(await it.status(id), 'awaiting_approval');
        const [refusal] = await it.eventsOfCall(answer);
        assert.deepEqual([refusal?.event, refusal?.action], ['refused', verb]);
      });
    }
  }

  test('the tag of the connection, or of another operation, is not the tag of this one', async () => {
    const other = await wish();
    const tag = await etagOf(other);
    assert.equal((await say('withdraw', other)).status, 200);
    const id = await wish();
    const connectionTag = String((await it.readConnection()).headers.etag);
    for (const wrong of [tag, connectionTag]) {
      assert.equal((await say('approve', id, wrong)).status, 412);
    }
    assert.equal(await it.status(id), 'awaiting_approval');
  });

  for (const [happens, verb] of [
    ['withdrawn', 'withdraw'],
    ['rejected', 'reject'],
    ['approved', 'approve'],
  ] as const) {
    test(`${happens} since it was looked at: 412, with where it is now`, async () => {
      const id = await wish();
      const etag = await etagOf(id);
      assert.equal((await say(verb, id, etag)).status, 200);
      const late = await say('approve', id, etag);
      assert.deepEqual(
        [late.status, late.body.code, late.body.operationId, late.headers.location],
        [412, 'operation_changed', id, `${operationsPath}/${id}`],
      );
      assert.match(late.body.detail, new RegExp(`its status is ${happens}`));
      assert.equal(await it.status(id), happens);
    });
  }

  test('whatever happens at the same moment, what was approved is what was looked at', async () => {
    for (let round = 0; round < 5; round += 1) {
      const id = await wish();
      const etag = await etagOf(id);
      const answers = await Promise.all([
        say('approve', id, etag),
        say('withdraw', id, etag),
        say('approve', id, etag),
        say('reject', id, etag),
      ]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412, 412]);
      const moves = (await it.events(id)).filter(({ event }) => event === 'move');
      assert.equal(moves.length, 2);
      await it.testEnvironment.closeOperations();
    }
  });
});
