import { useRef, useState } from 'preact/hooks';
import { ApiProblem, NoAnswer, SignInAbandoned } from '../api/failures.ts';
import type { Operation } from '../api/types.ts';
import { becameAnOperation } from '../disconnect/intent.ts';
import { ConfirmField } from '../parts/confirm-field.tsx';
import { confirmationOf, isConfirmed } from '../parts/confirmation.ts';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { ToneIcon } from '../parts/icons.tsx';
import { useLoad } from '../parts/use-load.ts';
import { usePortal } from '../portal-context.ts';
import { say } from '../sentences/sentences.ts';
import { waitsForIntune } from './waits-for.ts';

type Props = {
  readonly operation: Operation;
  /** `unsure`: no certain answer came back, so that what was known before may be out of date. */
  readonly onSent: (unsure: boolean) => void;
};

/** The requester carries out what was approved. It needs no key: an operation runs once at most, and where
 *  it stands tells whether it has. */
export function ExecuteForm({ operation, onSent }: Props) {
  const { api, me } = usePortal();
  const seen = useLoad(() => api.connection(), [api]);
  const [typed, setTyped] = useState('');
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const field = useRef<HTMLInputElement>(null);

  const confirmation = confirmationOf(operation.connection, me);
  const confirmed = isConfirmed(confirmation, typed);

  const execute = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (busy || seen.value === null) return;
    if (!confirmed) return field.current?.focus();
    setBusy(true);
    setError(null);
    let unsure = false;
    try {
      await api.execute(operation.operationId, seen.value.etag);
    } catch (failure) {
      const unknown = failure instanceof ApiProblem && becameAnOperation(failure.problem);
      // The operation itself tells that nobody knows.
      if (!unknown) setError(failure);
      unsure = !(failure instanceof ApiProblem || failure instanceof SignInAbandoned);
    } finally {
      setBusy(false);
      onSent(unsure);
    }
  };

  return (
    <section class="card card-danger" aria-busy={busy}>
      <h2>{say.operation.executeTitle}</h2>
      <p>{say.operation.executeHint}</p>
      {seen.error !== null && <FailureNotice error={seen.error} onTryAgain={seen.reload} />}
      {seen.value !== null && (
        <form noValidate onSubmit={(event) => void execute(event)}>
          <ConfirmField
            confirmation={confirmation}
            typed={typed}
            onTyped={setTyped}
            wrong={tried && !confirmed}
            input={field}
          />
          {error instanceof NoAnswer ? (
            <section class="notice tone-unsure" role="alert">
              <ToneIcon tone="unsure" />
              <p>{say.operation.executeTryAgain}</p>
            </section>
          ) : error instanceof ApiProblem && waitsForIntune(operation) ? (
            <section class="notice tone-bad" role="alert">
              <ToneIcon tone="bad" />
              <p>
                {say.operation.executeStillFiled} {say.failure.inItsWords(error.problem.detail)}
              </p>
            </section>
          ) : (
            error !== null && <FailureNotice error={error} takesFocus />
          )}
          <p class="actions">
            <button type="submit" class="button danger">
              {say.disconnect.buttonExecute}
            </button>
          </p>
          <p role="status" class="hint">
            {busy ? say.disconnect.sending : ''}
          </p>
        </form>
      )}
    </section>
  );
}
