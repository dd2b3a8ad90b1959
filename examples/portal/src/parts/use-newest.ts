import type { Operation } from '../api/types.ts';
import { usePortal } from '../portal-context.ts';
import { type Loaded, useLoad } from './use-load.ts';

/** The tenant's newest operation; `null` where there is none. The frame hears of it too. */
export function useNewest(): Loaded<Operation | null> {
  const { api, setNewest } = usePortal();
  return useLoad(async () => {
    const { operations } = await api.operations(null, null);
    const newest = operations[0] ?? null;
    setNewest(newest);
    return newest;
  }, [api, setNewest]);
}
