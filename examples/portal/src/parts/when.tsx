import { dateTime } from '../sentences/times.ts';

/** A moment, for people and for programs. */
export function When({ at }: { at: string }) {
  return <time dateTime={at}>{dateTime(at)}</time>;
}
