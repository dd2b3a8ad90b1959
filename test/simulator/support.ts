import { randomUUID } from 'node:crypto';
import { Agent, request } from 'undici';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { simulatorKeys } from '../support/shared-keys.ts';

export const scope = 'https://graph.microsoft.com/DeviceManagementConfiguration.ReadWrite.All';
export const settings = '/beta/deviceManagement/chromeOSOnboardingSettings';

export type Answer = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: () => Record<string, unknown>;
};

type CallOptions = { headers?: Record<string, string>; body?: string };

/** A simulator and a client that trusts its CA; both close at the end of the `await using` block. */
export async function start(options?: SimulatorOptions) {
  const simulator = await startSimulator({ ...simulatorKeys(), ...options });
  const client = clientOf(simulator);
  return {
    ...client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await simulator.close();
    },
  };
}

/** A client that trusts the simulator's CA; it closes at the end of the `await using` block. */
export function clientOf(simulator: Simulator) {
  const dispatcher = new Agent({ connect: { ca: simulator.caPem } });

  async function call(method: string, path: string, { headers, body }: CallOptions = {}): Promise<Answer> {
    const response = await request(`${simulator.url}${path}`, {
      dispatcher,
      method: method as 'GET',
      ...(headers ? { headers } : {}),
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.body.text();
    return { status: response.statusCode, headers: response.headers, text, json: () => JSON.parse(text) };
  }

  return {
    simulator,
    call,
    exchange: (assertion: string, changes: Changes = {}) => exchange(simulator, call, assertion, changes),
    /** A Graph token, on behalf of this assertion. */
    async graphToken(assertion: string, changes: Changes = {}): Promise<string> {
      const answer = await exchange(simulator, call, assertion, changes);
      return String(answer.json().access_token);
    },
    async [Symbol.asyncDispose]() {
      await dispatcher.destroy();
    },
  };
}

/** Form fields to set; null leaves one out. */
export type Changes = Record<string, string | null> & { tenant?: string };

function exchange(
  simulator: Simulator,
  call: (method: string, path: string, options?: CallOptions) => Promise<Answer>,
  assertion: string,
  { tenant = simulator.registration.tenantId, ...changes }: Changes,
): Promise<Answer> {
  const fields: Record<string, string | null> = {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    requested_token_use: 'on_behalf_of',
    client_id: simulator.registration.clientId,
    client_secret: simulator.registration.clientSecret,
    scope,
    assertion,
    ...changes,
  };
  const kept = Object.entries(fields).filter((field): field is [string, string] => field[1] !== null);
  return call('POST', `/${tenant}/oauth2/v2.0/token`, {
    headers: {
      'content-type': 'application/x-www-form-urlencoded;charset=utf-8',
      'client-request-id': randomUUID(),
    },
    body: new URLSearchParams(kept).toString(),
  });
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
