import type { RefObject } from 'preact';
import { say } from '../sentences/sentences.ts';
import { Field } from './field.tsx';

/** What must be typed to confirm: the connection's owner, or its id where Intune names none. */
export type Confirmation = { readonly owner: string | null; readonly id: string };

export function isConfirmed({ owner, id }: Confirmation, typed: string): boolean {
  return typed.trim().toLowerCase() === (owner ?? id).toLowerCase();
}

type Props = {
  readonly confirmation: Confirmation;
  readonly typed: string;
  readonly onTyped: (typed: string) => void;
  readonly wrong: boolean;
  readonly input: RefObject<HTMLInputElement | null>;
};

/** Asks to type what cannot be typed without having read it. */
export function ConfirmOwner({ confirmation: { owner, id }, typed, onTyped, wrong, input }: Props) {
  return (
    <Field
      label={say.disconnect.confirmLabel}
      hint={owner === null ? say.disconnect.confirmIdHint(id) : say.disconnect.confirmHint(owner)}
      error={wrong ? say.disconnect.confirmWrong : null}
    >
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
