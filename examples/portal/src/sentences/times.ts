import { say } from './sentences.ts';

// Sentences and times are in one language; how times are written follows the person's region where it can.
const region = navigator.languages.find((tag) => tag.split('-')[0] === say.language) ?? say.language;

const absolute = new Intl.DateTimeFormat(region, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});
const short = new Intl.DateTimeFormat(region, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});
const shortWithSeconds = new Intl.DateTimeFormat(region, { timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat(say.language, { numeric: 'auto' });

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** A moment, to the second, with its time zone: people of one tenant may live in several. */
export function dateTime(iso: string | number): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? String(iso) : absolute.format(date);
}

/** The time zone that moments are told in. */
export function timeZone(): string {
  const { timeZone } = absolute.resolvedOptions();
  const name = absolute.formatToParts(Date.now()).find(({ type }) => type === 'timeZoneName')?.value;
  return name === undefined || name === timeZone ? timeZone : `${timeZone}, ${name}`;
}

/** A moment as short as it may be where columns of that length, in milliseconds, stand side by side. */
export function columnTime(at: number, length: number): string {
  return (length < 60_000 ? shortWithSeconds : short).format(at);
}

/** How long ago it was. */
export function ago(then: number, now: number): string {
  const distance = then - now;
  const [unit, length] = units.find(([, each]) => Math.abs(distance) >= each) ?? ['second', 1000];
  return relative.format(Math.trunc(distance / length), unit);
}

/** A duration, in its largest unit. */
export function duration(ms: number): string {
  const [unit, length] =
    ms < 1000 ? (['millisecond', 1] as const) : (units.find(([, each]) => ms >= each) ?? units[3]);
  const value = Math.round((ms / length) * 10) / 10;
  return new Intl.NumberFormat(region, { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}
