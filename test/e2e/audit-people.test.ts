import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { auditActors } from '../../src/adapters/database/statements/audit-actors.ts';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { sampleEvent } from '../support/audit.ts';
import { scene } from '../support/scene.ts';
import { eventsPath } from '../support/service.ts';

const actorsPath = '/api/v1/audit/actors';
const otherTenant = '99999999-9999-4999-8999-999999999999';
const reads = 2000;
const many = 25;

type Plan = {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Rows Removed by Filter'?: number;
  'Actual Loops': number;
  Plans?: Plan[];
};

/** How many rows of the trail were looked at. */
function rowsRead(plan: Plan): number {
  const { 'Actual Rows': given, 'Rows Removed by Filter': dropped = 0, 'Actual Loops': loops } = plan;
  const own = plan['Relation Name'] === 'audit_events' ? (given + dropped) * loops : 0;
  return (plan.Plans ?? []).reduce((sum, each) => sum + rowsRead(each), own);
}

describe('the audit trail, as people look for things in it', () => {
  const it = scene();
  const auditor = { as: 'auditor' } as const;
  const oidOf = (number: number) => `5a1e0000-0000-4000-8000-${String(number).padStart(12, '0')}`;

  before(async () => {
    const { tenantId } = it;
    const by = (number: number, name: string | null, kind: AuditEvent['actor']['kind'] = 'user') => ({
      actor: { kind, oid: oidOf(number), tenantId, name, clientId: 'portal' },
    });
    const read = {
      event: 'read',
      action: 'read_connection',
      result: 'succeeded',
      operationId: null,
    } as const;
    const events = [
      sampleEvent(tenantId, by(1, 'maiden.name@contoso.example')),
      sampleEvent(tenantId, by(2, 'Олена Аудиторка')),
      sampleEvent(tenantId, by(3, 'hundred%of_them@contoso.example')),
      sampleEvent(tenantId, by(4, null)),
      sampleEvent(otherTenant, { actor: { ...by(5, 'grace@contoso.example').actor, tenantId: otherTenant } }),
      ...Array.from({ length: reads }, (_, index) =>
        sampleEvent(tenantId, {
          ...read,
          ...by(100 + (index % many), `reader${index % many}@contoso.example`),
        }),
      ),
      sampleEvent(tenantId, { ...read, ...by(1, 'Grace.Hopper@contoso.example') }),
    ];
    await it.query('select from record_audit_events($1::json, 5000)', [JSON.stringify(events)]);
    // As autovacuum does in its time.
    await it.query('analyze audit_events');
  });

  const find = async (name: string, ask: object = auditor) =>
    it.get(`${actorsPath}?name=${encodeURIComponent(name)}`, ask);
  const found = async (name: string): Promise<[string[], boolean]> => {
    const { status, body } = await find(name);
    assert.equal(status, 200, JSON.stringify(body));
    return [body.actors.map(({ oid }: { oid: string }) => oid), body.complete];
  };

  for (const [how, name, numbers] of [
    ['a part of it', 'hopper', [1]],
    ['in whatever case', 'GRACE', [1]],
    ['in any script', 'олена', [2]],
    ['a name they had before', 'maiden', []],
    ['% is no wildcard', '0%', []],
    ['% is itself', 'ed%of', [3]],
    ['_ is itself', 'of_them', [3]],
    ['an apostrophe is no end of a text', "o'", []],
    ['nobody of another tenant', 'grace@', []],
  ] as const) {
    test(`people are found by name: ${how}`, async () => {
      assert.deepEqual(await found(name), [numbers.map(oidOf), true]);
    });
  }

  test('who is found is told with their name as it is now, and the trail is filtered by their id', async () => {
    const [grace] = (await find('hopper')).body.actors;
    assert.deepEqual(grace, {
      oid: oidOf(1),
      kind: 'user',
      name: 'Grace.Hopper@contoso.example',
      lastSeen: sampleEvent(it.tenantId).time,
    });
    const { events } = (await it.get(`${eventsPath}?actor=${grace.oid}`, auditor)).body;
    assert.deepEqual(
      events.map(({ actor }: AuditEvent) => actor.name),
      ['Grace.Hopper@contoso.example', 'maiden.name@contoso.example'],
    );
  });

  test('the last seen come first, 20 at most, and it says that there are more', async () => {
    const [oids, complete] = await found('reader');
    assert.deepEqual([oids.length, complete], [20, false]);
    assert.deepEqual(oids.slice(0, 2), [
      oidOf(100 + ((reads - 1) % many)),
      oidOf(100 + ((reads - 2) % many)),
    ]);
    assert.deepEqual(await found('reader24'), [[oidOf(124)], true]);
  });

  for (const query of [
    '',
    '?name=',
    '?name=a',
    '?name=%20a%20',
    `?name=${'x'.repeat(201)}`,
    '?name=ada&also=1',
  ]) {
    test(`what cannot be looked for is refused: ${query.slice(0, 20)}`, async () => {
      const { status, body } = await it.get(`${actorsPath}${query}`, auditor);
      assert.deepEqual([status, body.code], [400, 'request_invalid']);
    });
  }

  test('only for those who may read the trail, and looking for people is on it', async () => {
    assert.equal((await find('ada', { as: 'admin' })).body.code, 'role_missing');
    const [event] = await it.eventsOfCall(await find('ada'));
    assert.deepEqual(
      [event?.event, event?.action, event?.explanation],
      ['read', 'read_audit', 'people by name'],
    );
  });

  test('reads are left out where they are not wanted', async () => {
    const page = async (query: string): Promise<AuditEvent[]> =>
      (await it.get(`${eventsPath}?limit=500${query}`, auditor)).body.events;
    const [all, wanted, none] = [
      await page(''),
      await page('&reads=false'),
      await page('&reads=false&event=read'),
    ];
    assert.ok(all.some(({ event }) => event === 'read'));
    assert.deepEqual(none, []);
    assert.ok(wanted.every(({ event }) => event !== 'read'));
    for (const number of [1, 2, 3, 4]) assert.ok(wanted.some(({ actor }) => actor.oid === oidOf(number)));
    assert.deepEqual((await page(`&reads=false&actor=${oidOf(1)}`)).length, 1);
    for (const value of ['', 'no', 'FALSE', '0']) {
      assert.equal((await it.get(`${eventsPath}?reads=${value}`, auditor)).status, 400, value);
    }
  });

  test('events are those from one moment on, and before another', async () => {
    const page = async (query: string): Promise<AuditEvent[]> =>
      (await it.get(`${eventsPath}?limit=500&reads=false${query}`, auditor)).body.events;
    const all = await page('');
    const times = [...new Set(all.map(({ time }) => time))].sort();
    const [from, to] = [times[1] ?? assert.fail(), times.at(-1) ?? assert.fail()];
    assert.ok(from < to);
    const ids = (events: readonly AuditEvent[]) => events.map(({ id }) => id);
    const queries: [string, (time: string) => boolean][] = [
      [`&from=${from}`, (time) => time >= from],
      [`&to=${to}`, (time) => time < to],
      [`&from=${from}&to=${to}`, (time) => time >= from && time < to],
    ];
    for (const [query, wanted] of queries) {
      const expected = all.filter(({ time }) => wanted(time));
      assert.ok(expected.length > 0 && expected.length < all.length, query);
      assert.deepEqual(ids(await page(query)), ids(expected), query);
    }
  });

  test('an export without reads has their digests, and says what it leaves out', async () => {
    const { text } = await it.get('/api/v1/audit/export?reads=false', auditor);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(lines[0].filter, { reads: 'false' });
    const count = (type: string) => lines.filter((line) => line.type === type).length;
    assert.ok(count('omitted') >= reads);
    assert.ok(lines.every((line) => line.type !== 'event' || line.event.event !== 'read'));
    assert.ok(count('event') >= 4);
  });

  for (const [what, text, values] of [
    ['people', auditActors.text, ['hopper', 10_000, 21]],
    [
      'events that do more than read',
      "select record from audit_events where chain = $1 and event <> 'read' order by number desc limit 51",
      [],
    ],
  ] as const) {
    test(`${what} are found without reading through the trail`, async () => {
      const explained = `explain (analyze, format json) ${text}`;
      const [row] = await it.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(explained, [it.tenantId, ...values]);
      const root = row?.['QUERY PLAN'][0]?.Plan;
      assert.ok(root);
      assert.ok(rowsRead(root) < 200, `${rowsRead(root)} rows of ${reads}: ${JSON.stringify(root)}`);
    });
  }
});
