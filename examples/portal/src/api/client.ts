import { demandedClaims } from './challenge.ts';
import { ApiProblem, NoAnswer, problemIn, retryAfterOf, SignInAbandoned } from './failures.ts';

export type Method = 'GET' | 'POST';

export type Call = {
  readonly method: Method;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly signal?: AbortSignal;
  /** In milliseconds. */
  readonly timeoutMs?: number;
};

/** What the client needs of whoever signs people in. */
export type Credentials = {
  /** `null` where a person has to sign in for one. */
  token(renewed: boolean): Promise<string | null>;
  /** Has the person sign in, with these claims if given. Fails where they will not. */
  askPerson(claims: string | null): Promise<void>;
};

const usualTimeoutMs = 30_000;

/** Calls the API as the person who is signed in. Answers what the API answered, or fails with `ApiProblem`,
 *  `NoAnswer` or `SignInAbandoned`.
 *
 *  A refusal that a better token can cure is answered with one, and the very same call is made again: with
 *  its headers, so that an idempotency key stays the same, and only after a `401`, which says that the first
 *  one was not carried out. */
export class ApiClient {
  readonly #baseUrl: string;
  readonly #credentials: Credentials;

  constructor(baseUrl: string, credentials: Credentials) {
    this.#baseUrl = baseUrl.replace(/\/$/, '');
    this.#credentials = credentials;
  }

  async call(call: Call): Promise<Response> {
    let renewed = false;
    // Each cure is tried once, or a policy that nobody can meet would ask for ever.
    const tried = new Set<'renew' | 'person' | 'claims'>();
    for (;;) {
      const answer = await this.#send(call, await this.#token(renewed));
      if (answer.ok) return answer;
      const problem = problemIn(await bodyOf(answer));
      if (problem === null) throw new NoAnswer(`status ${answer.status}`);

      const claims = demandedClaims(answer.headers.get('www-authenticate'));
      if (problem.code === 'insufficient_claims' && claims !== null && !tried.has('claims')) {
        tried.add('claims');
        renewed = false;
        await this.#askPerson(claims);
      } else if (problem.code === 'invalid_token' && !tried.has('renew')) {
        tried.add('renew');
        renewed = true;
      } else if (
        (problem.code === 'invalid_token' || problem.code === 'graph_token_rejected') &&
        !tried.has('person')
      ) {
        tried.add('person');
        renewed = false;
        await this.#askPerson(null);
      } else {
        throw new ApiProblem(problem, retryAfterOf(answer.headers.get('retry-after'), Date.now()));
      }
    }
  }

  async #token(renewed: boolean): Promise<string> {
    let token: string | null;
    try {
      token = await this.#credentials.token(renewed);
      if (token === null) {
        await this.#askPerson(null);
        token = await this.#credentials.token(false);
      }
    } catch (error) {
      throw error instanceof SignInAbandoned ? error : new SignInAbandoned('no token', { cause: error });
    }
    if (token === null) throw new SignInAbandoned('no token');
    return token;
  }

  async #askPerson(claims: string | null): Promise<void> {
    try {
      await this.#credentials.askPerson(claims);
    } catch (error) {
      throw new SignInAbandoned('not signed in', { cause: error });
    }
  }

  async #send(call: Call, token: string): Promise<Response> {
    const timeout = AbortSignal.timeout(call.timeoutMs ?? usualTimeoutMs);
    try {
      return await fetch(`${this.#baseUrl}${call.path}`, {
        method: call.method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(call.body && { 'content-type': 'application/json' }),
          ...call.headers,
        },
        ...(call.body && { body: JSON.stringify(call.body) }),
        signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
        // No cookie has a say here.
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
      });
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason;
      throw new NoAnswer('the network', { cause: error });
    }
  }
}

async function bodyOf(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch {
    return null;
  }
}
