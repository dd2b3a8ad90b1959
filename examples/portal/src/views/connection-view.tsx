import type { ConnectionSeen } from '../api/api.ts';
import type { Connection, Operation } from '../api/types.ts';
import { isOver } from '../operations/timeline.ts';
import { isApproved, waitsForIntune } from '../operations/waits-for.ts';
import { Badge } from '../parts/badge.tsx';
import { Facts } from '../parts/facts.tsx';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { type Tone, ToneIcon } from '../parts/icons.tsx';
import { useLoad } from '../parts/use-load.ts';
import { useNewest } from '../parts/use-newest.ts';
import { useNow } from '../parts/use-now.ts';
import { ViewTitle } from '../parts/view-title.tsx';
import { When } from '../parts/when.tsx';
import { usePortal } from '../portal-context.ts';
import { addressOf } from '../route.ts';
import { say } from '../sentences/sentences.ts';
import { ago } from '../sentences/times.ts';

const tones: Readonly<Record<string, Tone>> = {
  onboarded: 'good',
  inprogress: 'busy',
  offboarding: 'busy',
  failed: 'bad',
};

/** How the connection stands, at a glance. */
export function ConnectionView() {
  const { api } = usePortal();
  const seen = useLoad(() => api.connection(), [api]);
  const newest = useNewest();
  const refresh = () => {
    seen.reload();
    newest.reload();
  };
  return (
    <>
      <ViewTitle title={say.connection.title} />
      {newest.value !== null && <UnderWay operation={newest.value} />}
      {seen.error !== null && <FailureNotice error={seen.error} onTryAgain={refresh} />}
      {seen.value === null && seen.loading && <p role="status">{say.portal.loading}</p>}
      {seen.value !== null && (
        <section class="card" aria-busy={seen.loading}>
          <State seen={seen.value} />
          <div class="card-foot">
            <ReadAgo at={seen.at} loading={seen.loading} />
            <button type="button" class="button" onClick={refresh}>
              {say.connection.refresh}
            </button>
          </div>
        </section>
      )}
      {seen.value !== null && seen.value.connection !== null && <End newest={newest.value} />}
    </>
  );
}

function State({ seen: { connection } }: { seen: ConnectionSeen }) {
  if (connection === null) {
    return (
      <>
        <p class="state">
          <Badge tone="quiet" word={say.connection.none} />
        </p>
        <p>{say.connection.noneSentence}</p>
      </>
    );
  }
  const { onboardingStatus: status } = connection;
  const { word, sentence } = say.connection.states[status] ?? say.connection.newWord(status);
  return (
    <>
      <p class="state">
        <Badge tone={tones[status] ?? 'unsure'} word={word} />
      </p>
      <p>{sentence}</p>
      <ConnectionFacts connection={connection} />
    </>
  );
}

function ConnectionFacts({ connection }: { connection: Connection }) {
  const now = useNow(30_000);
  const moment = (at: string | null | undefined) => {
    // Graph says “never” with its smallest date.
    if (at === null || at === undefined || at.startsWith('0001-')) return say.connection.never;
    const then = Date.parse(at);
    return (
      <>
        <When at={at} />
        {!Number.isNaN(then) && <span class="aside">{ago(then, now)}</span>}
      </>
    );
  };
  return (
    <Facts
      facts={[
        [say.connection.owner, connection.ownerUserPrincipalName ?? say.connection.noOwner],
        [say.connection.lastSync, moment(connection.lastDirectorySyncDateTime)],
        [say.connection.lastChange, moment(connection.lastModifiedDateTime)],
        [say.connection.id, <code key="id">{connection.id}</code>],
      ]}
    />
  );
}

function ReadAgo({ at, loading }: { at: number; loading: boolean }) {
  const now = useNow(5000);
  return (
    <>
      <p class="hint">{say.connection.readAgo(ago(at, Math.max(now, at)))}</p>
      <p role="status" class="only-heard">
        {loading ? say.portal.loading : say.connection.refreshed}
      </p>
    </>
  );
}

function UnderWay({ operation }: { operation: Operation }) {
  if (isOver(operation)) return null;
  const { status, operationId } = operation;
  const sentence =
    status === 'awaiting_approval'
      ? say.connection.needsApproval
      : isApproved(operation)
        ? say.connection.approved
        : waitsForIntune(operation)
          ? say.connection.needsIntuneApproval
          : say.connection.underWay;
  const tone = status === 'unknown' ? 'unsure' : 'wait';
  return (
    <section class={`notice tone-${tone}`}>
      <ToneIcon tone={tone} />
      <div class="notice-text">
        <p class="notice-title">{sentence}</p>
        <p>
          <a href={addressOf({ view: 'operation', id: operationId })}>{say.connection.follow}</a>
        </p>
      </div>
    </section>
  );
}

/** The way to the end of the connection, for those who may go it, while no other is on it. */
function End({ newest }: { newest: Operation | null }) {
  const { may } = usePortal();
  const busy = newest !== null && !isOver(newest);
  return (
    <section class="card card-danger">
      <h2>{say.connection.endTitle}</h2>
      <p>{say.connection.endSentence}</p>
      {!may('disconnect') && <p class="hint">{say.connection.mayNot}</p>}
      {may('disconnect') && busy && <p class="hint">{say.connection.underWay}</p>}
      {may('disconnect') && !busy && (
        <>
          <p class="actions">
            <a class="button danger-outline" href={addressOf({ view: 'disconnect', supersedes: null })}>
              {say.connection.endButton}
            </a>
          </p>
          <p class="hint">{say.connection.endNext}</p>
        </>
      )}
    </section>
  );
}
