import { useState } from 'preact/hooks';
import type { AuditEvent } from '../api/types.ts';
import { Badge } from '../parts/badge.tsx';
import { Facts } from '../parts/facts.tsx';
import type { Tone } from '../parts/tone.ts';
import { When } from '../parts/when.tsx';
import { usePortal } from '../portal-context.ts';
import { addressOf } from '../route.ts';
import { say } from '../sentences/sentences.ts';
import { dateTime, duration } from '../sentences/times.ts';
import { toldReason } from '../sentences/told.ts';
import { type Outcome, outcomeOf } from './buckets.ts';
import type { ChainProof } from './proof.ts';

const tones: Record<Outcome, Tone> = { done: 'good', open: 'wait', refused: 'bad', unknown: 'unsure' };

type Props = { readonly events: readonly AuditEvent[]; readonly proof: ChainProof | null };

/** The events, newest first, each with its details and its proof. */
export function EventList({ events, proof }: Props) {
  const { columns } = say.audit;
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">{columns.when}</th>
          <th scope="col">{columns.who}</th>
          <th scope="col">{columns.what}</th>
          <th scope="col">{columns.result}</th>
          <th scope="col">
            <span class="only-heard">{columns.details}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <EventRows key={event.id} event={event} proof={proof} />
        ))}
      </tbody>
    </table>
  );
}

function EventRows({ event, proof }: { event: AuditEvent; proof: ChainProof | null }) {
  const [open, setOpen] = useState(false);
  const { columns } = say.audit;
  const what = `${say.audit.events[event.event] ?? event.event}: ${say.audit.actions[event.action] ?? event.action}`;
  const place = `event-${event.id}`;
  return (
    <>
      <tr>
        <td data-column={columns.when}>
          <When at={event.time} />
        </td>
        <td data-column={columns.who}>{event.actor.name ?? event.actor.oid}</td>
        <td data-column={columns.what}>{what}</td>
        <td data-column={columns.result}>
          <Badge tone={tones[outcomeOf(event)]} word={say.audit.results[event.result] ?? event.result} />
        </td>
        <td>
          <button
            type="button"
            class="link-button"
            aria-expanded={open}
            aria-controls={open ? place : undefined}
            aria-label={say.audit.detailsOf(what, dateTime(event.time))}
            onClick={() => setOpen(!open)}
          >
            {say.audit.details}
          </button>
        </td>
      </tr>
      {open && (
        <tr class="list-details" id={place}>
          <td colSpan={5}>
            <EventFacts event={event} />
            <Proof event={event} proof={proof} />
          </td>
        </tr>
      )}
    </>
  );
}

function EventFacts({ event }: { event: AuditEvent }) {
  const { may } = usePortal();
  const { fields } = say.audit;
  const { operationId, move, failure } = event;
  return (
    <Facts
      facts={[
        [fields.reason, event.reason],
        [fields.ticket, event.ticket],
        [fields.failure, failure && `${toldReason(failure)} (${failure})`],
        [fields.move, move && say.audit.moved(statusWord(move.from), statusWord(move.to))],
        [fields.value, event.value],
        [fields.explanation, event.explanation],
        [
          fields.operationId,
          operationId &&
            (may('read_connection') ? (
              <a href={addressOf({ view: 'operation', id: operationId })}>
                <code>{operationId}</code>
              </a>
            ) : (
              <code>{operationId}</code>
            )),
        ],
        [fields.duration, event.durationMs === null ? null : duration(event.durationMs)],
        [fields.objectId, <code key="oid">{event.actor.oid}</code>],
        [fields.kind, say.audit.kinds[event.actor.kind]],
        [fields.portal, <code key="portal">{event.actor.clientId}</code>],
        [fields.address, <code key="address">{event.source.address}</code>],
        [fields.requestId, <code key="request">{event.requestId}</code>],
        [fields.graphRequestId, event.graphRequestId && <code>{event.graphRequestId}</code>],
        [fields.id, <code key="id">{event.id}</code>],
      ]}
    />
  );
}

function Proof({ event, proof }: { event: AuditEvent; proof: ChainProof | null }) {
  const { proofFields } = say.audit;
  const own = proof?.events.get(event.id);
  if (proof === null || own === undefined) return <p class="hint">{say.audit.notProven}</p>;
  const covered = proof.checkpoints.find((number) => number >= own.number);
  return (
    <>
      <h3>{say.audit.proofTitle}</h3>
      <Facts
        facts={[
          [proofFields.number, String(own.number)],
          [proofFields.covered, covered === undefined ? say.audit.notCovered : say.audit.coveredBy(covered)],
          [proofFields.digest, <code key="digest">{own.digest}</code>],
          [proofFields.previousLink, <code key="previous">{own.previousLink}</code>],
          [proofFields.link, <code key="link">{own.link}</code>],
        ]}
      />
    </>
  );
}

function statusWord(status: NonNullable<AuditEvent['move']>['from']): string {
  return status === null ? say.audit.beginning : (say.audit.results[status] ?? status);
}
