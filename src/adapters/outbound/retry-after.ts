/** Longer waits are asked for by mistake, or are too long for us anyway: a day, in milliseconds. */
const longestMs = 24 * 3600 * 1000;

/** How long the other side asks to wait, in milliseconds from `now` and at most a day; `null` where its
 *  `Retry-After` is missing or makes no sense. Beyond seconds and an HTTP date (RFC 9110 10.2.3) it reads what is
 *  seen in the wild: fractions of a second, and several headers joined by commas, of which the longest counts. */
export function retryAfterMs(value: string | undefined, now: number): number | null {
  if (value === undefined) return null;
  const waits = (value.match(onePart) ?? []).map((part) => waitOf(part.trim(), now));
  const known = waits.filter((wait) => wait !== null);
  return known.length === 0 ? null : Math.min(Math.max(0, ...known), longestMs);
}

// A date has a comma of its own after its weekday.
const onePart = /\s*[A-Za-z]{3,9}, [^,]*|[^,]+/g;

function waitOf(part: string, now: number): number | null {
  if (/^\d+(\.\d+)?$/.test(part)) return Math.ceil(Number(part) * 1000);
  const at = httpDate(part, now);
  return at === null ? null : at - now;
}

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const weekday = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const time = String.raw`(?<hour>[01]\d|2[0-3]):(?<minute>[0-5]\d):(?<second>[0-5]\d|60)`;
type DateParts = Record<'day' | 'month' | 'year' | 'hour' | 'minute' | 'second', string>;
// RFC 9110 5.6.7: IMF-fixdate, RFC 850's and asctime's.
const dateFormats = [
  new RegExp(String.raw`^${weekday}, (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) ${time} GMT$`),
  new RegExp(
    String.raw`^${weekday}[a-z]{3,6}, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) ${time} GMT$`,
  ),
  new RegExp(String.raw`^${weekday} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) ${time} (?<year>\d{4})$`),
];

/** An HTTP date in milliseconds since the epoch; `null` for anything else. `Date.parse` takes much that is
 *  none ('-5' is a year to it), and reads one of the three as local time. */
function httpDate(text: string, now: number): number | null {
  for (const format of dateFormats) {
    const groups = format.exec(text)?.groups as DateParts | undefined;
    if (groups === undefined) continue;
    const { day, month, year, hour, minute, second } = groups;
    const index = months.indexOf(month);
    if (index === -1) return null;
    return Date.UTC(fullYear(year, now), index, Number(day), Number(hour), Number(minute), Number(second));
  }
  return null;
}

/** Two digits that seem more than 50 years ahead are of the century before (RFC 9110 5.6.7). */
function fullYear(digits: string, now: number): number {
  if (digits.length === 4) return Number(digits);
  const thisYear = new Date(now).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(digits);
  return year > thisYear + 50 ? year - 100 : year;
}
