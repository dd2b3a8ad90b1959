import { useState } from 'preact/hooks';
import type { AuditFilters } from '../api/api.ts';
import { Field } from '../parts/field.tsx';
import { isGuid } from '../route.ts';
import { say } from '../sentences/sentences.ts';
import { timeZone } from '../sentences/times.ts';
import { PersonField } from './person-field.tsx';
import { usePerson } from './use-person.ts';

/** What people look for: not who looked. */
export const usualFilters: AuditFilters = {
  from: null,
  to: null,
  actor: null,
  event: null,
  operationId: null,
  reads: 'false',
};

type Typed = Record<'from' | 'to' | 'event' | 'operationId', string>;

type Props = { readonly filters: AuditFilters; readonly onFilters: (filters: AuditFilters) => void };

/** Which events are wanted. */
export function FilterForm({ filters, onFilters }: Props) {
  const [typed, setTyped] = useState<Typed>(() => typedOf(filters));
  const [tried, setTried] = useState(false);
  const person = usePerson();
  const wrong = isWrong(typed.operationId);
  const change = (name: keyof Typed, value: string) => setTyped((before) => ({ ...before, [name]: value }));
  const apply = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (wrong) return;
    const actor = await person.find();
    if (actor.found) onFilters({ ...filtersOf(typed, filters.reads), actor: actor.oid });
  };

  return (
    <>
      <p class="switch">
        <label>
          <input
            type="checkbox"
            checked={filters.reads === 'false'}
            onChange={({ currentTarget: { checked } }) =>
              onFilters({ ...filters, reads: checked ? 'false' : null })
            }
          />
          {say.audit.reads}
        </label>
      </p>
      <details class="card" open={isNarrowed(filters)}>
        <summary>
          <h2>{say.audit.filters}</h2>
        </summary>
        <form noValidate onSubmit={(event) => void apply(event)}>
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
            <PersonField
              person={person}
              onPick={(actor) => onFilters({ ...filtersOf(typed, filters.reads), actor })}
            />
            <Field label={say.audit.operation} error={tried && wrong ? say.audit.guidWrong : null}>
              {(control) => (
                <input
                  {...control}
                  type="text"
                  autocomplete="off"
                  spellcheck={false}
                  value={typed.operationId}
                  onInput={(event) => change('operationId', event.currentTarget.value)}
                />
              )}
            </Field>
          </div>
          <p class="hint">{say.audit.zone(timeZone())}</p>
          <p class="actions">
            <button type="submit" class="button primary">
              {say.audit.apply}
            </button>
            <button
              type="button"
              class="button"
              onClick={() => {
                setTyped(typedOf(usualFilters));
                person.clear();
                onFilters(usualFilters);
              }}
            >
              {say.audit.clear}
            </button>
          </p>
        </form>
      </details>
    </>
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

function isNarrowed({ reads: _, ...filters }: AuditFilters): boolean {
  return Object.values(filters).some((value) => value !== null);
}

function isWrong(id: string): boolean {
  return id.trim() !== '' && !isGuid(id.trim());
}

function filtersOf({ from, to, event, operationId }: Typed, reads: AuditFilters['reads']): AuditFilters {
  const given = (value: string) => (value.trim() === '' ? null : value.trim());
  // What is typed is the person's own time; the API takes a time with its zone.
  const moment = (value: string) => (value === '' ? null : new Date(value).toISOString());
  return {
    from: moment(from),
    to: moment(to),
    actor: null,
    event: given(event),
    operationId: given(operationId),
    // Who asks for reads wants to see them.
    reads: event === 'read' ? null : reads,
  };
}

function typedOf({ event, operationId }: AuditFilters): Typed {
  return { from: '', to: '', event: event ?? '', operationId: operationId ?? '' };
}
