import { ToneIcon } from './icons.tsx';
import type { Tone } from './tone.ts';

/** A status: a word, its tone as colour and as shape. */
export function Badge({ tone, word }: { tone: Tone; word: string }) {
  return (
    <span class={`badge tone-${tone}`}>
      <ToneIcon tone={tone} />
      {word}
    </span>
  );
}
