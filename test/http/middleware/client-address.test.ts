import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Request } from 'express';
import fc from 'fast-check';
import { clientAddress } from '../../../src/http/middleware/client-address.ts';

const peer = '10.0.0.1';

function addressFrom(trustedProxies: number, forwarded: string | undefined, from = `::ffff:${peer}`) {
  let complaints = 0;
  const read = clientAddress({ trustedProxies, onNoAddress: () => (complaints += 1) });
  const request = { socket: { remoteAddress: from }, headers: { 'x-forwarded-for': forwarded } };
  const address = read(request as unknown as Request);
  assert.equal(read(request as unknown as Request), address);
  return { address, complaints };
}

describe('the address of a client', () => {
  const rows: [header: string | undefined, proxies: number, address: string][] = [
    // Every form seen of gateways, as the one trusted proxy writes it.
    ['203.0.113.7', 1, '203.0.113.7'],
    ['203.0.113.7:50012', 1, '203.0.113.7'],
    ['"203.0.113.7"', 1, '203.0.113.7'],
    ['"203.0.113.7:50012"', 1, '203.0.113.7'],
    ['2001:db8::1', 1, '2001:db8::1'],
    ['::1', 1, '::1'],
    ['2001:DB8:0:0::1', 1, '2001:db8::1'],
    ['[2001:db8::1]', 1, '2001:db8::1'],
    ['[2001:db8::1]:4711', 1, '2001:db8::1'],
    ['"[2001:db8::1]:4711"', 1, '2001:db8::1'],
    ['"2001:db8::1"', 1, '2001:db8::1'],
    ['fe80::1%eth0', 1, 'fe80::1'],
    ['::ffff:203.0.113.7', 1, '203.0.113.7'],
    ['::FFFF:CB00:7107', 1, '203.0.113.7'],
    ['[::ffff:203.0.113.7]:80', 1, '203.0.113.7'],
    ['::ffff:1:2', 1, '0.1.0.2'],
    ['  203.0.113.7  ', 1, '203.0.113.7'],
    // Counted from the right; the rest is the caller's invention.
    ['6.6.6.6, 203.0.113.7:1', 1, '203.0.113.7'],
    ['6.6.6.6,203.0.113.7,198.51.100.2', 2, '203.0.113.7'],
    ['6.6.6.6,203.0.113.7,198.51.100.2', 3, '6.6.6.6'],
    ['203.0.113.7', 3, '203.0.113.7'],
    ['unknown, 203.0.113.7', 1, '203.0.113.7'],
    // Nobody is trusted, or nobody said anything.
    ['203.0.113.7', 0, peer],
    [undefined, 1, peer],
  ];
  for (const [header, proxies, address] of rows) {
    test(`${header}, behind ${proxies}: ${address}`, () => {
      assert.deepEqual(addressFrom(proxies, header), { address, complaints: 0 });
    });
  }

  const noAddress = [
    'unknown',
    '_hidden',
    '',
    ' ',
    ',',
    '203.0.113.7,',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3.4:',
    '1.2.3.4:999999',
    '1.2.3.4:80:90',
    '1.2.3.4:port',
    '[2001:db8::1',
    '2001:db8::1]:80',
    '[2001:db8::1]x',
    'localhost',
    'portal.example:80',
    'for=1.2.3.4',
    '<script>',
    '0x7f.1',
    '127.1',
    '[]',
    '::g',
  ];
  for (const header of noAddress) {
    test(`'${header}' is none: the proxy's own, and that is told once`, () => {
      assert.deepEqual(addressFrom(1, header), { address: peer, complaints: 1 });
    });
  }

  test('where the farther one names none, the nearer proxy’s counts', () => {
    assert.deepEqual(addressFrom(2, 'unknown, 198.51.100.2'), { address: '198.51.100.2', complaints: 1 });
    assert.deepEqual(addressFrom(2, '198.51.100.2, unknown'), { address: '198.51.100.2', complaints: 0 });
  });

  test('the family of the peer is that of the socket', () => {
    assert.equal(addressFrom(0, undefined, '2001:db8::9').address, '2001:db8::9');
    assert.equal(addressFrom(0, undefined, '192.0.2.1').address, '192.0.2.1');
  });

  test('whatever a header holds, it is an address or the peer’s', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 4 }), (header, proxies) => {
        assert.match(addressFrom(proxies, header).address, /^[0-9a-f.:]+$/);
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 1, max: 65_535 }), fc.string(), (address, port, before) => {
        assert.equal(addressFrom(1, `${before},${address}:${port}`).address, address);
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 1, max: 65_535 }), (address, port) => {
        assert.equal(addressFrom(1, `[${address}]:${port}`).address, addressFrom(1, address).address);
      }),
    );
  });
});
