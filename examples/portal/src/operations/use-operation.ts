import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiProblem, SignInAbandoned } from '../api/failures.ts';
import type { OperationNow, OperationStatus } from '../api/types.ts';
import { usePortal } from '../portal-context.ts';
import { isOver, type Watched } from './timeline.ts';

/** How long the service may hold an answer back until something changes, in seconds. It tells a change from
 *  where the operation stands when the call arrives: one that came just before is told when the time is up,
 *  so while it is being sent that time is short. */
function waitSecondsAt(status: OperationStatus): number {
  return status === 'sent' ? 5 : 20;
}

/** What is waited after a failure, in milliseconds, where the service does not say. */
const afterFailureMs = 5000;

export type Watching = {
  readonly operation: OperationNow | null;
  /** Of the operation as it is shown. */
  readonly etag: string | null;
  /** When what is shown was asked for, in milliseconds since the epoch. */
  readonly readAt: number;
  readonly watched: Watched;
  /** Why it could not be read just now; it is asked again all the same, unless `givenUp`. */
  readonly error: unknown;
  readonly givenUp: boolean;
  /** Watches again: after a decision, or after having given up. */
  readonly watch: () => void;
};

/** Follows an operation to its end: one call after the other, each answered when something changes. */
export function useOperation(id: string): Watching {
  const {
    api,
    newest: { setNewest },
  } = usePortal();
  const [state, setState] = useState<Omit<Watching, 'watch'>>({
    operation: null,
    etag: null,
    readAt: 0,
    watched: {},
    error: null,
    givenUp: false,
  });
  const [round, setRound] = useState(0);

  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const follow = async () => {
      let wait = 0;
      while (!signal.aborted) {
        try {
          const readAt = Date.now();
          const { operation, etag, retryAfter } = await api.operation(id, wait, signal);
          setState(({ watched }) => ({
            operation,
            etag,
            readAt,
            watched: { ...watched, [operation.status]: operation.movedAt },
            error: null,
            givenUp: false,
          }));
          setNewest(operation);
          if (isOver(operation)) return;
          // The first look is answered at once; the others wait. One that came back without waiting, since
          // Graph could not be read, must not be followed by the next at once.
          if (wait > 0 && operation.readFailed !== null) await pause((retryAfter ?? 5) * 1000, signal);
          wait = waitSecondsAt(operation.status);
        } catch (error) {
          if (signal.aborted) return;
          const givenUp = isHopeless(error);
          setState((before) => ({ ...before, error, givenUp }));
          if (givenUp) return;
          const seconds = error instanceof ApiProblem ? error.retryAfter : null;
          await pause(seconds === null ? afterFailureMs : seconds * 1000, signal);
        }
      }
    };
    void follow();
    return () => stop.abort();
  }, [api, id, round, setNewest]);

  return { ...state, watch: useCallback(() => setRound((before) => before + 1), []) };
}

/** Whether asking again by itself is of no use: a person has to do something first. */
function isHopeless(error: unknown): boolean {
  if (error instanceof SignInAbandoned) return true;
  return error instanceof ApiProblem && error.problem.status < 500 && error.problem.status !== 429;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
