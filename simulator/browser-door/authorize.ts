import { type ClaimsDemand, isProven, readClaimsDemand } from '../claims-demand.ts';
import { addressIn, type Person, people, personNames } from '../directory.ts';
import { EntraError, entraErrorTerms, traceOf } from '../entra-error.ts';
import type { Received, Reply } from '../reply.ts';
import type { Simulation } from '../simulation.ts';
import { choicePage, errorPage, proofPage } from './pages.ts';
import { checkClient, isRedirectUri, readScopes } from './registered-portal.ts';
import { type ReturnAddress, sendBack } from './return-address.ts';
import { sessionCookie, sessionOf } from './session-cookie.ts';
import type { Session } from './sign-ins.ts';

/** What a portal asks for, checked. */
type SignInRequest = {
  tenantId: string;
  returnTo: ReturnAddress;
  challenge: string;
  nonce: string | undefined;
  scopes: string[];
  prompt: string | undefined;
  hint: Person | undefined;
  demand: ClaimsDemand;
};

/** `GET`, and from its own page `POST`, `/{tenant}/oauth2/v2.0/authorize`: who signs in, and with what proof.
 *  What is wrong with the address to send people back to is shown here; all else is returned to that address. */
export function authorize(simulation: Simulation, request: Received, tenantId: string): Reply {
  const trace = traceOf({}, simulation.now());
  let returnTo: ReturnAddress;
  try {
    returnTo = readReturnAddress(request.query);
  } catch (error) {
    if (error instanceof EntraError) return errorPage(400, entraErrorTerms(error, trace).error_description);
    throw error;
  }
  try {
    const asked = readSignInRequest(request.query, tenantId, returnTo);
    return request.method === 'POST'
      ? answered(simulation, request, asked)
      : arrived(simulation, request, asked);
  } catch (error) {
    if (!(error instanceof EntraError)) throw error;
    const { error: name, error_description, suberror } = entraErrorTerms(error, trace);
    return sendBack(returnTo, { error: name, error_description, suberror, claims: error.options.claims });
  }
}

function readReturnAddress(query: URLSearchParams): ReturnAddress {
  checkClient(query.get('client_id'));
  const redirectUri = query.get('redirect_uri') ?? '';
  if (!isRedirectUri(redirectUri)) {
    throw new EntraError(50011, {
      detail: `'${redirectUri}'. The portal's are http://localhost:{any port}/ and http://localhost:{any port}/redirect.html.`,
    });
  }
  const mode = query.get('response_mode') === 'fragment' ? 'fragment' : 'query';
  return { redirectUri, mode, state: query.get('state') ?? undefined };
}

function readSignInRequest(query: URLSearchParams, tenantId: string, returnTo: ReturnAddress): SignInRequest {
  const mode = query.get('response_mode') ?? 'query';
  if (mode !== 'query' && mode !== 'fragment') {
    throw new EntraError(90014, { detail: `response_mode must be 'query' or 'fragment', not '${mode}'.` });
  }
  const type = query.get('response_type');
  if (type !== 'code') throw new EntraError(700054, { detail: `'${type}', expected 'code'.` });
  return {
    tenantId,
    returnTo,
    challenge: readChallenge(query),
    nonce: query.get('nonce') ?? undefined,
    scopes: readScopes(query.get('scope')),
    prompt: query.get('prompt') ?? undefined,
    hint: personOfAddress(query.get('login_hint'), tenantId),
    demand: readClaimsDemand(query.get('claims')),
  };
}

/** A single-page application must prove at the token endpoint that the code is its own (RFC 7636). */
function readChallenge(query: URLSearchParams): string {
  const challenge = query.get('code_challenge');
  if (challenge === null) throw new EntraError(9002325);
  if (query.get('code_challenge_method') !== 'S256' || !/^[\w-]{43}$/.test(challenge)) {
    throw new EntraError(501491, { detail: 'Only S256 is taken.' });
  }
  return challenge;
}

/** The browser comes from the portal: a person who is signed in needs no page. */
function arrived(simulation: Simulation, request: Received, asked: SignInRequest): Reply {
  const session = usableSession(sessionOf(simulation, request, asked.tenantId), asked);
  if (asked.prompt === 'none') {
    if (!session) throw new EntraError(50058);
    if (!isProven(asked.demand, session.contexts)) {
      throw new EntraError(50076, { claims: asked.demand.json });
    }
    return finish(simulation, asked, session);
  }
  if (!session || asked.prompt !== undefined) {
    return choicePage({ ...pageOf(request, asked), ...(asked.hint ? { first: asked.hint } : {}) });
  }
  return isProven(asked.demand, session.contexts)
    ? finish(simulation, asked, session)
    : proofPage({ ...pageOf(request, asked), person: session.person });
}

/** The page was answered: who it is, and whether they have proven it. */
function answered(simulation: Simulation, request: Received, asked: SignInRequest): Reply {
  const form = new URLSearchParams(request.body);
  if (form.has('cancel')) throw new EntraError(65004);
  const person = personNames.map((name) => people[name]).find(({ name }) => name === form.get('person'));
  if (!person) throw new EntraError(65004);
  const previous = sessionOf(simulation, request, asked.tenantId);
  const proves = form.get('proof') === 'given';
  const usable = usableSession(previous, { ...asked, hint: person });
  const kept = asked.prompt === 'login' ? [] : (usable?.contexts ?? []);
  const contexts = [...kept, ...(proves ? asked.demand.contexts : [])];
  if (!isProven(asked.demand, contexts)) return proofPage({ ...pageOf(request, asked), person });
  const session = simulation.signIns.open(asked.tenantId, person, [...new Set(contexts)], previous);
  return finish(simulation, asked, session);
}

function finish(simulation: Simulation, asked: SignInRequest, session: Session): Reply {
  const { scopes, nonce, demand, returnTo, challenge } = asked;
  const grant = {
    session,
    scopes,
    capabilities: demand.capabilities,
    ...(nonce === undefined ? {} : { nonce }),
  };
  const code = simulation.signIns.issueCode(grant, returnTo.redirectUri, challenge);
  const reply = sendBack(returnTo, { code, session_state: session.id });
  return { ...reply, headers: { ...reply.headers, 'set-cookie': sessionCookie(session.id) } };
}

/** A session that is the hinted person's, and younger than what is asked for. */
function usableSession(
  session: Session | undefined,
  { hint, demand }: Pick<SignInRequest, 'hint' | 'demand'>,
): Session | undefined {
  if (!session || (hint && hint !== session.person)) return undefined;
  return session.signedInAt / 1000 >= demand.notBefore ? session : undefined;
}

function pageOf(request: Received, { tenantId, returnTo }: SignInRequest) {
  return { action: request.target, tenantId, returnTo: new URL(returnTo.redirectUri).origin };
}

function personOfAddress(address: string | null, tenantId: string): Person | undefined {
  const wanted = address?.toLowerCase();
  return personNames.map((name) => people[name]).find((person) => addressIn(tenantId, person) === wanted);
}
