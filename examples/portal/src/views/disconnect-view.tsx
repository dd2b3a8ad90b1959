import { useEffect, useState } from 'preact/hooks';
import type { ConnectionSeen } from '../api/api.ts';
import { DisconnectForm, type Draft, emptyDraft } from '../disconnect/disconnect-form.tsx';
import { Unsure } from '../disconnect/unsure.tsx';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { ToneIcon } from '../parts/icons.tsx';
import { useLoad } from '../parts/use-load.ts';
import { usePhase } from '../parts/use-phase.ts';
import { ViewTitle } from '../parts/view-title.tsx';
import { usePortal } from '../portal-context.ts';
import { addressOf } from '../route.ts';
import { say } from '../sentences/sentences.ts';

/** The whole way from the wish to an operation: what would happen, why, the confirmation, and the sending.
 *  What is typed stays here until it is done, whatever happens on the way. */
export function DisconnectView({ supersedes }: { supersedes: string | null }) {
  const { api, disconnecting, me } = usePortal();
  const phase = usePhase();
  const [draft, setDraft] = useState<Draft>(emptyDraft);
  const seen = useLoad(() => api.connection(), [api]);

  useEffect(() => {
    if (phase.name !== 'operation') return;
    const { operationId } = phase;
    disconnecting.leave();
    // In this view's place: going back must not lead to the form again.
    location.replace(addressOf({ view: 'operation', id: operationId }));
  }, [phase, disconnecting]);
  // A refusal that was read here need not be told elsewhere.
  useEffect(
    () => () => {
      if (disconnecting.phase.name === 'refused') disconnecting.leave();
    },
    [disconnecting],
  );
  useStayingWhile(phase.name === 'sending');

  return (
    <>
      <ViewTitle title={me.policy?.approvalRequired ? say.disconnect.titleApproval : say.disconnect.title}>
        <p>
          <a href={addressOf({ view: 'connection' })}>{say.disconnect.back}</a>
        </p>
      </ViewTitle>
      {phase.name === 'sending' && (
        <section class="notice tone-busy">
          <ToneIcon tone="busy" />
          <p role="status">{say.disconnect.sending}</p>
        </section>
      )}
      {phase.name === 'unsure' && <Unsure phase={phase} />}
      {phase.name === 'refused' && (
        <FailureNotice error={phase.error} title={say.disconnect.refused} takesFocus />
      )}
      {(phase.name === 'idle' || phase.name === 'refused') && (
        <Begin
          seen={seen.value}
          error={seen.error}
          draft={draft}
          supersedes={supersedes}
          // Two fields may change before the page is drawn again: a browser that fills in a form, say.
          onDraft={(typed) => setDraft((before) => ({ ...before, ...typed }))}
          onLookAgain={() => {
            disconnecting.leave();
            seen.reload();
          }}
        />
      )}
    </>
  );
}

type BeginProps = {
  readonly seen: ConnectionSeen | null;
  readonly error: unknown;
  readonly draft: Draft;
  readonly supersedes: string | null;
  readonly onDraft: (typed: Partial<Draft>) => void;
  readonly onLookAgain: () => void;
};

function Begin({ seen, error, draft, supersedes, onDraft, onLookAgain }: BeginProps) {
  if (error !== null) return <FailureNotice error={error} onTryAgain={onLookAgain} />;
  if (seen === null) return <p role="status">{say.portal.loading}</p>;
  if (seen.connection === null) return <p class="card">{say.connection.noneSentence}</p>;
  return (
    <>
      {supersedes !== null && <p class="notice tone-wait">{say.disconnect.supersedes}</p>}
      <DisconnectForm
        key={seen.etag ?? ''}
        connection={seen.connection}
        etag={seen.etag}
        supersedes={supersedes}
        draft={draft}
        onDraft={onDraft}
        onLookAgain={onLookAgain}
      />
    </>
  );
}

/** Has the browser ask before it leaves the page. */
function useStayingWhile(busy: boolean): void {
  useEffect(() => {
    if (!busy) return;
    const stay = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', stay);
    return () => removeEventListener('beforeunload', stay);
  }, [busy]);
}
