import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseList } from '../../../src/adapters/graph/connection-list.ts';

const id = '0d2ac36a-0c5b-4ae8-b14d-2a2f6d1b9f6e';
const entity = {
  id,
  ownerUserPrincipalName: 'owner@example.com',
  onboardingStatus: 'onboarded',
  lastModifiedDateTime: '2026-01-31T12:00:00Z',
  lastDirectorySyncDateTime: '2026-01-30T12:00:00Z',
};
const state = {
  id,
  owner: 'owner@example.com',
  status: 'onboarded',
  lastModified: '2026-01-31T12:00:00Z',
  lastDirectorySync: '2026-01-30T12:00:00Z',
};
const parse = (body: unknown) => parseList(JSON.stringify(body));
const membersOf = (body: unknown) => parse(body)?.seen.members;

describe('a list of Graph’s', () => {
  test('shows what it holds, and all of it stays as Graph shaped it', () => {
    const more = {
      ...entity,
      '@odata.type': '#microsoft.graph.chromeOSOnboardingSettings',
      unheard: { of: [1] },
    };
    const list = parse({ '@odata.context': 'x', value: [more] });
    assert.deepEqual(list?.seen.members, [state]);
    assert.deepEqual(list?.value, [more]);
  });

  test('may be empty, or have several members', () => {
    assert.deepEqual(membersOf({ value: [] }), []);
    assert.deepEqual(membersOf({ value: [entity, { ...entity, id: 'other' }] }), [
      state,
      { ...state, id: 'other' },
    ]);
  });

  test('of one entity that is wrapped as if it were a list is taken for that list', () => {
    assert.deepEqual(membersOf({ value: entity }), [state]);
    assert.deepEqual(parse({ value: entity })?.value, [entity]);
  });

  const nothing: [string, object][] = [
    ['no next page', { '@odata.nextLink': null }],
    ['no error', { error: null }],
    ['neither', { '@odata.nextLink': null, error: null }],
  ];
  for (const [name, members] of nothing) {
    test(`says ${name} by null, too`, () => {
      assert.deepEqual(membersOf({ value: [entity], ...members }), [state]);
    });
  }

  for (const status of [null, undefined, '']) {
    test(`with ${JSON.stringify(status)} for a status is one whose status is unknown`, () => {
      const list = parse({ value: [{ ...entity, onboardingStatus: status }] });
      assert.deepEqual(list?.seen.members, [{ ...state, status: 'unknown' }]);
      assert.deepEqual(list?.value, [{ ...entity, onboardingStatus: 'unknown' }]);
    });
  }

  test('may use words that nobody knows yet', () => {
    assert.equal(
      membersOf({ value: [{ ...entity, onboardingStatus: 'hibernating' }] })?.[0]?.status,
      'hibernating',
    );
  });

  test('need not say who and when', () => {
    const unsaid = { owner: null, lastModified: null, lastDirectorySync: null };
    assert.deepEqual(membersOf({ value: [{ id, onboardingStatus: 'onboarded' }] }), [
      { ...state, ...unsaid },
    ]);
    const nulls = {
      ownerUserPrincipalName: null,
      lastModifiedDateTime: null,
      lastDirectorySyncDateTime: null,
    };
    assert.deepEqual(membersOf({ value: [{ ...entity, ...nulls }] }), [{ ...state, ...unsaid }]);
  });

  test('is read as the database can hold it', () => {
    const odd = { ...entity, ownerUserPrincipalName: 'a\0b', onboardingStatus: 'c\ud800', id: 'd\0' };
    const [member] = membersOf({ value: [odd] }) ?? [];
    assert.deepEqual([member?.owner, member?.status, member?.id], ['a\ufffdb', 'c\ufffd', 'd\ufffd']);
  });

  const none: [string, unknown][] = [
    ['is not whole', { value: [], '@odata.nextLink': 'https://graph.example/next' }],
    ['failed halfway', { value: [], error: { code: 'x' } }],
    ['has no value', {}],
    ['has no list', { value: 'x' }],
    ['has null for a list', { value: null }],
    ['has a member that is none', { value: [null] }],
    ['has a member without an id', { value: [{ onboardingStatus: 'onboarded' }] }],
    ['has a member with an empty id', { value: [{ ...entity, id: '' }] }],
    ['has a member with a long id', { value: [{ ...entity, id: 'x'.repeat(257) }] }],
    ['has a member with another status', { value: [{ ...entity, onboardingStatus: 2 }] }],
    ['has a member with a long status', { value: [{ ...entity, onboardingStatus: 'x'.repeat(129) }] }],
    ['has one good and one bad member', { value: [entity, { id: 5 }] }],
    ['wraps what is no entity', { value: { onboardingStatus: 'onboarded' } }],
    ['is an array', [entity]],
    ['is null', null],
  ];
  for (const [name, body] of none) {
    test(`that ${name} is none`, () => assert.equal(parse(body), null));
  }

  for (const text of ['', '{"value":[', '<html></html>']) {
    test(`'${text}' is none`, () => assert.equal(parseList(text), null));
  }

  test('as long as may be is read', () => {
    const long = { ...entity, id: 'x'.repeat(256), onboardingStatus: 'x'.repeat(128) };
    assert.equal(membersOf({ value: [long] })?.length, 1);
  });

  test('that is nested too deeply to be passed on is none', () => {
    const depth = 400_000;
    assert.equal(parseList(`{"value":[{"id":"x","deep":${'['.repeat(depth)}${']'.repeat(depth)}}]}`), null);
  });
});

describe('the entity tag of a list', () => {
  const etag = (body: unknown) => parse(body)?.seen.etag ?? '';

  test('is strong, and says nothing of the order of members’ fields', () => {
    const turned = Object.fromEntries(Object.entries(entity).reverse());
    assert.match(etag({ value: [entity] }), /^"[\w-]{43}"$/);
    assert.equal(etag({ value: [entity] }), etag({ value: [turned] }));
  });

  test('changes with whatever Graph shows', () => {
    const shown = [
      { value: [] },
      { value: [entity] },
      { value: [entity, entity] },
      ...Object.keys(entity).map((key) => ({ value: [{ ...entity, [key]: 'other' }] })),
      { value: [{ ...entity, unheard: 'of' }] },
      // What canonical JSON has no form for.
      { value: [{ ...entity, unheard: '\ud800' }] },
      { value: [{ ...entity, unheard: '\ud801' }] },
    ];
    assert.equal(new Set(shown.map(etag)).size, shown.length);
  });

  test('is there for numbers that are too large, too', () => {
    assert.match(parseList('{"value":[{"id":"x","much":1e999}]}')?.seen.etag ?? '', /^"[\w-]{43}"$/);
  });

  test('any JSON is a list or none', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (value, more) => {
        for (const text of [value, `{"value":${value}}`, `{"value":[{"id":"x","a":${value}}],"b":${more}}`]) {
          const list = parseList(text);
          assert.ok(list === null || list.value.length === list.seen.members.length);
        }
      }),
    );
  });
});
