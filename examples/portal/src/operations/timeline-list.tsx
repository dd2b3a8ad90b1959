import type { Operation } from '../api/types.ts';
import { ToneIcon } from '../parts/icons.tsx';
import type { Tone } from '../parts/tone.ts';
import { When } from '../parts/when.tsx';
import { say } from '../sentences/sentences.ts';
import { toneOf } from './status-badge.tsx';
import { type Step, timelineOf, type Watched } from './timeline.ts';

/** The operation's life on a line. */
export function TimelineList({ operation, watched }: { operation: Operation; watched: Watched }) {
  return (
    <ol class="timeline">
      {timelineOf(operation, watched).map((step) => (
        <li
          key={step.name}
          class={`timeline-${step.state} tone-${toneOfStep(step, operation)}`}
          aria-current={step.state === 'now' ? 'step' : undefined}
        >
          <ToneIcon tone={toneOfStep(step, operation)} />
          <div>
            <p class="timeline-name">
              {say.operation.steps[step.name]}
              <span class="only-heard">, {say.operation.states[step.state]}</span>
            </p>
            {step.when !== null && (
              <p class="hint">
                <When at={step.when} />
              </p>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}

function toneOfStep({ name, state }: Step, { status }: Operation): Tone {
  if (state === 'ahead') return 'quiet';
  if (state === 'done') return name === 'unknown' ? 'unsure' : 'good';
  return name === 'superseded' ? 'quiet' : toneOf(status);
}
