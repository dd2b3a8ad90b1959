import { FailureNotice } from '../parts/failure-notice.tsx';
import { Field } from '../parts/field.tsx';
import { say } from '../sentences/sentences.ts';
import { dateTime } from '../sentences/times.ts';
import type { Person } from './use-person.ts';

/** Whose events, by name or object id. */
export function PersonField({ person, onPick }: { person: Person; onPick: (oid: string) => void }) {
  const { typed, type, choice, problem, error } = person;
  return (
    <div>
      <Field
        label={say.audit.actor}
        hint={say.audit.actorHint}
        error={problem === null ? null : problem === 'short' ? say.audit.actorShort : say.audit.actorNotFound}
      >
        {(control) => (
          <input
            {...control}
            type="text"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            maxLength={200}
            value={typed}
            onInput={(event) => type(event.currentTarget.value)}
          />
        )}
      </Field>
      {error !== null && <FailureNotice error={error} />}
      {choice !== null && (
        <div role="status">
          <p>{say.audit.actorWhich}</p>
          <ul class="choices">
            {choice.actors.map(({ oid, name, lastSeen }) => (
              <li key={oid}>
                <button
                  type="button"
                  class="link-button"
                  onClick={() => {
                    type(name);
                    onPick(oid);
                  }}
                >
                  {name}
                </button>{' '}
                <span class="hint">{say.audit.actorLastSeen(dateTime(lastSeen))}</span>
              </li>
            ))}
          </ul>
          {!choice.complete && <p class="hint">{say.audit.actorMore}</p>}
        </div>
      )}
    </div>
  );
}
