import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';

type FieldProps = {
  readonly label: string;
  /** Stands behind the label: whether it must be filled in. */
  readonly note?: string | undefined;
  readonly hint?: ComponentChildren;
  readonly error?: string | null;
};

type Control = { id: string; 'aria-describedby': string | undefined; 'aria-invalid': 'true' | undefined };

/** A label, its control, what helps to fill it in, and what is wrong with it. */
export function Field({
  label,
  note,
  hint,
  error = null,
  children,
}: FieldProps & { children: (control: Control) => JSX.Element }) {
  const id = useId();
  const described = [hint ? `${id}-hint` : '', error === null ? '' : `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>
        {label}
        {note !== undefined && <span class="field-note">{note}</span>}
      </label>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {children({
        id,
        'aria-describedby': described === '' ? undefined : described,
        'aria-invalid': error === null ? undefined : 'true',
      })}
      {error !== null && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}
