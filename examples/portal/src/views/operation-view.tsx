import { useEffect, useState } from 'preact/hooks';
import type { ApiProblem } from '../api/failures.ts';
import type { OperationNow } from '../api/types.ts';
import { DecideForm } from '../operations/decide-form.tsx';
import { ExecuteForm } from '../operations/execute-form.tsx';
import { StatusBadge } from '../operations/status-badge.tsx';
import { isOver, type Watched } from '../operations/timeline.ts';
import { TimelineList } from '../operations/timeline-list.tsx';
import { useOperation } from '../operations/use-operation.ts';
import { isApproved, mayBeTakenOver, waitsForIntune } from '../operations/waits-for.ts';
import { WithdrawForm } from '../operations/withdraw-form.tsx';
import { Facts } from '../parts/facts.tsx';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { useNow } from '../parts/use-now.ts';
import { ViewTitle } from '../parts/view-title.tsx';
import { usePortal } from '../portal-context.ts';
import { addressOf } from '../route.ts';
import { say } from '../sentences/sentences.ts';
import { dateTime, duration } from '../sentences/times.ts';
import { toldCode } from '../sentences/told.ts';

/** One disconnect, live to its true end. */
export function OperationView({ id }: { id: string }) {
  const { operation, etag, readAt, watched, error, givenUp, watch } = useOperation(id);
  const [said, setSaid] = useState('');
  const [overtaken, setOvertaken] = useState<ApiProblem | null>(null);
  // When it was sent from here and no answer came: what was read before that may be out of date.
  const [unsureAt, setUnsureAt] = useState<number | null>(null);
  const unsure = unsureAt !== null && unsureAt >= readAt;
  return (
    <>
      <ViewTitle title={say.operation.title}>
        <p>
          <a href={addressOf({ view: 'operations' })}>{say.operation.back}</a>
        </p>
      </ViewTitle>
      {error !== null && (
        <FailureNotice
          error={error}
          onTryAgain={givenUp ? watch : undefined}
          {...(!givenUp && { title: say.operation.notReached })}
        />
      )}
      {operation === null && error === null && <p role="status">{say.portal.loading}</p>}
      {operation !== null && (
        <>
          {overtaken !== null && <FailureNotice error={overtaken} takesFocus />}
          <Standing operation={operation} watched={watched} unsure={unsure} />
          <NextStep
            operation={operation}
            etag={etag}
            unsure={unsure}
            onSent={(unsure) => {
              setUnsureAt(unsure ? Date.now() : null);
              watch();
            }}
            onOvertaken={(problem) => {
              setOvertaken(problem);
              watch();
            }}
            onDone={(sentence) => {
              setOvertaken(null);
              setSaid(sentence);
              watch();
            }}
          />
          <p role="status" class="only-heard">
            {said}
          </p>
          <Details operation={operation} />
        </>
      )}
    </>
  );
}

type StandingProps = {
  readonly operation: OperationNow;
  readonly watched: Watched;
  readonly unsure: boolean;
};

function Standing({ operation, watched, unsure }: StandingProps) {
  const { status, value, tookMs, expiresAt, supersededBy, readFailed } = operation;
  const { word, sentence } = say.operations.statuses[status] ?? { word: status, sentence: '' };
  const over = isOver(operation);
  const waiting = status === 'awaiting_approval' || isApproved(operation) || waitsForIntune(operation);
  return (
    <section class="card">
      <p class="state">
        <StatusBadge status={unsure ? 'unknown' : status} />
      </p>
      <p>
        {unsure ? say.operation.executeUnsure : supersededBy === null ? sentence : say.operations.superseded}
      </p>
      {value !== null && <p>{say.operation.graphSaid(value)}</p>}
      {waiting && !unsure && expiresAt !== null && <p>{say.operation.untilWhen(dateTime(expiresAt))}</p>}
      {tookMs !== null && <p>{say.operation.took(duration(tookMs))}</p>}
      {readFailed !== null && (
        <p class="notice tone-unsure">
          {say.operation.notUpToDate} {toldCode(readFailed)}
        </p>
      )}
      <h2>{say.operation.timeline}</h2>
      <TimelineList operation={operation} watched={watched} />
      <p class="hint">{over ? say.operation.over : say.operation.watching}</p>
      <Announced sentence={`${say.operation.nowAt(word)} ${sentence}`} />
    </section>
  );
}

/** Says aloud what changes, and not what stood there from the beginning. */
function Announced({ sentence }: { sentence: string }) {
  const [first] = useState(sentence);
  const [changed, setChanged] = useState(false);
  useEffect(() => {
    if (sentence !== first) setChanged(true);
  }, [sentence, first]);
  return (
    <p role="status" class="only-heard">
      {changed || sentence !== first ? sentence : ''}
    </p>
  );
}

type NextStepProps = {
  readonly operation: OperationNow;
  readonly etag: string | null;
  readonly unsure: boolean;
  readonly onSent: (unsure: boolean) => void;
  readonly onDone: (sentence: string) => void;
  readonly onOvertaken: (error: ApiProblem) => void;
};

/** What this person can do about it, or who can. */
function NextStep({ operation, etag, unsure, onSent, onDone, onOvertaken }: NextStepProps) {
  const { me, may } = usePortal();
  const now = useNow(30_000);
  const mine = operation.requester.oid === me.oid;
  if (operation.status === 'awaiting_approval') {
    if (mine) {
      return (
        <>
          <p class="card">{say.operation.ownWaits}</p>
          {may('disconnect') && <WithdrawForm operation={operation} etag={etag} onDone={onDone} />}
        </>
      );
    }
    if (!may('approve')) return null;
    return <DecideForm operation={operation} etag={etag} onDone={onDone} onOvertaken={onOvertaken} />;
  }
  if (operation.status === 'awaiting_intune_approval') {
    return (
      <section class="card">
        <p>{mine ? say.operation.ownWaitsForIntune : say.operation.waitsForIntune}</p>
        <p>{say.operation.takeBackInIntune}</p>
      </section>
    );
  }
  if (isApproved(operation)) {
    if (!mine) return <p class="card">{say.operation.executeOther}</p>;
    if (!may('disconnect')) return null;
    if (waitsForIntune(operation)) {
      return (
        <>
          <ExecuteForm operation={operation} onSent={onSent} />
          <p class="card">{say.operation.takeBackInIntune}</p>
        </>
      );
    }
    return (
      <>
        <ExecuteForm operation={operation} onSent={onSent} />
        {!unsure && <WithdrawForm operation={operation} etag={etag} onDone={onDone} />}
      </>
    );
  }
  if (may('disconnect') && mayBeTakenOver(operation, now)) {
    return (
      <section class="card">
        <p>{say.operation.takeOverHint}</p>
        <p class="actions">
          <a class="button" href={addressOf({ view: 'disconnect', supersedes: operation.operationId })}>
            {say.operation.takeOver}
          </a>
        </p>
      </section>
    );
  }
  return null;
}

function Details({ operation }: { operation: OperationNow }) {
  const { may } = usePortal();
  const { operationId, requester, approval, intuneApproval, connection, concludedFrom } = operation;
  const { supersedes, supersededBy } = operation;
  const { operation: names } = say;
  return (
    <section class="card">
      <h2>{names.details}</h2>
      <Facts
        facts={[
          [names.requester, requester.name ?? requester.oid],
          [names.reason, operation.reason],
          [names.ticket, operation.ticket],
          [names.approver, approval?.approver.name ?? approval?.approver.oid],
          [names.approverReason, approval?.reason],
          [names.intuneCode, intuneApproval && <code key="code">{intuneApproval.code}</code>],
          [names.owner, connection.owner],
          [names.connectionId, <code key="connection">{connection.id}</code>],
          [names.concludedFrom, concludedFrom && (names.conclusions[concludedFrom] ?? concludedFrom)],
          [names.explanation, operation.explanation],
          [names.requestId, <code key="request">{operation.requestId}</code>],
          [names.supersedes, supersedes && <OperationLink id={supersedes} />],
          [names.supersededBy, supersededBy && <OperationLink id={supersededBy} />],
          [
            names.trail,
            may('read_audit') && <a href={addressOf({ view: 'audit', operationId })}>{names.trailLink}</a>,
          ],
        ]}
      />
    </section>
  );
}

function OperationLink({ id }: { id: string }) {
  return (
    <a href={addressOf({ view: 'operation', id })}>
      <code>{id}</code>
    </a>
  );
}
