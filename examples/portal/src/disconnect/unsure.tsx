import { useEffect, useRef } from 'preact/hooks';
import { FailureText } from '../parts/failure-notice.tsx';
import { ToneIcon } from '../parts/icons.tsx';
import { usePortal } from '../portal-context.ts';
import { addressOf } from '../route.ts';
import { say } from '../sentences/sentences.ts';
import type { Phase } from './disconnecting.ts';
import { askAgainAfter } from './intent.ts';

/** It was sent, and nobody can say what became of it. The truth, and the two ways to find out. */
export function Unsure({ phase }: { phase: Phase & { name: 'unsure' } }) {
  const { disconnecting } = usePortal();
  const { error, tries } = phase;
  const place = useRef<HTMLElement>(null);
  useEffect(() => place.current?.focus(), [phase]);
  // Only where the service says that the first try is running still: it will have an answer soon.
  useEffect(() => {
    const seconds = askAgainAfter(error);
    if (seconds === null) return;
    const timer = setTimeout(() => void disconnecting.sendAgain(), seconds * 1000);
    return () => clearTimeout(timer);
  }, [error, disconnecting]);

  return (
    <section class="notice tone-unsure" role="alert" tabIndex={-1} ref={place}>
      <ToneIcon tone="unsure" />
      <div class="notice-text">
        <h2>{say.disconnect.unsureTitle}</h2>
        {error === null && <p>{say.disconnect.unsureBefore}</p>}
        <p>{say.disconnect.unsure}</p>
        {tries > 1 && <p>{say.disconnect.sentAgain(tries)}</p>}
        {error !== null && <FailureText error={error} unsure />}
        {error !== null && tries > 1 && <p>{say.failure.laterTry}</p>}
        <p class="actions">
          <button type="button" class="button primary" onClick={() => void disconnecting.sendAgain()}>
            {say.disconnect.sendAgain}
          </button>
          <a class="button" href={addressOf({ view: 'operations' })}>
            {say.disconnect.lookAtOperations}
          </a>
          <button type="button" class="link-button" onClick={() => disconnecting.leave()}>
            {say.disconnect.giveUp}
          </button>
        </p>
        <p class="hint">{say.disconnect.giveUpHint}</p>
      </div>
    </section>
  );
}
