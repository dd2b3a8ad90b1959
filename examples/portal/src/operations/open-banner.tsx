import { useEffect } from 'preact/hooks';
import type { Operation } from '../api/types.ts';
import { ToneIcon } from '../parts/icons.tsx';
import { usePhase } from '../parts/use-phase.ts';
import { usePortal } from '../portal-context.ts';
import { addressOf, type Route } from '../route.ts';
import { say } from '../sentences/sentences.ts';
import { isToldBy, openOf } from './open-operation.ts';
import { isApproved, waitsFor } from './waits-for.ts';

/** Stands on every page while a disconnect is under way, waiting or of unknown end. */
export function OpenBanner({ route }: { route: Route }) {
  const portal = usePortal();
  const { newest } = portal;
  const phase = usePhase();
  const open = openOf(phase, newest.value);
  const { disconnecting } = portal;
  // Its own page tells the rest.
  const arrived = phase.name === 'operation' && route.view === 'operation' && route.id === phase.operationId;
  useEffect(() => {
    if (arrived) disconnecting.leave();
  }, [arrived, disconnecting]);
  if (open === null || isToldBy(route, open)) return null;
  return (
    <aside class={`notice banner tone-${open.tone}`} aria-label={say.open.label}>
      <ToneIcon tone={open.tone} />
      <div class="notice-text">
        <p class="notice-title" role="status">
          {open.sentence}
        </p>
        <p>
          <a href={addressOf(open.to)}>
            {phase.name === 'idle' && newest.value !== null && waitsFor(portal, newest.value)
              ? stepOf(newest.value)
              : say.open.follow}
          </a>
        </p>
      </div>
    </aside>
  );
}

function stepOf(operation: Operation): string {
  return isApproved(operation) ? say.operations.carryOut : say.operations.decide;
}
