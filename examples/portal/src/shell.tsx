import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Api } from './api/api.ts';
import type { Operation, Profile } from './api/types.ts';
import { Disconnecting } from './disconnect/disconnecting.ts';
import { OpenBanner } from './operations/open-banner.tsx';
import { useNewest } from './operations/use-newest.ts';
import { waitsFor } from './operations/waits-for.ts';
import { FailureNotice } from './parts/failure-notice.tsx';
import { Mark } from './parts/icons.tsx';
import { useLoad } from './parts/use-load.ts';
import { ViewTitle } from './parts/view-title.tsx';
import { type Portal, PortalContext } from './portal-context.ts';
import { addressOf, type Route, routeOf } from './route.ts';
import { say } from './sentences/sentences.ts';
import { AuditView } from './views/audit-view.tsx';
import { ConnectionView } from './views/connection-view.tsx';
import { DisconnectView } from './views/disconnect-view.tsx';
import { NowhereView } from './views/nowhere-view.tsx';
import { OperationView } from './views/operation-view.tsx';
import { OperationsView } from './views/operations-view.tsx';
import { YouView } from './views/you-view.tsx';

/** What a signed-in person sees: who they are, the sections they may use, and a view. */
export function Shell({ api, onSignOut }: { api: Api; onSignOut: () => void }) {
  const me = useLoad(() => api.me(), [api]);
  if (me.value === null) {
    return (
      <Frame me={null} sections={[]}>
        {me.error === null ? (
          <p role="status">{say.portal.loading}</p>
        ) : (
          <>
            <ViewTitle title={say.portal.notAdmitted} />
            <FailureNotice error={me.error} onTryAgain={me.reload} />
            <p class="actions">
              <button type="button" class="button" onClick={onSignOut}>
                {say.you.signOut}
              </button>
            </p>
          </>
        )}
      </Frame>
    );
  }
  return <SignedIn api={api} me={me.value} onSignOut={onSignOut} />;
}

function SignedIn({ api, me, onSignOut }: { api: Api; me: Profile; onSignOut: () => void }) {
  const asked = useRoute();
  const own = useMemo(() => {
    const disconnecting = new Disconnecting({
      send: (call) => api.disconnect(call),
      keeping: sessionStorage,
      newKey: () => crypto.randomUUID(),
    });
    return { api, me, disconnecting, may: mayOf(me) };
  }, [api, me]);

  useEffect(() => {
    own.disconnecting.restore(me.oid);
    if (own.disconnecting.phase.name === 'unsure') {
      location.hash = addressOf({ view: 'disconnect', supersedes: null });
    }
  }, [own, me]);
  const route = admitted(asked, own);
  const newest = useNewest({ ...own, route, visible: own.may('read_connection') });
  const portal: Portal = { ...own, newest };
  return (
    <PortalContext.Provider value={portal}>
      <Frame me={me} sections={sectionsOf(portal, route, newest.value)}>
        <OpenBanner route={route} />
        <View route={route} onSignOut={onSignOut} />
      </Frame>
    </PortalContext.Provider>
  );
}

function mayOf({ permissions }: Profile): Portal['may'] {
  return (permission) => permissions.includes(permission);
}

// The start is the connection, for those who may see it.
function admitted(route: Route, { may }: Pick<Portal, 'may'>): Route {
  if (route.view !== 'connection' || may('read_connection')) return route;
  return may('read_audit') ? { view: 'audit', operationId: null } : { view: 'you' };
}

function View({ route, onSignOut }: { route: Route; onSignOut: () => void }) {
  switch (route.view) {
    case 'connection':
      return <ConnectionView />;
    case 'disconnect':
      return <DisconnectView key={route.supersedes ?? ''} supersedes={route.supersedes} />;
    case 'operations':
      return <OperationsView />;
    case 'operation':
      return <OperationView key={route.id} id={route.id} />;
    case 'audit':
      return <AuditView key={route.operationId ?? ''} operationId={route.operationId} />;
    case 'you':
      return <YouView onSignOut={onSignOut} />;
    case 'nowhere':
      return <NowhereView />;
  }
}

type Section = {
  readonly route: Route;
  readonly name: string;
  readonly current: boolean;
  readonly waiting: number;
};

function sectionsOf({ may, me }: Portal, { view }: Route, newest: Operation | null): Section[] {
  const section = (route: Route, name: string, current: boolean, waiting = 0) => ({
    route,
    name,
    current,
    waiting,
  });
  const sections: Section[] = [];
  if (may('read_connection')) {
    sections.push(
      section({ view: 'connection' }, say.portal.connection, view === 'connection' || view === 'disconnect'),
      section(
        { view: 'operations' },
        say.portal.operations,
        view === 'operations' || view === 'operation',
        newest !== null && waitsFor({ me, may }, newest) ? 1 : 0,
      ),
    );
  }
  if (may('read_audit')) {
    sections.push(section({ view: 'audit', operationId: null }, say.portal.audit, view === 'audit'));
  }
  sections.push(section({ view: 'you' }, say.portal.you, view === 'you'));
  return sections;
}

function Frame(props: { me: Profile | null; sections: readonly Section[]; children: ComponentChildren }) {
  return (
    <>
      {/* A button, since what stands behind the # of an address is the portal's own. */}
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        {say.portal.skip}
      </button>
      <header class="top">
        <div class="top-row">
          <p class="brand">
            <Mark />
            {say.portal.name}
          </p>
          {props.me !== null && <WhoAndWhere me={props.me} />}
        </div>
        {props.sections.length > 0 && (
          <nav aria-label={say.portal.sections}>
            <ul class="sections">
              {props.sections.map(({ route, name, current, waiting }) => (
                <li key={name}>
                  <a href={addressOf(route)} aria-current={current ? 'page' : undefined}>
                    {name}
                    {waiting > 0 && (
                      <span class="count">
                        <span aria-hidden="true">{waiting}</span>
                        <span class="only-heard">{say.portal.waitingCount(waiting)}</span>
                      </span>
                    )}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
        )}
      </header>
      <main id="main" tabIndex={-1}>
        {props.children}
      </main>
    </>
  );
}

/** Who is signed in, and of which tenant: everything here happens to that one. */
function WhoAndWhere({ me: { name, oid, tenantDomain, tenantId } }: { me: Profile }) {
  return (
    <p class="person">
      {name ?? oid}
      <span class="tenant" title={tenantId}>
        {say.portal.tenant} <strong>{tenantDomain ?? tenantId}</strong>
      </span>
    </p>
  );
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const follow = () => setRoute(routeOf(location.hash));
    addEventListener('hashchange', follow);
    follow();
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}
