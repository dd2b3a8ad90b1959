import { useState } from 'preact/hooks';
import type { AuditFilters } from '../api/api.ts';
import { Field } from '../parts/field.tsx';
import { isGuid } from '../route.ts';
import { say } from '../sentences/sentences.ts';

export const noFilters: AuditFilters = { from: null, to: null, actor: null, event: null, operationId: null };

type Typed = Record<'from' | 'to' | 'actor' | 'event' | 'operationId', string>;

/** Which events are wanted. */
export function FilterForm(props: { filters: AuditFilters; onFilters: (filters: AuditFilters) => void }) {
  const [typed, setTyped] = useState<Typed>(() => typedOf(props.filters));
  const [tried, setTried] = useState(false);
  const wrong = { actor: isWrong(typed.actor), operationId: isWrong(typed.operationId) };
  const change = (name: keyof Typed, value: string) => setTyped((before) => ({ ...before, [name]: value }));

  return (
    <details class="card" open={Object.values(props.filters).some((value) => value !== null)}>
      <summary>
        <h2>{say.audit.filters}</h2>
      </summary>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (!wrong.actor && !wrong.operationId) props.onFilters(filtersOf(typed));
        }}
      >
        <div class="fields">
          <TimeField label={say.audit.from} value={typed.from} onValue={(value) => change('from', value)} />
          <TimeField label={say.audit.to} value={typed.to} onValue={(value) => change('to', value)} />
          <Field label={say.audit.event}>
            {(control) => (
              <select
                {...control}
                value={typed.event}
                onChange={(event) => change('event', event.currentTarget.value)}
              >
                <option value="">{say.audit.anyEvent}</option>
                {Object.entries(say.audit.events).map(([value, word]) => (
                  <option key={value} value={value}>
                    {word}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <IdField
            label={say.audit.actor}
            value={typed.actor}
            wrong={tried && wrong.actor}
            onValue={(value) => change('actor', value)}
          />
          <IdField
            label={say.audit.operation}
            value={typed.operationId}
            wrong={tried && wrong.operationId}
            onValue={(value) => change('operationId', value)}
          />
        </div>
        <p class="actions">
          <button type="submit" class="button primary">
            {say.audit.apply}
          </button>
          <button
            type="button"
            class="button"
            onClick={() => {
              setTyped(typedOf(noFilters));
              props.onFilters(noFilters);
            }}
          >
            {say.audit.clear}
          </button>
        </p>
      </form>
    </details>
  );
}

type ValueProps = {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
};

function TimeField({ label, value, onValue }: ValueProps) {
  return (
    <Field label={label}>
      {(control) => (
        <input
          {...control}
          type="datetime-local"
          value={value}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

function IdField({ label, value, wrong, onValue }: ValueProps & { wrong: boolean }) {
  return (
    <Field label={label} error={wrong ? say.audit.guidWrong : null}>
      {(control) => (
        <input
          {...control}
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={value}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

function isWrong(id: string): boolean {
  return id.trim() !== '' && !isGuid(id.trim());
}

function filtersOf({ from, to, actor, event, operationId }: Typed): AuditFilters {
  const given = (value: string) => (value.trim() === '' ? null : value.trim());
  // What is typed is the person's own time; the API takes a time with its zone.
  const moment = (value: string) => (value === '' ? null : new Date(value).toISOString());
  return {
    from: moment(from),
    to: moment(to),
    actor: given(actor),
    event: given(event),
    operationId: given(operationId),
  };
}

function typedOf({ actor, event, operationId }: AuditFilters): Typed {
  return { from: '', to: '', actor: actor ?? '', event: event ?? '', operationId: operationId ?? '' };
}
