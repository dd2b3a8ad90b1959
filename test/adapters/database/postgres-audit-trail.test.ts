import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type pg from 'pg';
import type { Database } from '../../../src/adapters/database/database.ts';
import { createEventCommits } from '../../../src/adapters/database/event-commits.ts';
import { KnownHistory } from '../../../src/adapters/database/known-history.ts';
import { createPostgresAuditTrail } from '../../../src/adapters/database/postgres-audit-trail.ts';
import type { Statement } from '../../../src/adapters/database/statement.ts';
import { auditWindowWidth } from '../../../src/adapters/database/statements/audit-window-width.ts';
import type { AuditQuery } from '../../../src/core/audit/audit-event.ts';
import {
  type AuditScene,
  homeTenant,
  otherTenant,
  sampleEvent,
  startAuditScene,
  unfiltered,
} from '../../support/audit.ts';

// By each filter: audit-export.test.ts, over HTTP test/e2e/audit-trail.test.ts. Here are pages, and how they are found.
describe('the audit trail is searched', () => {
  let scene: AuditScene;
  const day = (number: number) => new Date(Date.UTC(2026, 2, number));
  const events = [1, 2, 3, 4, 5].map((number) =>
    sampleEvent(homeTenant, { time: day(number).toISOString() }),
  );
  const newest = events.map(({ id }) => id).toReversed();
  before(async () => {
    scene = await startAuditScene();
    await scene.append(...events, sampleEvent(otherTenant));
  });
  after(() => scene?.close());

  /** The trail, and what it asked; `width` stands for how many events lie in a window. */
  function trail(width?: string | null) {
    const asked: string[] = [];
    const database: Database = {
      ...scene.serviceDatabase,
      query: async <Row extends pg.QueryResultRow>(statement: Statement | string, values?: unknown[]) => {
        const rows = await scene.serviceDatabase.query<Row>(statement, values);
        if (statement === auditWindowWidth)
          return width === undefined ? rows : ([{ width }] as unknown as Row[]);
        asked.push(typeof statement === 'string' ? statement : statement.name);
        return rows;
      },
    };
    const commits = createEventCommits({ database, history: new KnownHistory(() => {}), connections: 2 });
    return { asked, trail: createPostgresAuditTrail(database, commits, {} as never) };
  }
  const everything: AuditQuery = {
    tenantId: homeTenant,
    ...unfiltered,
    limit: 10,
    cursor: null,
  };
  const find = async (query: Partial<AuditQuery>) => {
    const { events: found, nextCursor } = await trail().trail.find({ ...everything, ...query });
    return { ids: found.map(({ id }) => id), nextCursor };
  };

  test('by pages, the newest first', async () => {
    assert.deepEqual(await find({}), { ids: newest, nextCursor: null });
    assert.deepEqual(await find({ limit: 5 }), { ids: newest, nextCursor: null });
    const first = await find({ limit: 3 });
    assert.deepEqual(first.ids, newest.slice(0, 3));
    assert.deepEqual(await find({ limit: 3, cursor: first.nextCursor }), {
      ids: newest.slice(3),
      nextCursor: null,
    });
    assert.deepEqual(await find({ tenantId: 'nobody' }), { ids: [], nextCursor: null });
  });

  const window = { from: day(2), to: day(4) };
  const windows: [string, Partial<AuditQuery>, string | null, boolean][] = [
    ['few events', window, '19999', true],
    ['few, in another order', window, '-19999', true],
    ['many events', window, '20000', false],
    ['many, in another order', window, '-20000', false],
    ['none', window, null, false],
    ['no end', { from: window.from }, '1', false],
    ['no beginning', { to: window.to }, '1', false],
  ];
  for (const [what, query, width, byTime] of windows) {
    test(`a window of ${what} ${byTime ? 'by its own numbers' : 'as the rest is'}`, async () => {
      const it = trail(width);
      const { events: found } = await it.trail.find({ ...everything, ...query, actor: 'nobody' });
      assert.deepEqual(found, []);
      assert.equal(
        /number = any\(array\(select number from audit_events where/.test(it.asked.join()),
        byTime,
      );
    });
  }

  const widths: [from: number, to: number, width: string | null][] = [
    [2, 4, '1'],
    [1, 6, '4'],
    [3, 4, '0'],
    [4, 3, '-2'],
    [6, 9, null],
    [0, 1, null],
  ];
  for (const [from, to, width] of widths) {
    test(`from day ${from} to before day ${to} the numbers are ${width ?? 'nothing'} apart`, async () => {
      const values = [homeTenant, day(from), day(to)];
      assert.deepEqual(await scene.serviceDatabase.query(auditWindowWidth, values), [{ width }]);
    });
  }

  test('a window by its own numbers finds what the other way does', async () => {
    for (const width of ['1', '20000']) {
      const { events: found } = await trail(width).trail.find({ ...everything, ...window });
      assert.deepEqual(
        found.map(({ id }) => id),
        newest.slice(2, 4),
        width,
      );
    }
    const asked = trail();
    await asked.trail.find({ ...everything, ...window });
    assert.match(
      asked.asked.join(),
      /array\(select number from audit_events where chain = \$1 and occurred_at >= /,
    );
    assert.doesNotMatch(asked.asked.join(), /array\([^)]*actor/);
  });
});
