import { useState } from 'preact/hooks';
import type { AuditActors } from '../api/types.ts';
import { usePortal } from '../portal-context.ts';
import { isGuid } from '../route.ts';

/** Whose events are wanted: `oid` is `null` for everybody's. Not found: the person is to be picked, or typed anew. */
export type Found = { readonly found: true; readonly oid: string | null } | { readonly found: false };

type State = {
  /** Several have that in their name. */
  readonly choice: AuditActors | null;
  readonly problem: 'none' | 'short' | null;
  readonly error: unknown;
};

const nothing: State = { choice: null, problem: null, error: null };

/** A person by name or object id: the API filters by ids, and finds the ids of a name. */
export function usePerson() {
  const { api } = usePortal();
  const [typed, setTyped] = useState('');
  const [state, setState] = useState<State>(nothing);

  const find = async (): Promise<Found> => {
    const wanted = typed.trim();
    setState(nothing);
    if (wanted === '') return { found: true, oid: null };
    if (isGuid(wanted)) return { found: true, oid: wanted };
    if (wanted.length < 2) return complain({ problem: 'short' });
    try {
      const { actors, complete } = await api.auditActors(wanted);
      const [only, ...others] = actors;
      if (only === undefined) return complain({ problem: 'none' });
      if (others.length === 0 && complete) return { found: true, oid: only.oid };
      return complain({ choice: { actors, complete } });
    } catch (error) {
      return complain({ error });
    }
  };
  const complain = (said: Partial<State>): Found => {
    setState({ ...nothing, ...said });
    return { found: false };
  };
  const type = (text: string) => {
    setTyped(text);
    setState(nothing);
  };
  return { ...state, typed, type, find, clear: () => type('') };
}

export type Person = ReturnType<typeof usePerson>;
