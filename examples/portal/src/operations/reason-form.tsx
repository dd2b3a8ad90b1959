import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { Field } from '../parts/field.tsx';
import { say } from '../sentences/sentences.ts';

type Choice = {
  readonly label: string;
  readonly isMain: boolean;
  /** Does it, for that reason; gives what is said when it is done. */
  readonly choose: (reason: string) => Promise<string>;
};
type Props = {
  readonly title: string;
  readonly hint: string;
  readonly choices: readonly Choice[];
  readonly onDone: (sentence: string) => void;
  /** What it is about, before the field. */
  readonly children?: ComponentChildren;
};

/** What one person says about an operation, with the reason that goes on the record. */
export function ReasonForm({ title, hint, choices, onDone, children }: Props) {
  const [reason, setReason] = useState('');
  const [missing, setMissing] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const field = useRef<HTMLTextAreaElement>(null);

  const take = async ({ choose }: Choice) => {
    if (busy) return;
    setMissing(reason.trim() === '');
    if (reason.trim() === '') return field.current?.focus();
    setBusy(true);
    setError(null);
    try {
      onDone(await choose(reason.trim()));
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  return (
    <section class="card" aria-busy={busy}>
      <h2>{title}</h2>
      {children}
      <p>{hint}</p>
      <Field
        label={say.operation.decideReason}
        note={say.operation.decideReasonNote}
        error={missing ? say.operation.decideReasonMissing : null}
      >
        {(control) => (
          <textarea
            {...control}
            ref={field}
            rows={2}
            maxLength={500}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        )}
      </Field>
      {error !== null && <FailureNotice error={error} takesFocus />}
      <p class="actions">
        {choices.map((choice) => (
          <button
            key={choice.label}
            type="button"
            class={choice.isMain ? 'button primary' : 'button'}
            onClick={() => void take(choice)}
          >
            {choice.label}
          </button>
        ))}
      </p>
    </section>
  );
}
