import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ApprovalRequest, ApprovalVerb } from './approvals.ts';
import { serveDoor } from './browser-door/door.ts';
import type { Call, CallListener, Endpoint } from './calls.ts';
import { makeTls, type SimulatorTls } from './certificates.ts';
import type { Act, Connection, SequenceOptions } from './connection.ts';
import { serveControl } from './control.ts';
import type { FederatedCredential, FederatedTokenOptions } from './credentials.ts';
import {
  federatedAudience,
  federatedSubject,
  otherTenantId,
  type PersonBehaviour,
  type PersonName,
  portalClientId,
  registration,
} from './directory.ts';
import { serveFaces } from './faces.ts';
import type { Fault } from './faults.ts';
import { makeSigningKey, type SigningKey } from './keys.ts';
import { listen } from './server.ts';
import { Simulation } from './simulation.ts';
import type { TokenOptions } from './tokens.ts';

export type { Call, Endpoint, Fault, PersonName, TokenOptions };

export type SimulatorOptions = {
  /** Default 0: any free port. */
  port?: number;
  /** The browser door's port. Default 0: any free port. */
  browserPort?: number;
  host?: string;
  /** The host name in the simulator's own address, and so in issuers and metadata. Default localhost. */
  publicHost?: string;
  /** Where to write the CA certificate (PEM). The folder is made. */
  caFile?: string;
  /** Another simulator's, so that several share one CA. */
  tls?: SimulatorTls;
  /** Where tenants' keys come from, so that several need not make their own. */
  makeKey?: () => Promise<SigningKey>;
  /** The clock, in milliseconds. */
  now?: () => number;
};

/** A running simulator. What its methods change, `reset` puts back. */
export type Simulator = {
  url: string;
  port: number;
  /** Where a browser signs in, over plain HTTP and on this machine only. */
  browserUrl: string;
  caPem: string;
  tls: SimulatorTls;
  /** The service's own app registration. */
  registration: typeof registration;
  /** The portal that user tokens say they were issued to (`azp`, `appid`). */
  portalClientId: string;
  /** A second tenant, with its own keys, people and connection. */
  otherTenantId: string;
  /** The workload identity that is registered from the start; `federatedToken` mints for it. */
  federatedCredential: { issuer: string; subject: string; audience: string };

  /** An access token for the service's API. */
  token(person: PersonName, options?: TokenOptions): Promise<string>;
  setPerson(person: PersonName, behaviour: PersonBehaviour | null): void;

  /** The last 10,000 calls to the Entra and Graph faces, oldest first. */
  calls: Call[];
  clearCalls(): void;
  /** Awaited before the call is acted on and answered. Returns what ends it. */
  onCall(listener: CallListener): () => void;
  /** Awaited once the call has been acted on, before its answer goes out. Returns what ends it. */
  onAnswer(listener: CallListener): () => void;

  setFault(endpoint: Endpoint, fault: Fault | null): void;
  clearFaults(): void;

  /** The current connection; reading it here does not move it. */
  connection(tenantId?: string): Connection | null;
  /** What is left out is as at the start. */
  setConnection(tenantId: string, connection: Partial<Connection> | null): void;
  /** The first step is what disconnect answers, the others what later reads list. */
  setSequence(tenantId: string, steps: readonly string[], options?: SequenceOptions): void;
  /** Switches the tenant's Multi Admin Approval for its connection on or off. */
  demandApproval(demanded: boolean, tenantId?: string): void;
  /** The requests for approval, oldest first. */
  approvalRequests(tenantId?: string): readonly ApprovalRequest[];
  /** Does with a request what a person may do in the admin center; left out, the one who may. Throws where it cannot be
   *  done. */
  decideApproval(code: string, verb: ApprovalVerb, by?: PersonName): void;
  /** The disconnects that really happened. */
  acts(tenantId?: string): Act[];

  rotateKeys(tenantId?: string, options?: { keepOld?: boolean }): Promise<void>;
  setSecrets(accepted: readonly string[], expired?: readonly string[]): void;
  registerCertificate(pem: string): void;
  clearCertificates(): void;
  registerFederatedCredential(credential: FederatedCredential): void;
  federatedToken(options?: FederatedTokenOptions): Promise<string>;
  /** Seconds; default 4,799. */
  setGraphTokenLifetime(seconds: number): void;

  /** Back to the state after start; keys and listeners stay. */
  reset(): void;
  close(): Promise<void>;
};

/** Starts a local Entra ID and Microsoft Graph over TLS, and its door for browsers. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const tls = options.tls ?? (await makeTls());
  // The address is in issuers and metadata, and is known only once the port is: requests do not wait for it.
  let simulation: Simulation | undefined;
  const server = await listen(
    () => (request) => {
      if (!simulation) return Promise.resolve('reset');
      return request.path === '/simulator' || request.path.startsWith('/simulator/')
        ? serveControl(simulation, request)
        : serveFaces(simulation, request);
    },
    { tls, port: options.port ?? 0, host: options.host ?? '127.0.0.1' },
  );
  const url = `https://${options.publicHost ?? 'localhost'}:${server.port}`;
  const started = new Simulation({
    url,
    caPem: tls.caPem,
    now: options.now ?? Date.now,
    makeKey: options.makeKey ?? makeSigningKey,
  });
  const undo: { close: () => Promise<void> }[] = [started, server];
  try {
    const door = await openBrowserDoor(started, options.browserPort ?? 0);
    undo.push(door);
    // Only now: a start that fails on a taken port must not replace the file of the simulator that has it.
    if (options.caFile !== undefined) {
      await mkdir(dirname(options.caFile), { recursive: true });
      await writeFile(options.caFile, tls.caPem);
    }
    simulation = started;
    return describe(started, tls, { port: server.port, browserUrl: door.url }, undo);
  } catch (error) {
    await Promise.all(undo.map((each) => each.close()));
    throw error;
  }
}

async function openBrowserDoor(
  simulation: Simulation,
  port: number,
): Promise<{ url: string; close: () => Promise<void> }> {
  let url = '';
  // Plain HTTP, so on this machine only, whatever address the other face listens on.
  const door = await listen(() => (request) => serveDoor(simulation, request, url), {
    port,
    host: '127.0.0.1',
  });
  url = `http://localhost:${door.port}`;
  return { url, close: door.close };
}

function describe(
  simulation: Simulation,
  tls: SimulatorTls,
  address: { port: number; browserUrl: string },
  undo: readonly { close: () => Promise<void> }[],
): Simulator {
  const home = registration.tenantId;
  return {
    url: simulation.url,
    ...address,
    caPem: tls.caPem,
    tls,
    registration,
    portalClientId,
    otherTenantId,
    federatedCredential: {
      issuer: simulation.credentials.clusterIssuer,
      subject: federatedSubject,
      audience: federatedAudience,
    },
    token: (person, overrides) => simulation.mint(person, overrides),
    setPerson: (person, behaviour) => {
      if (behaviour?.mfaRequired !== undefined) JSON.parse(behaviour.mfaRequired);
      simulation.setBehaviour(person, behaviour ?? undefined);
    },
    calls: simulation.calls.calls,
    clearCalls: () => simulation.calls.clear(),
    onCall: (listener) => simulation.calls.listen(listener),
    onAnswer: (listener) => simulation.calls.listenToAnswers(listener),
    setFault: (endpoint, fault) => simulation.faults.set(endpoint, fault),
    clearFaults: () => simulation.faults.clear(),
    connection: (tenantId = home) => simulation.tenant(tenantId).connection.peek(),
    setConnection: (tenantId, connection) => simulation.tenant(tenantId).connection.set(connection),
    setSequence: (tenantId, steps, sequence) =>
      simulation.tenant(tenantId).connection.setSequence(steps, sequence),
    demandApproval: (demanded, tenantId = home) => {
      simulation.tenant(tenantId).approvals.demanded = demanded;
    },
    approvalRequests: (tenantId = home) => simulation.tenant(tenantId).approvals.requests(),
    decideApproval: (code, verb, by) => {
      const refusal = simulation.decideApproval({ tenantId: home, code, verb, by });
      if (refusal !== undefined) throw new Error(refusal);
    },
    acts: (tenantId = home) => [...simulation.tenant(tenantId).connection.acts],
    rotateKeys: (tenantId, rotation) => simulation.rotateKeys(tenantId, rotation),
    setSecrets: (accepted, expired) => simulation.credentials.setSecrets(accepted, expired),
    registerCertificate: (pem) => simulation.credentials.registerCertificate(pem),
    clearCertificates: () => simulation.credentials.clearCertificates(),
    registerFederatedCredential: (credential) =>
      simulation.credentials.registerFederatedCredential(credential),
    federatedToken: (token) => simulation.credentials.federatedToken(token),
    setGraphTokenLifetime: (seconds) => {
      simulation.graphTokenLifetime = seconds;
    },
    reset: () => simulation.reset(),
    close: async () => {
      await Promise.all(undo.map((each) => each.close()));
    },
  };
}
