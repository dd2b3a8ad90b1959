/** Where in the portal one is. It stands behind the `#`, so that any web server will do, and the redirect
 *  page of the sign-in is a page apart. */
export type Route =
  | { readonly view: 'connection' }
  | { readonly view: 'disconnect'; readonly supersedes: string | null }
  | { readonly view: 'operations' }
  | { readonly view: 'operation'; readonly id: string }
  | { readonly view: 'audit'; readonly operationId: string | null }
  | { readonly view: 'you' }
  | { readonly view: 'nowhere' };

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  const [first = '', second, ...rest] = path.split('/');
  const parameters = new URLSearchParams(query);
  if (rest.length > 0) return { view: 'nowhere' };
  if (first === 'operations' && second !== undefined) {
    return isGuid(second) ? { view: 'operation', id: second } : { view: 'nowhere' };
  }
  if (second !== undefined) return { view: 'nowhere' };
  switch (first) {
    case '':
      return { view: 'connection' };
    case 'disconnect':
      return { view: 'disconnect', supersedes: guidIn(parameters, 'supersedes') };
    case 'operations':
      return { view: 'operations' };
    case 'audit':
      return { view: 'audit', operationId: guidIn(parameters, 'operation') };
    case 'you':
      return { view: 'you' };
    default:
      return { view: 'nowhere' };
  }
}

/** The address of a view. */
export function addressOf(route: Route): string {
  switch (route.view) {
    case 'connection':
    case 'nowhere':
      return '#/';
    case 'disconnect':
      return route.supersedes === null ? '#/disconnect' : `#/disconnect?supersedes=${route.supersedes}`;
    case 'operation':
      return `#/operations/${route.id}`;
    case 'audit':
      return route.operationId === null ? '#/audit' : `#/audit?operation=${route.operationId}`;
    default:
      return `#/${route.view}`;
  }
}

export function isGuid(text: string): boolean {
  return guid.test(text);
}

function guidIn(parameters: URLSearchParams, name: string): string | null {
  const value = parameters.get(name);
  return value !== null && isGuid(value) ? value : null;
}
