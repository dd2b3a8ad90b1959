import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Api } from './api/api.ts';
import type { Operation, Profile } from './api/types.ts';
import { Disconnecting } from './disconnect/disconnecting.ts';
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
      <Frame person={null} sections={[]}>
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
  const [newest, setNewest] = useState<Operation | null>(null);
  const portal = useMemo<Portal>(() => {
    const disconnecting = new Disconnecting({
      send: (call) => api.disconnect(call),
      keeping: sessionStorage,
      newKey: () => crypto.randomUUID(),
    });
    return { api, me, disconnecting, may: (permission) => me.permissions.includes(permission), setNewest };
  }, [api, me]);

  useEffect(() => {
    portal.disconnecting.restore(me.oid);
    if (portal.disconnecting.phase.name === 'unsure') {
      location.hash = addressOf({ view: 'disconnect', supersedes: null });
    }
  }, [portal, me]);
  const route = admitted(asked, portal);
  return (
    <PortalContext.Provider value={portal}>
      <Frame person={me.name ?? me.oid} sections={sectionsOf(portal, route, newest)}>
        <View route={route} onSignOut={onSignOut} />
      </Frame>
    </PortalContext.Provider>
  );
}

// The start is the connection, for those who may see it.
function admitted(route: Route, { may }: Portal): Route {
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

function Frame(props: { person: string | null; sections: readonly Section[]; children: ComponentChildren }) {
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
          {props.person !== null && <p class="person">{props.person}</p>}
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
