import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Api } from './api/api.ts';
import type { Operation, Profile } from './api/types.ts';
import type { Disconnecting } from './disconnect/disconnecting.ts';

/** What every view has at hand. */
export type Portal = {
  readonly api: Api;
  readonly me: Profile;
  readonly may: (permission: Profile['permissions'][number]) => boolean;
  readonly disconnecting: Disconnecting;
  /** Tells the frame of the tenant's newest operation: a tenant has one open operation at most, and it is
   *  that one. */
  readonly setNewest: (operation: Operation | null) => void;
};

export const PortalContext = createContext<Portal | null>(null);

export function usePortal(): Portal {
  const portal = useContext(PortalContext);
  if (portal === null) throw new Error('There is no portal around this.');
  return portal;
}
