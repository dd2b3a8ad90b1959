import { ApiProblem } from '../api/failures.ts';
import type { Operation } from '../api/types.ts';
import { Facts } from '../parts/facts.tsx';
import { ToneIcon } from '../parts/icons.tsx';
import { When } from '../parts/when.tsx';
import { usePortal } from '../portal-context.ts';
import { say } from '../sentences/sentences.ts';
import { ReasonForm } from './reason-form.tsx';

type Props = {
  readonly operation: Operation;
  /** Of the operation as it is shown here: what is decided is decided about that. */
  readonly etag: string | null;
  readonly onDone: (sentence: string) => void;
  /** It has moved since: there is nothing left to decide here. */
  readonly onOvertaken: (error: ApiProblem) => void;
};

/** The second person's decision, beside what it is about. */
export function DecideForm({ operation, etag, onDone, onOvertaken }: Props) {
  const { api } = usePortal();
  const decide = async (decision: 'approve' | 'reject', reason: string) => {
    try {
      await api.decide(operation.operationId, decision, { reason, etag });
    } catch (error) {
      if (isOvertaken(error)) onOvertaken(error);
      throw error;
    }
    return decision === 'approve' ? say.operation.approved : say.operation.rejected;
  };
  return (
    <ReasonForm
      title={say.operation.decideTitle}
      hint={say.operation.decideHint}
      onDone={onDone}
      choices={[
        { label: say.operation.approve, isMain: true, choose: (reason) => decide('approve', reason) },
        { label: say.operation.reject, isMain: false, choose: (reason) => decide('reject', reason) },
      ]}
    >
      <WhatItIsAbout operation={operation} />
    </ReasonForm>
  );
}

function WhatItIsAbout({ operation }: { operation: Operation }) {
  const { requester, reason, ticket, connection, requestedAt, irreversible, consequence } = operation;
  const { about } = say.operation;
  const since = connection.lastModified;
  return (
    <>
      <p class={`would tone-${irreversible ? 'bad' : 'wait'}`}>
        <ToneIcon tone={irreversible ? 'bad' : 'wait'} />
        {irreversible ? say.operation.ifCarriedOut : consequence}
      </p>
      <Facts
        facts={[
          [about.requester, requester.name ?? requester.oid],
          [about.requestedAt, <When key="at" at={requestedAt} />],
          [about.reason, reason ?? say.operation.notGiven],
          [about.ticket, ticket ?? say.operation.notGiven],
          [about.owner, connection.owner ?? say.connection.noOwner],
          [about.since, since && !since.startsWith('0001-') && <When at={since} />],
          [about.connectionId, <code key="id">{connection.id}</code>],
        ]}
      />
    </>
  );
}

function isOvertaken(error: unknown): error is ApiProblem {
  return (
    error instanceof ApiProblem &&
    (error.problem.code === 'operation_changed' || error.problem.code === 'operation_not_allowed')
  );
}
