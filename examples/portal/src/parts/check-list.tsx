import type { DryRun, DryRunCheck } from '../api/types.ts';
import { say } from '../sentences/sentences.ts';
import { told } from '../sentences/told.ts';
import { Particulars } from './failure-notice.tsx';
import { ToneIcon } from './icons.tsx';
import type { Tone } from './tone.ts';

const tones: Record<DryRunCheck['result'], Tone> = { passed: 'good', failed: 'bad', not_checkable: 'unsure' };

/** What a dry run has looked at, and what each look has shown. */
export function CheckList({ checks }: Pick<DryRun, 'checks'>) {
  return (
    <ul class="checks">
      {checks.map((check) => {
        const why = whyOf(check);
        return (
          <li key={check.name} class={`tone-${tones[check.result]}`}>
            <ToneIcon tone={tones[check.result]} />
            <div>
              <p>
                {say.disconnect.checks[check.name] ?? check.name}
                <span class="check-result">{say.disconnect.results[check.result]}</span>
              </p>
              {why !== null && <p class="hint">{why}</p>}
              {check.result === 'failed' && <Particulars problem={check} />}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function whyOf({ code, title = '', hint = '' }: DryRunCheck): string | null {
  if (code === null) return null;
  const { reasonForCheck } = say.disconnect;
  if (isIn(reasonForCheck, code)) return reasonForCheck[code];
  const { what, next } = told({ code, title, hint });
  return `${what} ${next}`;
}

function isIn<Names extends object>(names: Names, name: PropertyKey): name is keyof Names {
  return Object.hasOwn(names, name);
}
