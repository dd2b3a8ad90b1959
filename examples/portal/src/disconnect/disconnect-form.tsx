import { useRef, useState } from 'preact/hooks';
import type { Connection } from '../api/types.ts';
import { CheckList } from '../parts/check-list.tsx';
import { ConfirmField } from '../parts/confirm-field.tsx';
import { confirmationOf, isConfirmed } from '../parts/confirmation.ts';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { Field } from '../parts/field.tsx';
import { ToneIcon } from '../parts/icons.tsx';
import { usePortal } from '../portal-context.ts';
import { addressOf } from '../route.ts';
import { say } from '../sentences/sentences.ts';
import { useChecks } from './use-checks.ts';
import { asksForApproval, fieldsOnly } from './would.ts';

export type Draft = { readonly reason: string; readonly ticket: string; readonly typed: string };

export const emptyDraft: Draft = { reason: '', ticket: '', typed: '' };

type Props = {
  readonly connection: Connection;
  readonly etag: string | null;
  readonly supersedes: string | null;
  readonly draft: Draft;
  readonly onDraft: (typed: Partial<Draft>) => void;
  readonly onLookAgain: () => void;
};

/** Why, what would happen, and the confirmation. Nothing is sent that the last dry run says would be
 *  refused, or that it has not looked at. */
export function DisconnectForm({ connection, etag, supersedes, draft, onDraft, onLookAgain }: Props) {
  const { disconnecting, me } = usePortal();
  const checks = useChecks({ etag, supersedes, reason: draft.reason.trim(), ticket: draft.ticket.trim() });
  const [tried, setTried] = useState(false);
  const [changed, setChanged] = useState(false);
  const submitting = useRef(false);
  const reasonField = useRef<HTMLTextAreaElement>(null);
  const ticketField = useRef<HTMLInputElement>(null);
  const ownerField = useRef<HTMLInputElement>(null);
  const checksTitle = useRef<HTMLHeadingElement>(null);

  const { run } = checks;
  const offersApproval = run !== null && asksForApproval(run, me.policy);
  const confirmation = confirmationOf(
    { owner: connection.ownerUserPrincipalName ?? null, id: connection.id },
    me,
  );
  const confirmed = isConfirmed(confirmation, draft.typed);

  const begin = async () => {
    setTried(true);
    setChanged(false);
    const run = await checks.fresh();
    if (run === null) return checksTitle.current?.focus();
    const failed = run.checks.filter(({ result }) => result === 'failed').map(({ name }) => name);
    if (failed.includes('reason')) return reasonField.current?.focus();
    if (failed.includes('ticket')) return ticketField.current?.focus();
    if (run.would === 'be_refused') return checksTitle.current?.focus();
    if (!confirmed) return ownerField.current?.focus();
    // A button does what it says, or nothing.
    if (asksForApproval(run, me.policy) !== offersApproval) {
      setChanged(true);
      return checksTitle.current?.focus();
    }
    await disconnecting.begin({
      etag,
      supersedes,
      reason: draft.reason.trim(),
      ticket: draft.ticket.trim(),
      oid: me.oid,
    });
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    // A second click is not a second wish.
    if (submitting.current) return;
    submitting.current = true;
    await begin().finally(() => {
      submitting.current = false;
    });
  };

  const pattern = me.policy?.ticketPattern ?? null;
  const ticketForm = pattern === null ? null : say.disconnect.ticketForm(pattern);
  const possible = run !== null && (run.would !== 'be_refused' || fieldsOnly(run));
  return (
    <form class="steps" noValidate onSubmit={(event) => void submit(event)}>
      <section class="card">
        <h2>{say.disconnect.whyTitle}</h2>
        <p class="hint">{say.disconnect.whyHint}</p>
        <Field
          label={say.disconnect.reason}
          note={me.policy?.reasonRequired ? say.disconnect.required : say.disconnect.optional}
          error={tried && checks.failed('reason') ? say.disconnect.fieldMissing.reason : null}
        >
          {(control) => (
            <textarea
              {...control}
              ref={reasonField}
              rows={3}
              maxLength={500}
              value={draft.reason}
              onInput={(event) => onDraft({ reason: event.currentTarget.value })}
            />
          )}
        </Field>
        <Field
          label={say.disconnect.ticket}
          note={me.policy?.ticketRequired ? say.disconnect.required : say.disconnect.optional}
          hint={ticketForm}
          error={tried && checks.failed('ticket') ? (ticketForm ?? say.disconnect.fieldMissing.ticket) : null}
        >
          {(control) => (
            <input
              {...control}
              ref={ticketField}
              type="text"
              autocomplete="off"
              maxLength={100}
              value={draft.ticket}
              onInput={(event) => onDraft({ ticket: event.currentTarget.value })}
            />
          )}
        </Field>
      </section>

      <section class="card" aria-busy={checks.running}>
        <h2 ref={checksTitle} tabIndex={-1}>
          {say.disconnect.checksTitle}
        </h2>
        {changed && (
          <p role="alert" class="field-error">
            {say.disconnect.notAsOffered}
          </p>
        )}
        {checks.error !== null && (
          <FailureNotice error={checks.error} title={say.disconnect.notChecked} onTryAgain={checks.look} />
        )}
        {run !== null && (
          <>
            <p class={`would tone-${run.would === 'be_refused' ? 'bad' : 'wait'}`}>
              <ToneIcon tone={run.would === 'be_refused' ? 'bad' : 'wait'} />
              {say.disconnect.would[run.would]}
            </p>
            <CheckList checks={run.checks} />
          </>
        )}
        <div class="card-foot">
          <p role="status" class="hint">
            {checks.running ? say.disconnect.checking : run === null ? '' : say.disconnect.checksHint}
          </p>
          <button
            type="button"
            class="button"
            onClick={checks.failed('unchanged') ? onLookAgain : checks.look}
          >
            {say.disconnect.checkAgain}
          </button>
        </div>
      </section>

      {possible && (
        <section class="card card-danger">
          <h2>{say.disconnect.confirmTitle}</h2>
          <ConfirmField
            confirmation={confirmation}
            typed={draft.typed}
            onTyped={(typed) => onDraft({ typed })}
            wrong={tried && !confirmed}
            input={ownerField}
          />
          <p class="actions">
            <button type="submit" class="button danger">
              {offersApproval ? say.disconnect.buttonApproval : say.disconnect.button}
            </button>
            <a class="button" href={addressOf({ view: 'connection' })}>
              {say.disconnect.cancel}
            </a>
          </p>
        </section>
      )}
    </form>
  );
}
