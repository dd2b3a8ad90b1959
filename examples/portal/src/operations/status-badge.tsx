import type { OperationStatus } from '../api/types.ts';
import { Badge } from '../parts/badge.tsx';
import type { Tone } from '../parts/tone.ts';
import { say } from '../sentences/sentences.ts';

const tones: Record<OperationStatus, Tone> = {
  awaiting_approval: 'wait',
  approved: 'wait',
  sent: 'busy',
  awaiting_intune_approval: 'wait',
  approved_in_intune: 'wait',
  accepted: 'busy',
  completed: 'good',
  failed: 'bad',
  unknown: 'unsure',
  rejected: 'bad',
  expired: 'quiet',
  withdrawn: 'quiet',
};

export function toneOf(status: OperationStatus): Tone {
  return tones[status] ?? 'unsure';
}

/** Where an operation stands, in a word. */
export function StatusBadge({ status }: { status: OperationStatus }) {
  return <Badge tone={toneOf(status)} word={say.operations.statuses[status]?.word ?? status} />;
}
