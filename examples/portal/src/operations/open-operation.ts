import type { Operation } from '../api/types.ts';
import type { Phase } from '../disconnect/disconnecting.ts';
import type { Tone } from '../parts/tone.ts';
import { addressOf, type Route } from '../route.ts';
import { say } from '../sentences/sentences.ts';
import { isOver } from './timeline.ts';

/** What the frame tells on every page while a disconnect is open, and the way to it. */
export type Open = { readonly sentence: string; readonly tone: Tone; readonly to: Route };

/** What is open: a wish of this page's that has no certain answer yet, or the tenant's operation. `null`: nothing. */
export function openOf(phase: Phase, newest: Operation | null): Open | null {
  const toWish: Route = { view: 'disconnect', supersedes: null };
  switch (phase.name) {
    case 'sending':
      return { sentence: say.open.sending, tone: 'busy', to: toWish };
    case 'unsure':
      return { sentence: say.open.unsure, tone: 'unsure', to: toWish };
    case 'refused':
      return { sentence: say.open.refused, tone: 'bad', to: toWish };
    case 'operation':
      return {
        sentence: say.open.operation,
        tone: 'busy',
        to: { view: 'operation', id: phase.operationId },
      };
    case 'idle':
      return newest === null || isOver(newest) ? null : openOperation(newest);
  }
}

function openOperation({ status, operationId }: Operation): Open {
  // A status that is younger than this portal is open all the same.
  const sentence = say.open.statuses[status] ?? null;
  return {
    sentence: sentence ?? say.open.other,
    tone: status === 'unknown' || sentence === null ? 'unsure' : 'wait',
    to: { view: 'operation', id: operationId },
  };
}

/** Whether that page tells it itself, more exactly. */
export function isToldBy(route: Route, { to }: Open): boolean {
  return route.view === to.view && addressOf(route).split('?')[0] === addressOf(to);
}
