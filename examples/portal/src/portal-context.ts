import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Api } from './api/api.ts';
import type { Profile } from './api/types.ts';
import type { Disconnecting } from './disconnect/disconnecting.ts';
import type { Newest } from './operations/use-newest.ts';

/** What every view has at hand. */
export type Portal = {
  readonly api: Api;
  readonly me: Profile;
  readonly may: (permission: Profile['permissions'][number]) => boolean;
  readonly disconnecting: Disconnecting;
  readonly newest: Newest;
};

export const PortalContext = createContext<Portal | null>(null);

export function usePortal(): Portal {
  const portal = useContext(PortalContext);
  if (portal === null) throw new Error('There is no portal around this.');
  return portal;
}
