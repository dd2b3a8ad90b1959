import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TokenRefused } from '../../../src/adapters/entra/access-token.ts';
import { callerFrom } from '../../../src/adapters/entra/claims.ts';

// What callers hear of them is tested over HTTP in test/e2e/identity-tokens.test.ts.
const issuers = ['https://login.example/tenant/v2.0', 'https://sts.example/tenant/'];
const usual = {
  aud: 'api',
  iss: issuers[0],
  tid: 'TENANT',
  oid: 'Somebody',
  exp: 1_800_000_000,
  azp: 'Portal',
  scp: 'access_as_user',
};
const callerOf = (claims: object) => callerFrom({ ...usual, ...claims }, issuers).caller;

describe('the claims of a verified token', () => {
  test('say who calls', () => {
    const claims = {
      ...usual,
      scp: ' a  b ',
      roles: ['Reader'],
      acrs: ['c1', 'c2'],
      upn: 'ada',
      nbf: 0,
      iat: 0,
    };
    assert.deepEqual(callerFrom(claims, issuers), {
      caller: {
        oid: 'somebody',
        tenantId: 'tenant',
        name: 'ada',
        clientId: 'portal',
        kind: 'user',
        guest: false,
        scopes: ['a', 'b'],
        roles: ['Reader'],
        authenticationContexts: ['c1', 'c2'],
      },
      expiresAt: 1_800_000_000_000,
    });
  });

  test('that are absent say nothing, and none is invented', () => {
    const { name, scopes, roles, authenticationContexts, kind } = callerOf({ scp: undefined });
    assert.deepEqual([name, scopes, roles, authenticationContexts, kind], [null, [], [], [], 'app']);
    assert.deepEqual(callerOf({ acrs: 'c1' }).authenticationContexts, ['c1']);
  });

  test('name the app that calls, in either version', () => {
    assert.equal(callerOf({ azp: undefined, appid: 'Old' }).clientId, 'old');
    assert.equal(callerOf({ appid: 'Portal' }).clientId, 'portal');
    const refused = (claims: object, message: string) =>
      assert.throws(() => callerOf(claims), { name: 'TokenRefused', message });
    refused({ azp: undefined }, 'neither azp nor appid: not an access token');
    refused({ appid: 'other' }, 'azp and appid disagree');
  });

  const names: [object, string | null][] = [
    [{ preferred_username: 'a', upn: 'b', unique_name: 'c' }, 'a'],
    [{ upn: 'b', unique_name: 'c' }, 'b'],
    [{ unique_name: 'c' }, 'c'],
    [{ preferred_username: '' }, null],
    [{ preferred_username: 'x'.repeat(257) }, 'x'.repeat(256)],
    [{ preferred_username: 'a\0b' }, 'a\ufffdb'],
  ];
  for (const [claims, name] of names) {
    test(`${JSON.stringify(claims).slice(0, 60)} is called ${name?.slice(0, 10)}`, () => {
      assert.equal(callerOf(claims).name, name);
    });
  }

  const kinds: [object, string][] = [
    [{}, 'user'],
    [{ idtyp: 'user' }, 'user'],
    [{ idtyp: 'app' }, 'app'],
    [{ scp: undefined }, 'app'],
    [{ xms_sub_fct: '13' }, 'agent'],
    [{ xms_sub_fct: '3 11' }, 'agent'],
    [{ xms_sub_fct: 13 }, 'agent'],
    [{ xms_sub_fct: ['3', 11] }, 'agent'],
    [{ xms_act_fct: '11' }, 'agent'],
    [{ xms_act_fct: '13' }, 'user'],
    [{ xms_sub_fct: '3  130 1 ', xms_act_fct: '9' }, 'user'],
    [{ xms_sub_fct: '' }, 'user'],
    [{ xms_sub_fct: '13', idtyp: 'app' }, 'app'],
  ];
  for (const [claims, kind] of kinds) {
    test(`${JSON.stringify(claims)} is ${kind}`, () => assert.equal(callerOf(claims).kind, kind));
  }

  const guests: [object, boolean][] = [
    [{ acct: 1 }, true],
    [{ acct: '1' }, true],
    [{ acct: 0 }, false],
    [{ idp: 'live.com' }, true],
    [{ idp: usual.iss }, false],
    [{ idp: issuers[1] }, false],
    [{ idp: 'https://login.example/unlisted/', iss: 'https://login.example/unlisted/' }, false],
    [{ acct: 0, idp: 'live.com' }, true],
  ];
  for (const [claims, guest] of guests) {
    test(`${JSON.stringify(claims)} is ${guest ? 'a' : 'no'} guest`, () => {
      assert.equal(callerOf(claims).guest, guest);
    });
  }

  const long = (length: number) => 'x'.repeat(length);
  const bounds: [claim: string, fits: unknown[], not: unknown[]][] = [
    ['aud', ['x', long(2048)], ['', long(2049), undefined, ['api']]],
    ['iss', [long(2048)], ['', long(2049), undefined]],
    ['tid', [long(2048)], ['', long(2049), undefined]],
    ['oid', ['!', '~', long(128)], ['', long(129), 'a b', 'a\n', 'a\0', 'é', '\u007f', undefined]],
    ['azp', [long(128)], ['', long(129), 'a b', 1]],
    ['appid', [], [long(129), 'a\n']],
    ['exp', [0], [-1, 1.5, '1800000000', undefined]],
    ['nbf', [0], [-1, 1.5, '1']],
    ['iat', [0], [-1, 1.5, '1']],
    ['scp', [long(8192)], [long(8193), ['access_as_user']]],
    ['roles', [[]], ['Reader', [1]]],
    ['acrs', [[]], [1, [1]]],
    ['idtyp', ['x'], [1]],
    [
      'xms_sub_fct',
      [long(256), [long(16)], Array(32).fill(1)],
      [long(257), [long(17)], Array(33).fill(1), {}],
    ],
    ['xms_act_fct', [long(256)], [long(257), true]],
    ['acct', ['x'], [true]],
    ['idp', ['x'], [1]],
    ['preferred_username', [''], [1]],
    ['upn', [''], [1]],
    ['unique_name', [''], [1]],
  ];
  for (const [claim, fits, not] of bounds) {
    test(`${claim} has its form`, () => {
      for (const value of fits) callerOf({ [claim]: value });
      for (const value of not) {
        assert.throws(
          () => callerOf({ [claim]: value }),
          (error) => error instanceof TokenRefused && error.message.startsWith(`the claim ${claim}`),
          String(value).slice(0, 20),
        );
      }
    });
  }

  test('that are wrong are all named', () => {
    assert.throws(() => callerOf({ oid: '', exp: 'x' }), {
      message: 'the claim oid, exp has the wrong form',
    });
  });

  test('are an object', () => {
    for (const payload of [null, undefined, [], 'x']) {
      assert.throws(() => callerFrom(payload, issuers), { message: 'the claim  has the wrong form' });
    }
  });
});
