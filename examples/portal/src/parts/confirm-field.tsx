import type { RefObject } from 'preact';
import { say } from '../sentences/sentences.ts';
import type { Confirmation } from './confirmation.ts';
import { Field } from './field.tsx';

type Props = {
  readonly confirmation: Confirmation;
  readonly typed: string;
  readonly onTyped: (typed: string) => void;
  readonly wrong: boolean;
  readonly input: RefObject<HTMLInputElement | null>;
};

/** Asks to type what cannot be typed without having read it. */
export function ConfirmField({ confirmation: { kind, value }, typed, onTyped, wrong, input }: Props) {
  const { label, hint } = say.disconnect.confirm[kind];
  return (
    <Field label={label} hint={hint(value)} error={wrong ? say.disconnect.confirmWrong : null}>
      {(control) => (
        <input
          {...control}
          ref={input}
          type="text"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          value={typed}
          onInput={(event) => onTyped(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
