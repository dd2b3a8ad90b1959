import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { retryAfterMs } from '../../../src/adapters/outbound/retry-after.ts';

const now = Date.UTC(2026, 0, 31, 12, 0, 0);
const day = 24 * 3600 * 1000;

describe('Retry-After', () => {
  const table: [string | undefined, number | null][] = [
    [undefined, null],
    ['', null],
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7000],
    ['2.128', 2128],
    ['0.0001', 1],
    // Several headers, joined as RFC 9110 5.3 says.
    ['0,120', 120_000],
    ['120, 0', 120_000],
    ['5,soon', 5000],
    ['soon,-5', null],
    // IMF-fixdate, RFC 850 and asctime.
    ['Sat, 31 Jan 2026 12:00:30 GMT', 30_000],
    ['Saturday, 31-Jan-26 12:00:30 GMT', 30_000],
    ['Sat Jan 31 12:00:30 2026', 30_000],
    ['Sun Feb  1 00:00:00 2026', 12 * 3600 * 1000],
    ['Sat, 31 Jan 2026 12:00:60 GMT', 60_000],
    ['Sat, 31 Jan 2026 11:00:00 GMT', 0],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['Sunday, 06-Nov-77 08:49:37 GMT', 0],
    ['Sunday, 06-Nov-76 08:49:37 GMT', day],
    ['Sat, 31 Jan 2026 12:00:30 GMT, 7', 30_000],
    ['7, Sat, 31 Jan 2026 12:00:03 GMT', 7000],
    // Bounded.
    ['86400', day],
    ['86401', day],
    ['9'.repeat(400), day],
    ['Fri, 31 Dec 9999 23:59:59 GMT', day],
    // Nonsense.
    ['-5', null],
    ['+5', null],
    ['1e9', null],
    ['0x10', null],
    ['5s', null],
    ['1.', null],
    ['.5', null],
    ['1.2.3', null],
    ['soon', null],
    ['later, 5 minutes', null],
    ['2026-01-31T12:00:30Z', null],
    ['Sat, 31 Foo 2026 12:00:30 GMT', null],
    ['Sat, 31 Jan 2026 12:00:30', null],
    ['Sat, 31 Jan 2026 25:00:30 GMT', null],
    ['Sat, 31 Jan 2026 12:60:30 GMT', null],
    ['xSat, 31 Jan 2026 12:00:30 GMT', null],
    ['Sat, 31 Jan 2026 12:00:30 GMTx', null],
    ['xSaturday, 31-Jan-26 12:00:30 GMT', null],
    ['Saturday, 31-Jan-26 12:00:30 GMTx', null],
    ['xSat Jan 31 12:00:30 2026', null],
    ['Sat Jan 31 12:00:30 20260', null],
  ];
  for (const [value, expected] of table) {
    test(`${value?.slice(0, 40)}: ${expected}`, () => assert.equal(retryAfterMs(value, now), expected));
  }

  test('whatever it is, it is no wait, or one of a day at most', () => {
    const odd = fc.array(fc.constantFrom(...'0123456789.,-+ eGMTSatJn:'), { maxLength: 30 });
    const any = fc.oneof(
      fc.string({ unit: 'binary' }),
      odd.map((characters) => characters.join('')),
    );
    fc.assert(
      fc.property(any, (value) => {
        const wait = retryAfterMs(value, now);
        assert.ok(wait === null || (wait >= 0 && wait <= day), `${wait}`);
      }),
    );
  });

  test('seconds, with or without a fraction, are waited out', () => {
    const seconds = fc.tuple(fc.integer({ min: 0, max: 86_400 }), fc.integer({ min: 0, max: 999 }));
    fc.assert(
      fc.property(seconds, ([whole, thousandths]) => {
        const wait = retryAfterMs(`${whole}.${String(thousandths).padStart(3, '0')}`, now);
        // A fraction of a second has no exact form in binary.
        assert.ok(Math.abs((wait ?? 0) - Math.min(day, whole * 1000 + thousandths)) <= 1);
      }),
    );
  });

  test('of several the longest counts, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(86_400), { minLength: 1 }), (waits) => {
        assert.equal(retryAfterMs(waits.join(', '), now), Math.max(...waits) * 1000);
      }),
    );
  });

  test('a date within the day is as long as it is away, in each of its three forms', () => {
    const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_400 }), fc.integer({ min: 0, max: 4e9 }), (away, from) => {
        const begin = from * 1000;
        const date = new Date(begin + away * 1000);
        const fixdate = date.toUTCString();
        const [, dayOfMonth = '', month = '', year = '', time = ''] = fixdate.split(/,? /);
        const weekday = days[date.getUTCDay()];
        const forms = [
          fixdate,
          `${weekday}, ${dayOfMonth}-${month}-${year.slice(2)} ${time} GMT`,
          `${fixdate.slice(0, 3)} ${month} ${dayOfMonth.replace(/^0/, ' ')} ${time} ${year}`,
        ];
        for (const form of forms) assert.equal(retryAfterMs(form, begin), away * 1000, form);
      }),
    );
  });
});
