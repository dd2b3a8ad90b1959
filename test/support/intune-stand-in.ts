import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { until } from './processes.ts';

/** Where the stand-in can be stopped, in the order of the handshake. */
export type Step =
  /** The connection is read. */
  | 'reading'
  /** An act without a justification came in, */
  | 'demanding'
  /** one with a justification, */
  | 'filing'
  /** and its request is filed: the answer goes out next. */
  | 'filed'
  /** Somebody asks what became of a request. */
  | 'asked'
  /** An act with a code came in, */
  | 'redeeming'
  /** and was carried out: the answer goes out next. */
  | 'acted';

type ApprovalRequest = { readonly code: string; readonly by: string; readonly why: string; status: string };

/** A Graph whose Intune demands approvals, written from the published description alone: nothing of the simulator is in
 *  it. One connection, one tenant, no checks of tokens. */
export async function startIntuneStandIn(tls: { certPem: string; keyPem: string }) {
  const requests: ApprovalRequest[] = [];
  const acts: string[] = [];
  const holds = new Map<Step, { arrived: boolean; let: Promise<unknown>; release: (how: unknown) => void }>();
  const settings = {
    connection: { id: 'stand-in-connection', status: 'onboarded' } as { id: string; status: string } | null,
    /** How it says that it filed a request. */
    filedBy: { status: 412, code: 'PreconditionFailed' },
    /** What it gives as the code; `null` for none. */
    codeShown: (code: string): string | null => code,
  };
  const isOpen = ({ status }: ApprovalRequest) => ['needsApproval', 'approved'].includes(status);
  const act = (by: string) => {
    acts.push(by);
    settings.connection = settings.connection && { ...settings.connection, status: 'offboarding' };
  };

  /** Stops here where a test holds the step. */
  async function pass(step: Step): Promise<'goes on' | 'is dropped'> {
    const held = holds.get(step);
    if (held === undefined) return 'goes on';
    held.arrived = true;
    return (await held.let) === 'drop' ? 'is dropped' : 'goes on';
  }

  async function disconnect(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const by = oidOf(request);
    const justification = request.headers['x-msft-approval-justification'];
    const code = request.headers['x-msft-approval-code'];
    if (code !== undefined) {
      if ((await pass('redeeming')) === 'is dropped') return;
      const approved = requests.find(
        (one) => one.code === code && one.by === by && one.status === 'approved',
      );
      if (approved === undefined || justification !== undefined)
        return refuse(response, 412, 'PreconditionFailed', 'Not approved');
      approved.status = 'completed';
      act(by);
      await pass('acted');
      return json(response, 200, { value: 'inprogress' });
    }
    if (justification === undefined) {
      await pass('demanding');
      return refuse(response, 400, 'BadRequest', 'X-MSFT-Approval-Justification header is missing');
    }
    if ((await pass('filing')) === 'is dropped') return;
    if (requests.some(isOpen)) return refuse(response, 409, 'Conflict', 'A pending approval request exists');
    const why = Buffer.from(String(justification), 'base64').toString('utf8');
    const filed = { code: randomUUID(), by, why, status: 'needsApproval' };
    requests.push(filed);
    await pass('filed');
    const shown = settings.codeShown(filed.code);
    if (shown !== null) response.setHeader('x-msft-approval-code', shown);
    refuse(response, settings.filedBy.status, settings.filedBy.code, 'Approval is needed');
  }

  const server = createServer({ cert: tls.certPem, key: tls.keyPem }, async (request, response) => {
    request.resume();
    response.on('error', () => {});
    const url = new URL(request.url ?? '', 'https://localhost');
    if (url.pathname.endsWith('/disconnect')) return await disconnect(request, response);
    if (url.pathname.endsWith('/chromeOSOnboardingSettings')) {
      await pass('reading');
      const { connection } = settings;
      return json(response, 200, { value: connection === null ? [] : [shown(connection)] });
    }
    await pass('asked');
    const [, code] = /^requestId eq '(.+)'$/.exec(url.searchParams.get('$filter') ?? '') ?? [];
    const value = requests
      .filter((one) => one.code === code)
      .map(({ status }) => ({ requestId: code, status }));
    return json(response, 200, { value });
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');

  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/beta`,
    settings,
    requests,
    acts,
    openRequest: () => requests.find(isOpen),
    /** What somebody does in Intune's portal. */
    decide(status: 'approved' | 'rejected' | 'cancelled' | 'expired' | 'completed' | 'escalated') {
      const request = requests.find(isOpen);
      if (request === undefined) throw new Error('no request is open');
      request.status = status;
      if (status === 'completed') act(request.by);
    },
    hold(step: Step) {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const held = { arrived: false, let: promise, release: resolve };
      holds.set(step, held);
      return {
        arrived: () => until(`the stand-in is at ${step}`, () => held.arrived),
        /** Goes on with what came in, or forgets it. */
        release(how: 'goes on' | 'drop' = 'goes on') {
          holds.delete(step);
          held.release(how);
        },
      };
    },
    reset() {
      for (const { release } of holds.values()) release('drop');
      holds.clear();
      requests.length = 0;
      acts.length = 0;
      settings.connection = { id: 'stand-in-connection', status: 'onboarded' };
      settings.filedBy = { status: 412, code: 'PreconditionFailed' };
      settings.codeShown = (code) => code;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type IntuneStandIn = Awaited<ReturnType<typeof startIntuneStandIn>>;

const shown = ({ id, status }: { id: string; status: string }) => ({ id, onboardingStatus: status });

function oidOf({ headers }: IncomingMessage): string {
  const [, claims = ''] = (headers.authorization ?? '').split('.');
  return String(JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')).oid);
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  json(response, status, { error: { code, message: JSON.stringify({ _version: 3, Message: message }) } });
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
