import { useRef, useState } from 'preact/hooks';
import type { Operation } from '../api/types.ts';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { Field } from '../parts/field.tsx';
import { usePortal } from '../portal-context.ts';
import { say } from '../sentences/sentences.ts';

type Props = { readonly operation: Operation; readonly onDecided: (sentence: string) => void };

/** The second person's decision. */
export function DecideForm({ operation, onDecided }: Props) {
  const { api } = usePortal();
  const [reason, setReason] = useState('');
  const [missing, setMissing] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const field = useRef<HTMLTextAreaElement>(null);

  const decide = async (decision: 'approve' | 'reject') => {
    if (busy) return;
    setMissing(reason.trim() === '');
    if (reason.trim() === '') return field.current?.focus();
    setBusy(true);
    setError(null);
    try {
      await api.decide(operation.id, decision, reason.trim());
      onDecided(decision === 'approve' ? say.operation.approved : say.operation.rejected);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  return (
    <section class="card" aria-busy={busy}>
      <h2>{say.operation.decideTitle}</h2>
      <p>{say.operation.decideHint}</p>
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
        <button type="button" class="button primary" onClick={() => void decide('approve')}>
          {say.operation.approve}
        </button>
        <button type="button" class="button" onClick={() => void decide('reject')}>
          {say.operation.reject}
        </button>
      </p>
    </section>
  );
}
