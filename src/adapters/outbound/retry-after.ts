/** How long a `Retry-After` value asks to wait, in milliseconds from `now`: seconds or an HTTP date
 *  (RFC 9110 10.2.3); `null` for anything else. */
export function retryAfterMs(value: string, now: number): number | null {
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
