import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { acknowledgeLostHistory } from '../../src/adapters/database/lost-history.ts';
import { ndjsonLineOf } from '../../src/audit-verification/format/export-entry.ts';
import { type AuditScene, homeTenant, type Key, sampleEvent, startAuditScene } from '../support/audit.ts';
import { edit, rehead, relink } from '../support/audit-attacks.ts';

// A chain of 10 events, 5 and 10 of them signed, loses those after 7, and goes on.
describe('the verifier on a chain that lost events', () => {
  let scene: AuditScene;
  let key: Key;
  let chain: string;
  let outside: string;
  let links: Map<number, string>;
  before(async () => {
    scene = await startAuditScene();
    key = await scene.key();
  });
  after(() => scene?.close());
  beforeEach(async () => {
    chain = randomUUID();
    outside = '';
    await append(5);
    await sign('2026-02-01');
    await append(5);
    await sign('2026-02-02');
    links = await linksNow();
  });

  const append = (count: number) => scene.append(...Array.from({ length: count }, () => sampleEvent(chain)));
  async function sign(day: string): Promise<void> {
    const lines = await scene.checkpoint(key.signer, `${day}T00:00:00.000Z`);
    outside += lines
      .split('\n')
      .filter((line) => line.includes(chain))
      .map((line) => `${line}\n`)
      .join('');
  }
  async function linksNow(): Promise<Map<number, string>> {
    const { rows } = await scene.superuser.query(
      "select number::int, encode(link, 'hex') as link from audit_events where chain = $1",
      [chain],
    );
    return new Map(rows.map(({ number, link }) => [number, link]));
  }
  const here = (sql: string) => sql.replaceAll(homeTenant, chain);
  const loseAfter = (number: number) =>
    scene.attack(
      `delete from audit_events where chain = '${chain}' and number > ${number}`,
      `delete from audit_checkpoints where chain = '${chain}' and number > ${number}`,
      here(rehead),
    );
  const report = async (number: number, link = links.get(number)) => {
    const { rows } = await scene.service.query(
      "select report_lost_history($1, $2, decode($3, 'hex')) as lost",
      [chain, number, link],
    );
    assert.equal(rows[0].lost, true);
  };
  const acknowledge = (day: string) =>
    acknowledgeLostHistory(scene.superuser, {
      tenantId: chain,
      by: 'Ops Person (as root on pod-1)',
      reason: 'the standby lacked them',
      now: new Date(`${day}T00:00:00.000Z`),
    });
  const reportAndAcknowledge = async (number: number, link = links.get(number), day = '2026-02-04') => {
    await report(number, link);
    await acknowledge(day);
  };
  const forgeFrom = (number: number) => scene.attack(here(edit(number)), here(relink(number)), here(rehead));

  async function verify(...more: string[]) {
    const given = ['--json', '--public-key', key.publicFile, '--checkpoints', await scene.file(outside)];
    const { code, out, err } = await scene.verify(...given, ...more);
    assert.equal(err, '');
    const result = JSON.parse(out);
    const findings: { kind: string; chain: string; number: number; message: string }[] = result.findings;
    return {
      code,
      found: findings.map(({ kind, number }) => [kind, number]),
      said: findings.map(({ message }) => message),
      warnings: result.warnings.filter((warning: string) => warning.startsWith(chain)) as string[],
    };
  }

  type Case = {
    name: string;
    how: () => Promise<void>;
    code: 15 | 16;
    found: [kind: string, number: number][];
    says?: RegExp;
    warns?: RegExp;
  };
  const cases: Case[] = [
    { name: 'lost, and nothing since', how: () => loseAfter(7), code: 16, found: [['cut', 7]] },
    {
      name: 'lost and reported, and nothing since',
      how: async () => {
        await loseAfter(7);
        await report(10);
      },
      code: 16,
      found: [['lost', 6]],
      says: /nobody has acknowledged it yet/,
    },
    {
      name: 'lost and grown, of which the database says nothing',
      how: async () => {
        await loseAfter(7);
        await append(5);
      },
      code: 15,
      found: [['contradicted', 10]],
    },
    {
      name: 'lost and grown, acknowledged',
      how: async () => {
        await loseAfter(7);
        await append(1);
        await reportAndAcknowledge(10);
        await append(5);
      },
      code: 16,
      found: [['lost', 6]],
      says: /were lost, from 6 or later up to 10: .* of event 5\..*Ops Person \(as root on pod-1\) acknowledged it on 2026-02-04.* \(event 9\)/,
    },
    {
      name: 'lost and grown, acknowledged before it was as long again',
      how: async () => {
        await loseAfter(7);
        await reportAndAcknowledge(10);
      },
      code: 16,
      found: [['lost', 6]],
    },
    {
      name: 'lost and grown, reported, not acknowledged',
      how: async () => {
        await loseAfter(7);
        await append(5);
        await report(10);
      },
      code: 16,
      found: [['lost', 6]],
      says: /a process of the service reported it on 2\d{3}-\d\d-\d\dT[\d:.]+Z, and nobody has acknowledged it yet/,
    },
    {
      name: 'an acknowledgement of an event between the checkpoints',
      how: async () => {
        await loseAfter(7);
        await append(5);
        await reportAndAcknowledge(9);
      },
      code: 16,
      found: [['lost', 6]],
      says: /from 6 or later up to 10/,
    },
    {
      name: 'acknowledged, and more of it reported since',
      how: async () => {
        await loseAfter(7);
        await append(5);
        await reportAndAcknowledge(9);
        await report(10);
      },
      code: 16,
      found: [
        ['lost', 6],
        ['lost', 6],
      ],
      says: /Ops Person.*\n.*nobody has acknowledged it yet/,
    },
    {
      name: 'a loss after which a checkpoint was made of what was there then',
      how: async () => {
        await loseAfter(7);
        await append(2);
        await sign('2026-02-03');
        await append(5);
        await reportAndAcknowledge(10);
      },
      code: 16,
      found: [['lost', 6]],
    },
    {
      name: 'an acknowledgement of an event that no checkpoint saw',
      how: async () => {
        await loseAfter(7);
        await append(5);
        await reportAndAcknowledge(13, 'ab'.repeat(32));
      },
      code: 15,
      found: [['contradicted', 10]],
      warns:
        /events up to 13 .* were lost: Ops Person .* The outside checkpoints that were given do not show/,
    },
    {
      name: 'an acknowledgement of that number with another link',
      how: async () => {
        await loseAfter(7);
        await append(5);
        await reportAndAcknowledge(10, 'ab'.repeat(32));
      },
      code: 15,
      found: [['contradicted', 10]],
      warns: /events up to 10/,
    },
    {
      name: 'an acknowledgement of what the chain still has',
      how: async () => {
        await loseAfter(7);
        await append(1);
        await sign('2026-02-03');
        await append(5);
        await scene.attack(
          `insert into audit_losses (chain, number, link)
           select chain, number, link from audit_events where chain = '${chain}' and number = 8`,
        );
        await acknowledge('2026-02-04');
      },
      code: 15,
      found: [['contradicted', 10]],
      warns: /events up to 8 /,
    },
    {
      name: 'a row marked as acknowledged, without the event',
      how: async () => {
        await loseAfter(7);
        await append(5);
        await report(10);
        await scene.attack(
          `update audit_losses set acknowledged_at = now(), acknowledged_by = 'x', reason = 'x' where chain = '${chain}'`,
        );
      },
      code: 15,
      found: [['contradicted', 10]],
    },
    {
      name: 'an honest acknowledgement, and events forged afterwards',
      how: async () => {
        await loseAfter(7);
        await reportAndAcknowledge(10);
        await append(5);
        await sign('2026-02-05');
        await forgeFrom(6);
        await scene.attack(`delete from audit_checkpoints where chain = '${chain}' and number > 5`);
      },
      code: 15,
      found: [
        ['lost', 6],
        ['contradicted', 13],
      ],
    },
    {
      name: 'an honest acknowledgement, and a beginning that no checkpoint agrees with',
      how: async () => {
        await loseAfter(7);
        await reportAndAcknowledge(10);
        await append(5);
        await forgeFrom(3);
        await scene.attack(`delete from audit_checkpoints where chain = '${chain}'`);
      },
      code: 15,
      found: [
        ['contradicted', 5],
        ['contradicted', 10],
      ],
      warns: /events up to 10 /,
    },
    {
      name: 'two losses, both acknowledged',
      how: async () => {
        await loseAfter(7);
        await reportAndAcknowledge(10);
        await append(4);
        await sign('2026-02-05');
        await append(2);
        await sign('2026-02-06');
        const second = (await linksNow()).get(14);
        await loseAfter(13);
        await append(3);
        await reportAndAcknowledge(14, second, '2026-02-07');
      },
      code: 16,
      found: [
        ['lost', 6],
        ['lost', 13],
      ],
      says: /from 13 or later up to 14/,
    },
    {
      name: 'two losses, of which only the second was acknowledged',
      how: async () => {
        await loseAfter(7);
        await append(6);
        await sign('2026-02-05');
        await append(1);
        await sign('2026-02-06');
        const second = (await linksNow()).get(14);
        await loseAfter(13);
        await append(3);
        await reportAndAcknowledge(14, second, '2026-02-07');
      },
      code: 15,
      found: [
        ['lost', 14],
        ['contradicted', 10],
      ],
      says: /Event 14 was lost/,
    },
  ];
  for (const { name, how, code, found, says, warns } of cases) {
    test(`${name} (${code})`, async () => {
      await how();
      const result = await verify();
      assert.deepEqual([result.code, result.found], [code, found], result.said.join('\n'));
      if (says !== undefined) assert.match(result.said.join('\n'), says);
      assert.match(result.warnings.join('\n'), warns ?? /^(?!.*were lost)/s);
    });
  }

  test('an export that holds the acknowledgement says the same; one that omits it cannot', async () => {
    await loseAfter(7);
    await append(2);
    await reportAndAcknowledge(10);
    await append(2);
    const { rows } = await scene.superuser.query(
      `select number::int, event, record::text as text, encode(digest, 'hex') as digest, encode(link, 'hex') as link
       from audit_events where chain = $1 order by number`,
      [chain],
    );
    const exported = (filter: Record<string, string> | null) => {
      const header = { type: 'header', chain, from: 1, filter, removal: null } as const;
      const events = rows.map(({ number, event, text, digest }) =>
        filter !== null && event !== filter.event
          ? ndjsonLineOf({ type: 'omitted', number, digest })
          : ndjsonLineOf({ type: 'event', number, digest, text }),
      );
      const { number, link } = rows.at(-1);
      return [ndjsonLineOf(header), ...events, ndjsonLineOf({ type: 'end', number, link }), ''].join('\n');
    };
    const whole = await verify(await scene.file(exported(null)));
    assert.deepEqual([whole.code, whole.found], [16, [['lost', 6]]], whole.said.join('\n'));
    const filtered = await verify(await scene.file(exported({ event: 'attempt' })));
    assert.deepEqual([filtered.code, filtered.found], [15, [['contradicted', 10]]]);
  });

  test('without outside checkpoints nothing is wrong with the chain, but what it says of itself is told', async () => {
    await loseAfter(7);
    await report(10);
    const { code, out } = await scene.verify('--public-key', key.publicFile);
    assert.equal(code, 0, out);
    assert.match(out, new RegExp(`Warning: ${chain}: the trail says that events up to 10 .* nobody has`));
  });

  test('knows a chain of which nothing is left but the report of its loss', async () => {
    await report(10 + 1, 'ab'.repeat(32));
    await scene.attack(
      ...['audit_events', 'audit_chains', 'audit_checkpoints'].map(
        (table) => `delete from ${table} where chain = '${chain}'`,
      ),
    );
    outside = '';
    const { out } = await scene.verify('--public-key', key.publicFile);
    assert.match(out, new RegExp(`Warning: ${chain}: the trail says that events up to 11`));
  });
});
