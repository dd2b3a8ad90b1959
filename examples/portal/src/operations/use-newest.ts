import { useCallback, useEffect, useState } from 'preact/hooks';
import type { Api } from '../api/api.ts';
import type { Operation } from '../api/types.ts';
import type { Disconnecting } from '../disconnect/disconnecting.ts';
import { type Loaded, useLoad } from '../parts/use-load.ts';
import { addressOf, type Route } from '../route.ts';
import { isOver } from './timeline.ts';

/** How often an open operation is looked at while the page is in front, in milliseconds. Each look is on record. */
const everyMs = 30_000;

export type Newest = Loaded<Operation | null> & {
  /** A page that follows an operation tells what it has seen. */
  readonly setNewest: (operation: Operation) => void;
};

type What = {
  readonly api: Api;
  readonly disconnecting: Disconnecting;
  readonly route: Route;
  /** Whether the person may see operations. */
  readonly visible: boolean;
};

/** The tenant's newest operation; a tenant has one open operation at most, and it is that one. It is looked at with
 *  each page that comes up, when the wish to disconnect moves on, when the browser's tab comes to the front, and while
 *  one is open now and then. */
export function useNewest({ api, disconnecting, route, visible }: What): Newest {
  const page = addressOf(route);
  const loaded = useLoad(
    async () => (visible ? ((await api.operations(null, null, 1)).operations[0] ?? null) : null),
    [api, visible, page],
  );
  const [seen, setSeen] = useState<Seen | null>(null);
  const setNewest = useCallback((operation: Operation) => setSeen({ operation, at: Date.now() }), []);
  const value = newestOf(loaded, seen);

  const { reload } = loaded;
  useEffect(() => disconnecting.subscribe(reload), [disconnecting, reload]);
  const open = value !== null && !isOver(value);
  useEffect(() => {
    const look = () => {
      if (document.visibilityState === 'visible') reload();
    };
    document.addEventListener('visibilitychange', look);
    const timer = open ? setInterval(look, everyMs) : undefined;
    return () => {
      document.removeEventListener('visibilitychange', look);
      clearInterval(timer);
    };
  }, [open, reload]);
  return { ...loaded, value, setNewest };
}

type Seen = { readonly operation: Operation; readonly at: number };

/** An older operation that somebody looks at is not the newest. */
function newestOf(loaded: Loaded<Operation | null>, seen: Seen | null): Operation | null {
  if (seen === null || loaded.value === null) return loaded.value;
  const { operation, at } = seen;
  const isSame = operation.operationId === loaded.value.operationId;
  if (isSame ? at > loaded.at : operation.requestedAt > loaded.value.requestedAt) return operation;
  return loaded.value;
}
