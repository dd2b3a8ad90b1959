import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { DryRun, DryRunCheck } from '../api/types.ts';
import { usePortal } from '../portal-context.ts';

type Wish = {
  readonly etag: string | null;
  readonly supersedes: string | null;
  readonly reason: string;
  readonly ticket: string;
};

type State = {
  readonly run: DryRun | null;
  /** What it was about. */
  readonly wish: Wish | null;
  readonly error: unknown;
  readonly running: boolean;
};

/** The dry run of a wish: once when the form comes up, and again on demand. Each is a call on record, so it
 *  does not follow every letter; `fresh` brings it up to date before anything is sent. */
export function useChecks(wish: Wish) {
  const { api } = usePortal();
  const [state, setState] = useState<State>({ run: null, wish: null, error: null, running: false });
  const latest = useRef(wish);
  latest.current = wish;
  const key = useRef(crypto.randomUUID());

  const look = useCallback(async (): Promise<DryRun | null> => {
    const asked = latest.current;
    setState((before) => ({ ...before, running: true }));
    try {
      const run = await api.dryRun({ ...asked, key: key.current });
      setState({ run, wish: asked, error: null, running: false });
      return run;
    } catch (error) {
      setState({ run: null, wish: null, error, running: false });
      return null;
    }
  }, [api]);

  useEffect(() => {
    void look();
  }, [look]);

  const fresh = async (): Promise<DryRun | null> => {
    const { run, wish: about } = state;
    if (run !== null && about !== null && run.would !== 'be_refused' && isSame(about, wish)) return run;
    return look();
  };
  return {
    ...state,
    look: () => void look(),
    fresh,
    failed: (name: DryRunCheck['name']) => state.run !== null && hasFailed(state.run, name),
  };
}

function hasFailed({ checks }: DryRun, wanted: DryRunCheck['name']): boolean {
  return checks.some(({ name, result }) => name === wanted && result === 'failed');
}

function isSame(one: Wish, other: Wish): boolean {
  return (
    one.etag === other.etag &&
    one.supersedes === other.supersedes &&
    one.reason === other.reason &&
    one.ticket === other.ticket
  );
}
