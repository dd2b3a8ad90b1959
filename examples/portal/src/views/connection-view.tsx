import type { ConnectionSeen } from '../api/api.ts';
import type { Connection } from '../api/types.ts';
import { openOf } from '../operations/open-operation.ts';
import { Badge } from '../parts/badge.tsx';
import { Facts } from '../parts/facts.tsx';
import { FailureNotice } from '../parts/failure-notice.tsx';
import type { Tone } from '../parts/tone.ts';
import { useLoad } from '../parts/use-load.ts';
import { useNow } from '../parts/use-now.ts';
import { usePhase } from '../parts/use-phase.ts';
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
  const { api, newest } = usePortal();
  const seen = useLoad(() => api.connection(), [api]);
  const open = openOf(usePhase(), newest.value) !== null;
  // Until it is known that none is open, nothing is called good.
  const calm = !open && newest.at > 0 && newest.error === null;
  const refresh = () => {
    seen.reload();
    newest.reload();
  };
  return (
    <>
      <ViewTitle title={say.connection.title} />
      {seen.error !== null && <FailureNotice error={seen.error} onTryAgain={refresh} />}
      {seen.value === null && seen.loading && <p role="status">{say.portal.loading}</p>}
      {seen.value !== null && (
        <section class="card" aria-busy={seen.loading}>
          <State seen={seen.value} calm={calm} open={open} />
          <div class="card-foot">
            <ReadAgo at={seen.at} loading={seen.loading} />
            <button type="button" class="button" onClick={refresh}>
              {say.connection.refresh}
            </button>
          </div>
        </section>
      )}
      {seen.value !== null && seen.value.connection !== null && <End open={open} />}
    </>
  );
}

type StateProps = {
  readonly seen: ConnectionSeen;
  /** Whether no disconnect is open, for certain. */
  readonly calm: boolean;
  readonly open: boolean;
};

function State({ seen: { connection }, calm, open }: StateProps) {
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
        <Badge tone={toneOf(status, { calm, open })} word={word} />
      </p>
      <p>{sentence}</p>
      {open && <p>{say.connection.stillThere}</p>}
      <ConnectionFacts connection={connection} />
    </>
  );
}

function toneOf(status: string, { calm, open }: Pick<StateProps, 'calm' | 'open'>): Tone {
  const tone = tones[status] ?? 'unsure';
  if (tone !== 'good' || calm) return tone;
  return open ? 'wait' : 'quiet';
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

/** The way to the end of the connection, for those who may go it, while no other is on it. */
function End({ open }: { open: boolean }) {
  const { may, me } = usePortal();
  return (
    <section class="card card-danger">
      <h2>{say.connection.endTitle}</h2>
      <p>{say.connection.endSentence}</p>
      {!may('disconnect') && <p class="hint">{say.connection.mayNot}</p>}
      {may('disconnect') && open && <p class="hint">{say.connection.open}</p>}
      {may('disconnect') && !open && (
        <>
          <p class="actions">
            <a class="button danger-outline" href={addressOf({ view: 'disconnect', supersedes: null })}>
              {me.policy?.approvalRequired ? say.connection.endButtonApproval : say.connection.endButton}
            </a>
          </p>
          <p class="hint">{say.connection.endNext}</p>
        </>
      )}
    </section>
  );
}
