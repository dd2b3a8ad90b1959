import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { eventsJson } from '../../../src/adapters/database/audit-rows.ts';
import { createDatabase, type Database } from '../../../src/adapters/database/database.ts';
import { createEventCommits } from '../../../src/adapters/database/event-commits.ts';
import { isHistoryLost, KnownHistory, type Loss } from '../../../src/adapters/database/known-history.ts';
import { acknowledgeLostHistory } from '../../../src/adapters/database/lost-history.ts';
import { createPool, type Pool } from '../../../src/adapters/database/pool.ts';
import { createPostgresOperations } from '../../../src/adapters/database/postgres-operations.ts';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import type { NewOperation } from '../../../src/core/ports.ts';
import { Secret } from '../../../src/core/secret.ts';
import { type AuditScene, sampleEvent, startAuditScene } from '../../support/audit.ts';
import { connected } from '../../support/core.ts';
import { appendKnown, cutChainAfter } from '../../support/lost-events.ts';

// A real failover and a real restore are in test/database/lost-history.check.ts; here a trail is cut by hand.
describe('a trail that lacks what this process had seen acknowledged', () => {
  let scene: AuditScene;
  let pool: Pool;
  let database: Database;
  let history: KnownHistory;
  let losses: Loss[];
  let chain: string;
  before(async () => {
    scene = await startAuditScene();
    pool = createPool({
      url: new Secret(scene.database.url),
      size: 4,
      connectTimeoutMs: 20_000,
      patienceMs: 20_000,
      onError: () => {},
    });
    database = createDatabase(pool, 20_000);
  });
  after(async () => {
    await pool?.end();
    await scene?.close();
  });
  beforeEach(() => {
    chain = randomUUID();
    losses = [];
    history = new KnownHistory((loss) => losses.push(loss));
  });

  const append = (count: number) => appendKnown(database, history, chain, count);
  const cutAfter = (number: number) => cutChainAfter(scene, chain, number);
  const opening = (): NewOperation => {
    const id = randomUUID();
    return {
      operation: {
        id,
        tenantId: chain,
        status: 'sent',
        requester: { oid: 'admin', name: null, clientId: 'portal' },
        reason: null,
        ticket: null,
        connection: connected,
        requestId: randomUUID(),
        supersedes: null,
      },
      key: null,
      answer: null,
      leaseMs: 60_000,
      approvalMs: null,
      expectedNewestId: null,
      supersededStatus: null,
      event: sampleEvent(chain, { operationId: id }),
    };
  };
  const operations = (known = history) =>
    createPostgresOperations({ database, history: known, idempotencyMs: 60_000 });
  const refused = (work: Promise<unknown>) =>
    assert.rejects(work, (error) => error instanceof CallFailed && error.failure.reason === 'history_lost');
  const stored = async () => {
    const { rows } = await scene.superuser.query(
      `select number::int, encode(link, 'hex') as link, acknowledged_by as by, reason,
         acknowledged_at is not null as acknowledged from audit_losses where chain = $1 order by found_at`,
      [chain],
    );
    return rows;
  };
  const acknowledge = () =>
    acknowledgeLostHistory(scene.superuser, {
      tenantId: chain,
      by: 'Olga Operator',
      reason: 'the standby lacked them',
      now: new Date(),
    });

  test('is told once, with the events that are gone, and put on the record of losses', async () => {
    const { events: kept } = await append(2);
    const { events } = await append(2);
    await history.check(database);
    assert.deepEqual([losses, await stored()], [[], []]);
    const known = JSON.parse(history.knownOf(chain) ?? '');
    assert.deepEqual([known.number, typeof known.link], [4, 'string']);
    await cutAfter(2);
    await history.check(database);
    await history.check(database);
    assert.deepEqual(losses, [
      {
        chain,
        ...known,
        gone: events.map(({ id, requestId, operationId }) => ({ id, requestId, operationId })),
      },
    ]);
    assert.ok(!losses[0]?.gone.some(({ id }) => id === kept[0]?.id));
    assert.deepEqual(await stored(), [{ ...known, by: null, reason: null, acknowledged: false }]);
  });

  test('lets nothing be opened or sent in that tenant until an operator acknowledges it', async () => {
    await append(3);
    await cutAfter(1);
    await refused(operations().open(opening()));
    assert.deepEqual(
      losses.map(({ number }) => number),
      [3],
    );
    // Whoever knows nothing of it is refused as well: it is on the record.
    await refused(operations(new KnownHistory(() => {})).open(opening()));
    const number = await acknowledge();
    assert.equal(number, 3);
    assert.equal(await acknowledge(), null, 'there is nothing more');
    const [loss] = await stored();
    assert.deepEqual(
      [loss.by, loss.reason, loss.acknowledged],
      ['Olga Operator', 'the standby lacked them', true],
    );
    const opened = await operations().open(opening());
    assert.equal(typeof opened, 'object');
    const { rows } = await scene.superuser.query(
      'select event, record from audit_events where chain = $1 order by number',
      [chain],
    );
    assert.deepEqual(
      rows.map(({ event }) => event),
      ['attempt', 'acknowledged', 'attempt'],
    );
    const { action, actor, reason, explanation } = rows[1].record;
    assert.deepEqual(
      { action, actor, reason, explanation },
      {
        action: 'acknowledge_lost_history',
        actor: {
          clientId: 'audit-acknowledge-loss',
          kind: 'operator',
          name: 'Olga Operator',
          oid: 'operator',
          tenantId: chain,
        },
        reason: 'the standby lacked them',
        explanation: `events up to 3 (link ${loss.link}) had been on record; the chain had 1 when this was written`,
      },
    );
    // The process that told of it believes what is there from now on.
    assert.equal(await history.report(database, chain), false);
    assert.deepEqual(
      [losses.length, JSON.parse(history.knownOf(chain) ?? 'null')?.number ?? null],
      [1, null],
    );
  });

  test('is acknowledged for its own tenant, and what is acknowledged already changes nothing', async () => {
    const lost = async () => {
      await append(2);
      await cutAfter(1);
      await history.check(database);
    };
    await lost();
    const other = chain;
    chain = randomUUID();
    await lost();
    await acknowledge();
    const calling = (of: string, event: AuditEvent) =>
      scene.superuser.query('select acknowledge_lost_history($1, $2, $3, $4)', [
        of,
        'another',
        'again',
        eventsJson([event]),
      ]);
    await calling(chain, sampleEvent(chain));
    const { rows } = await scene.superuser.query('select event from audit_events where chain = $1', [chain]);
    assert.equal(rows.length, 2, 'the one that was kept, and the acknowledgement');
    assert.equal((await stored())[0].by, 'Olga Operator');
    chain = other;
    assert.equal((await stored())[0].acknowledged, false);
  });

  test('refuses to send what was opened before, and to nobody else', async () => {
    const first = opening();
    const waiting = {
      ...first,
      leaseMs: 0,
      approvalMs: 60_000,
      operation: { ...first.operation, status: 'awaiting_approval' as const },
    };
    const opened = await operations().open(waiting);
    assert.ok(typeof opened === 'object');
    const moving = (to: 'approved' | 'sent', from: 'awaiting_approval' | 'approved', leaseMs: number) => ({
      operation: { id: opened.id, status: from },
      to,
      change: {},
      leaseMs,
      inTime: true,
      ends: false,
      event: sampleEvent(chain, { operationId: opened.id }),
    });
    await append(2);
    await cutAfter(1);
    // What sends nothing goes on.
    assert.equal(typeof (await operations().move(moving('approved', 'awaiting_approval', 0))), 'object');
    await refused(operations().move(moving('sent', 'approved', 60_000)));
    const cut = chain;
    chain = randomUUID();
    assert.equal(typeof (await operations().open(opening())), 'object', 'another tenant goes on');
    chain = cut;
    await acknowledge();
    assert.equal(typeof (await operations().move(moving('sent', 'approved', 60_000))), 'object');
  });

  test('is noticed by whoever records, and the event is on record all the same', async () => {
    const commits = createEventCommits({ database, history, connections: 2 });
    await commits.append(sampleEvent(chain));
    await commits.append(sampleEvent(chain));
    await cutAfter(1);
    const told = Promise.withResolvers<Loss>();
    history = new KnownHistory(told.resolve);
    const { rows } = await scene.superuser.query(
      "select number::int, encode(link, 'hex') as link from audit_events where chain = $1",
      [chain],
    );
    history.expect({ chain, number: rows[0].number + 1, link: 'ff' });
    await createEventCommits({ database, history, connections: 2 }).append(sampleEvent(chain));
    assert.equal((await told.promise).number, 2);
    const { rows: events } = await scene.superuser.query('select 1 from audit_events where chain = $1', [
      chain,
    ]);
    assert.equal(events.length, 2);
  });

  test('of which nothing is known is no loss', async () => {
    await history.check(database);
    assert.equal(await history.report(database, chain), false);
    history.expect({ chain, number: 0, link: 'ff' });
    assert.equal(await history.report(database, chain), false, 'a chain begins with nothing');
    assert.deepEqual([losses, await stored()], [[], []]);
    for (const other of [new Error('no'), new CallFailed({ reason: 'history_lost' }), null]) {
      assert.equal(isHistoryLost(other), false);
    }
  });

  test('was not lost where retention removed it, nor where its loss was acknowledged', async () => {
    await append(4);
    const known = JSON.parse(history.knownOf(chain) ?? '');
    await cutAfter(1);
    await scene.superuser.query(
      "insert into audit_removals values (gen_random_uuid(), $1, 3, 'x', null, null, now())",
      [chain],
    );
    assert.equal(await history.report(database, chain), true, 'what was removed ends before it');
    await scene.superuser.query(
      "insert into audit_removals values (gen_random_uuid(), $1, 4, 'x', null, null, now())",
      [chain],
    );
    history.expect({ chain, ...known });
    assert.equal(await history.report(database, chain), false);

    chain = randomUUID();
    await append(2);
    const second = JSON.parse(history.knownOf(chain) ?? '');
    await cutAfter(1);
    await history.report(database, chain);
    await acknowledge();
    history.expect({ chain, ...second });
    assert.equal(await history.report(database, chain), false);
    history.expect({ chain, number: 99, link: 'ff' });
    assert.equal(
      await history.report(database, chain),
      true,
      'what is beyond the acknowledged loss is another',
    );
  });

  test('counts by its latest event, whoever reports it', async () => {
    await append(3);
    await cutAfter(1);
    await history.report(database, chain);
    const report = async (number: number) => {
      const other = new KnownHistory((loss) => losses.push(loss));
      other.expect({ chain, number, link: `0${number}` });
      assert.equal(await other.report(database, chain), true);
      return (await stored()).map((loss) => [loss.number, loss.link]);
    };
    const [[, link] = []] = await report(2);
    const { rows } = await scene.superuser.query('select is_called from notifications_not_queued');
    assert.deepEqual(
      rows,
      [{ is_called: false }],
      'what is known already is not told, and not counted as untold',
    );
    assert.deepEqual(await report(3), [[3, link]]);
    assert.deepEqual(await report(5), [[5, '05']]);
  });
});
