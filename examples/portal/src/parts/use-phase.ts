import { useEffect, useState } from 'preact/hooks';
import type { Phase } from '../disconnect/disconnecting.ts';
import { usePortal } from '../portal-context.ts';

/** Where the wish to disconnect stands. */
export function usePhase(): Phase {
  const { disconnecting } = usePortal();
  const [phase, setPhase] = useState(disconnecting.phase);
  useEffect(() => {
    const follow = () => setPhase(disconnecting.phase);
    follow();
    return disconnecting.subscribe(follow);
  }, [disconnecting]);
  return phase;
}
