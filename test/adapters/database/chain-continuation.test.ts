import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Anchor,
  ChainContradicted,
  followChain,
  genesis,
} from '../../../src/adapters/database/chain-continuation.ts';
import type { Statement } from '../../../src/audit-verification/format/statement.ts';
import { type AuditScene, homeTenant, sampleEvent, startAuditScene } from '../../support/audit.ts';

const length = 5;
const other = 'ab'.repeat(32);

describe('a chain is followed', () => {
  let scene: AuditScene;
  /** By number. */
  let links: string[];
  before(async () => {
    scene = await startAuditScene();
    await scene.append(...Array.from({ length }, () => sampleEvent(homeTenant)));
    const { rows } = await scene.superuser.query(
      "select encode(link, 'hex') as link from audit_events where chain = $1 order by number",
      [homeTenant],
    );
    links = [genesis(homeTenant).link, ...rows.map(({ link }) => link)];
  });
  after(() => scene?.close());

  const at = (number: number): Anchor => ({ number, link: links[number] ?? other });
  const wrong = (number: number): Anchor => ({ number, link: other });
  type Known = { anchor?: Anchor; head?: Anchor; removal?: Anchor | null; mustHave?: Anchor | null };
  const follow = ({ anchor = at(2), head = at(length), removal = null, mustHave = null }: Known) =>
    followChain(scene.serviceDatabase, homeTenant, {
      anchor,
      head,
      removal: removal as Statement | null,
      mustHave,
    });

  const sound: [string, () => Known][] = [
    ['from its beginning', () => ({ anchor: genesis(homeTenant) })],
    ['from an anchor', () => ({})],
    ['from its head', () => ({ anchor: at(length) })],
    ['past a checkpoint', () => ({ mustHave: at(4) })],
    ['from a checkpoint', () => ({ mustHave: at(2) })],
    ['with a checkpoint from before the anchor', () => ({ mustHave: wrong(1) })],
    ['from where retention ended, whatever was before', () => ({ anchor: wrong(2), removal: at(3) })],
    ['from where retention ended, at the anchor', () => ({ removal: at(2) })],
    ['from an anchor behind what retention removed', () => ({ anchor: at(3), removal: wrong(2) })],
  ];
  for (const [name, known] of sound) test(name, () => follow(known()));

  const contradicted: [string, () => Known, string][] = [
    ['a head before the anchor', () => ({ anchor: at(4), head: at(3) }), 'the chain has 3 events; it had 4'],
    ['another link at the anchor', () => ({ anchor: wrong(2) }), 'the link of event 2 was changed'],
    ['another head', () => ({ head: wrong(length) }), `the head of event ${length} contradicts the chain`],
    ['a head that is not there', () => ({ head: at(9) }), 'event 6 is missing'],
    ['no anchor', () => ({ anchor: at(7), head: at(7) }), 'event 7 is missing'],
    [
      'another checkpoint on the way',
      () => ({ mustHave: wrong(4) }),
      'a signed checkpoint of event 4 contradicts the chain',
    ],
    [
      'another checkpoint at the anchor',
      () => ({ mustHave: wrong(2) }),
      'a signed checkpoint of event 2 contradicts the chain',
    ],
    [
      'another end of what retention removed',
      () => ({ removal: wrong(2) }),
      'what retention said of event 2 contradicts the chain',
    ],
    ['another end of it, beyond the anchor', () => ({ removal: wrong(3) }), 'the link at event 4 is broken'],
  ];
  for (const [name, known, message] of contradicted) {
    test(`not past ${name}`, async () => {
      await assert.rejects(follow(known()), (error) => {
        assert.ok(error instanceof ChainContradicted);
        assert.equal(error.message, message);
        return true;
      });
    });
  }

  test('not past an event that is gone', async () => {
    await scene.attack(`delete from audit_events where chain = '${homeTenant}' and number = 4`);
    await assert.rejects(follow({}), { name: 'ChainContradicted', message: 'event 4 is missing' });
  });
});
