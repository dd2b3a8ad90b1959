import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export type Loaded<Value> = {
  /** The last that was loaded; it stays while it is loaded again. */
  readonly value: Value | null;
  readonly error: unknown;
  readonly loading: boolean;
  /** When `value` was loaded, in milliseconds since the epoch. */
  readonly at: number;
  readonly reload: () => void;
};

/** Loads something when the view comes up, and again when `inputs` change or on demand. An answer that has
 *  been overtaken is dropped. */
export function useLoad<Value>(load: () => Promise<Value>, inputs: readonly unknown[]): Loaded<Value> {
  const [state, setState] = useState<Omit<Loaded<Value>, 'reload'>>({
    value: null,
    error: null,
    loading: true,
    at: 0,
  });
  const latest = useRef(0);
  const run = useCallback(() => {
    latest.current += 1;
    const mine = latest.current;
    setState((before) => ({ ...before, loading: true }));
    load().then(
      (value) => {
        if (mine === latest.current) setState({ value, error: null, loading: false, at: Date.now() });
      },
      (error: unknown) => {
        if (mine === latest.current) setState((before) => ({ ...before, error, loading: false }));
      },
    );
  }, inputs);
  useEffect(() => {
    run();
    return () => {
      latest.current += 1;
    };
  }, [run]);
  return { ...state, reload: run };
}
