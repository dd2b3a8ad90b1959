/** How long a `Retry-After` value asks to wait, in milliseconds from `now`: seconds or an HTTP date
 *  (RFC 9110 10.2.3); `null` for anything else. */
export function retryAfterMs(value: string, now: number): number | null {
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  // Date.parse takes much that is no HTTP date: '-5' is a year to it.
  const date = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
