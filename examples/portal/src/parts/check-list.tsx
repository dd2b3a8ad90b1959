import type { DryRun, DryRunCheck } from '../api/types.ts';
import { say } from '../sentences/sentences.ts';
import { toldReason } from '../sentences/told.ts';
import { type Tone, ToneIcon } from './icons.tsx';

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
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function whyOf({ name, reason }: DryRunCheck): string | null {
  if (reason === null) return null;
  if (reason === 'write_permission_not_verifiable' || reason === 'not_reached') {
    return say.disconnect.reasonForCheck[reason];
  }
  if (name === 'reason' || name === 'ticket') return say.disconnect.fieldMissing[name];
  return toldReason(reason);
}
