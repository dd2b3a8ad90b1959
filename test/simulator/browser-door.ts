import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, beforeEach } from 'node:test';
import { request } from 'undici';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { simulatorKeys } from '../support/shared-keys.ts';

export const origin = 'http://localhost:5173';
export const stepUp = {
  access_token: { acrs: { essential: true, value: 'c1' }, xms_cc: { values: ['cp1'] } },
};
const verifier = randomBytes(32).toString('base64url');
const challenge = createHash('sha256').update(verifier).digest('base64url');

/** Fields to set; null leaves one out. */
export type Changes = Record<string, string | null>;
type Answer = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: Record<string, unknown>;
};

export const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** A simulator for the tests of one file, its browser door, and a clock that moves when told. */
export function atTheDoor() {
  let now = 1_790_000_000_000;
  const door = {
    simulator: undefined as unknown as Simulator,
    tenantId: '',
    call,
    authorizePath,
    press,
    redeem,
    signIn,
    now: () => now,
    wait: (milliseconds: number) => {
      now += milliseconds;
    },
  };
  before(async () => {
    door.simulator = await startSimulator({ ...simulatorKeys(), now: () => now });
    door.tenantId = door.simulator.registration.tenantId;
  });
  after(() => door.simulator.close());
  beforeEach(() => door.simulator.reset());

  async function call(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
    const response = await request(`${door.simulator.browserUrl}${path}`, {
      method: method as 'GET',
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.body.text();
    const isJson = String(response.headers['content-type']).startsWith('application/json');
    return {
      status: response.statusCode,
      headers: response.headers,
      text,
      json: isJson ? JSON.parse(text) : {},
    };
  }

  function authorizePath({ inTenant, ...changes }: Changes = {}): string {
    const asked = fields(
      {
        client_id: door.simulator.portalClientId,
        response_type: 'code',
        redirect_uri: `${origin}/redirect.html`,
        response_mode: 'fragment',
        scope: `openid profile offline_access ${door.simulator.registration.audience}/access_as_user`,
        state: 'the|state=of the portal',
        nonce: 'the-nonce',
        code_challenge: challenge,
        code_challenge_method: 'S256',
      },
      changes,
    );
    return `/${inTenant ?? door.tenantId}/oauth2/v2.0/authorize?${asked}`;
  }

  /** Answers the page as a browser does when one of its buttons is pressed. */
  function press(path: string, pressed: Record<string, string>, cookie = ''): Promise<Answer> {
    return call('POST', path, { ...form, ...(cookie ? { cookie } : {}) }, `${new URLSearchParams(pressed)}`);
  }

  function redeem(changes: Changes, headers: Record<string, string> = { origin }): Promise<Answer> {
    const { inTenant, ...rest } = changes;
    const body = fields(
      {
        grant_type: 'authorization_code',
        client_id: door.simulator.portalClientId,
        redirect_uri: `${origin}/redirect.html`,
        code_verifier: verifier,
        client_info: '1',
      },
      rest,
    );
    return call(
      'POST',
      `/${inTenant ?? door.tenantId}/oauth2/v2.0/token`,
      { ...form, ...headers },
      body.toString(),
    );
  }

  async function signIn(person: string, changes: Changes = {}): Promise<{ code: string; cookie: string }> {
    const answer = await press(authorizePath(changes), { person, proof: 'given' });
    const { code = '' } = broughtBack(answer);
    return { code, cookie: cookieOf(answer) };
  }

  return door;
}

/** What the address that the browser is sent to brings with it. */
export function broughtBack(answer: Answer): Record<string, string> {
  assert.equal(answer.status, 303, answer.text);
  const { origin: back, pathname, search, hash } = new URL(String(answer.headers.location));
  assert.equal(`${back}${pathname}`, `${origin}/redirect.html`);
  return Object.fromEntries(new URLSearchParams(hash.slice(1) || search));
}

export const cookieOf = (answer: Answer) => String(answer.headers['set-cookie']).split(';', 1)[0] ?? '';

function fields(usual: Record<string, string>, changes: Changes): URLSearchParams {
  const kept = Object.entries({ ...usual, ...changes }).filter(
    (one): one is [string, string] => one[1] !== null,
  );
  return new URLSearchParams(kept);
}
