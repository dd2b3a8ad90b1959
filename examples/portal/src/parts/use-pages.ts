import { useState } from 'preact/hooks';
import { useLoad } from './use-load.ts';

export type Page<Item> = { readonly items: readonly Item[]; readonly nextCursor: string | null };

/** A list that comes in pages: the first when the view comes up or `inputs` change, the others on demand. */
export function usePages<Item>(
  load: (cursor: string | null) => Promise<Page<Item>>,
  inputs: readonly unknown[],
) {
  const [further, setFurther] = useState<{ first: object | null; pages: readonly Page<Item>[] }>({
    first: null,
    pages: [],
  });
  const [loadingMore, setLoadingMore] = useState(false);
  const [moreError, setMoreError] = useState<unknown>(null);
  const first = useLoad(() => load(null), inputs);

  // Further pages belong to the first they go on from.
  const pages =
    first.value === null ? [] : [first.value, ...(further.first === first.value ? further.pages : [])];
  const nextCursor = pages.at(-1)?.nextCursor ?? null;

  const more = async () => {
    if (nextCursor === null || loadingMore) return;
    setLoadingMore(true);
    setMoreError(null);
    try {
      const page = await load(nextCursor);
      setFurther({ first: first.value, pages: [...pages.slice(1), page] });
    } catch (error) {
      setMoreError(error);
    } finally {
      setLoadingMore(false);
    }
  };

  return {
    items: pages.flatMap(({ items }) => items),
    loaded: first.value !== null,
    loading: first.loading || loadingMore,
    error: first.error ?? moreError,
    hasMore: nextCursor !== null,
    more: () => void more(),
    reload: first.reload,
  };
}
