import { setTimeout as wait } from 'node:timers/promises';
import { Approvals, type ApprovalVerb } from './approvals.ts';
import { SignIns } from './browser-door/sign-ins.ts';
import { CallLog } from './calls.ts';
import { ConnectionState } from './connection.ts';
import { CredentialStore } from './credentials.ts';
import {
  domainOf,
  oidIn,
  type Person,
  type PersonBehaviour,
  type PersonName,
  people,
  tenantIds,
} from './directory.ts';
import { FaultBoard } from './faults.ts';
import { signJwt } from './jwt.ts';
import { KeyRing, type SigningKey } from './keys.ts';
import { apiClaims, type Moment, type TokenOptions } from './tokens.ts';

// A Graph token lives 60 to 90 minutes; a fixed figure keeps tests repeatable.
const defaultGraphTokenLifetime = 4799;

export type Tenant = { id: string; keys: KeyRing; connection: ConnectionState; approvals: Approvals };

export type ApprovalDecision = {
  readonly tenantId: string;
  readonly code: string;
  readonly verb: ApprovalVerb;
  readonly by?: PersonName | undefined;
};

type SimulationOptions = {
  url: string;
  caPem: string;
  now: () => number;
  /** Where tenants' keys come from. */
  makeKey: () => Promise<SigningKey>;
};

/** The state of the simulator: the faces read and change it, and nothing else holds any. */
export class Simulation {
  readonly url: string;
  readonly caPem: string;
  readonly now: () => number;
  readonly calls = new CallLog();
  readonly faults = new FaultBoard();
  readonly credentials: CredentialStore;
  readonly signIns: SignIns;
  readonly behaviours = new Map<PersonName, PersonBehaviour>();
  graphTokenLifetime = defaultGraphTokenLifetime;
  readonly #tenants: Map<string, Tenant>;
  readonly #closing = new AbortController();

  constructor({ url, caPem, now, makeKey }: SimulationOptions) {
    this.url = url;
    this.caPem = caPem;
    this.now = now;
    this.credentials = new CredentialStore(url, now);
    this.signIns = new SignIns(now);
    this.#tenants = new Map(tenantIds.map((id) => [id, makeTenant(id, now, makeKey)]));
  }

  findTenant(id: string | undefined): Tenant | undefined {
    return id === undefined ? undefined : this.#tenants.get(id.toLowerCase());
  }

  /** Throws for a tenant that does not exist, naming those that do. */
  tenant(id: string): Tenant {
    const tenant = this.findTenant(id);
    if (tenant) return tenant;
    throw new Error(`The simulator has no tenant '${id}', only ${tenantIds.join(' and ')}.`);
  }

  tenants(): Tenant[] {
    return [...this.#tenants.values()];
  }

  moment(): Moment {
    return { nowSeconds: Math.floor(this.now() / 1000), url: this.url };
  }

  behaviourOf(person: Person | undefined): PersonBehaviour {
    return (person && this.behaviours.get(person.name)) ?? {};
  }

  /** How a person's calls go from now on; `undefined`: as usual. Revoking takes effect on what was given out before. */
  setBehaviour(name: PersonName, behaviour: PersonBehaviour | undefined): void {
    if (behaviour?.revoked) this.signIns.revoke(people[name]);
    if (behaviour) this.behaviours.set(name, behaviour);
    else this.behaviours.delete(name);
  }

  async mint(name: PersonName, options: TokenOptions = {}): Promise<string> {
    const person = people[name];
    if (!person) {
      throw new Error(`The simulator knows nobody called '${name}', only ${Object.keys(people).join(', ')}.`);
    }
    const claims = apiClaims(person, options, this.moment());
    // A tenant this simulator does not serve is signed for by the home tenant's key.
    const { keys } = this.findTenant(options.tenantId) ?? this.tenant(tenantIds[0] ?? '');
    const key = await (options.key === 'unpublished' ? keys.unpublished() : keys.current());
    const header = Object.entries({
      typ: 'JWT',
      alg: 'RS256',
      ...(options.version === '1.0' ? { x5t: key.kid } : {}),
      kid: key.kid,
      ...options.header,
    }).filter(([, value]) => value !== undefined);
    return signJwt(Object.fromEntries(header), claims, key.privateKey);
  }

  async rotateKeys(tenantId?: string, options?: { keepOld?: boolean }): Promise<void> {
    const rotating = tenantId === undefined ? this.tenants() : [this.tenant(tenantId)];
    await Promise.all(rotating.map(({ keys }) => keys.rotate(options)));
  }

  /** Does with a request for approval what a person may do in the admin center; left out, the one who may. Completing
   *  it there disconnects. Returns why it cannot be done, if it cannot. */
  decideApproval({ tenantId, code, verb, by }: ApprovalDecision): string | undefined {
    const { approvals, connection } = this.tenant(tenantId);
    const request = approvals.find(code);
    if (request === undefined) return `There is no request with the code '${code}'.`;
    const second = oidIn(tenantId, people['second-admin']);
    const decider = verb === 'approve' || verb === 'reject' ? second : request.requesterOid;
    const oid = by === undefined ? decider : oidIn(tenantId, people[by]);
    const refusal = approvals.decide(request, verb, oid);
    if (refusal === undefined && verb === 'complete') connection.disconnectInAdminCenter(oid);
    return refusal;
  }

  /** Waits, but not past close(). */
  async delay(milliseconds: number): Promise<void> {
    await wait(milliseconds, undefined, { signal: this.#closing.signal }).catch(() => {});
  }

  /** Back to the state after start. Keys and listeners stay. */
  reset(): void {
    this.faults.clear();
    this.calls.clear();
    this.behaviours.clear();
    this.credentials.reset();
    this.signIns.clear();
    this.graphTokenLifetime = defaultGraphTokenLifetime;
    for (const { connection, approvals } of this.tenants()) {
      connection.reset();
      approvals.reset();
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.tenants().map(({ keys }) => keys.settled()), this.credentials.settled()]);
  }
}

function makeTenant(id: string, now: () => number, makeKey: () => Promise<SigningKey>): Tenant {
  const day = 24 * 60 * 60 * 1000;
  const connection = {
    id: `c4035e00-0000-4000-8000-${oidIn(id, people.admin).slice(-12)}`,
    ownerUserPrincipalName: `${people.admin.mailbox}@${domainOf(id)}`,
    onboardingStatus: 'onboarded',
    lastModifiedDateTime: new Date(now() - 30 * day).toISOString(),
    lastDirectorySyncDateTime: new Date(now() - day / 24).toISOString(),
  };
  return {
    id,
    keys: new KeyRing(makeKey),
    connection: new ConnectionState(id, connection, now),
    approvals: new Approvals(now),
  };
}
