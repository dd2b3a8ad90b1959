import { randomUUID } from 'node:crypto';
import { Agent, request } from 'undici';
import { people } from '../../simulator/directory.ts';
import type { Simulator } from '../../simulator/simulator.ts';
import { DemoFailure } from './demo-failure.ts';
import type { RecordedEvent } from './demo-record.ts';
import { movedMetrics, reconnectLine, report, shellWord } from './demo-report.ts';
import type { Service } from './demo-service.ts';

const PATH = '/api/v1/deviceManagement/chromeOSOnboardingSettings/disconnect';
const SHOWN_HEADERS = ['content-type', 'client-request-id', 'request-id', 'retry-after', 'www-authenticate'];
/** How long each state lasts on the way to the end, in milliseconds: the service reads every 5 s. */
const STEP_MS = 6_000;
const REQUEST = { reason: 'The school moves to another Google domain', ticket: 'CHG-1042' };

type Scene = {
  service: Service;
  simulator: Simulator;
  caFile: string;
  /** Runs once the tenant is connected again, before the line that can be pasted is shown. */
  epilogue: () => Promise<void>;
};
type Answer = { status: number; headers: [string, string][]; body: string };

/** Does the main job as the admin, and shows what it left behind: answer, record, metrics. */
export async function showMainJob({ service, simulator, caFile, epilogue }: Scene): Promise<void> {
  const agent = new Agent({ connect: { ca: simulator.caPem } });
  try {
    // An earlier demo may have disconnected what this simulator starts with. Gone at the first read: the
    // service reads every few seconds only.
    simulator.setSequence(simulator.registration.tenantId, ['inprogress', 'gone']);
    simulator.setConnection(simulator.registration.tenantId, { id: randomUUID() });
    report.title(`${people.admin.displayName}, an endpoint admin, disconnects the ChromeOS connector`);
    report.command(curlLine(service, simulator, caFile));
    const before = await scrape(service);
    const answer = await send(
      agent,
      'POST',
      `${service.url}${PATH}`,
      await simulator.token('admin'),
      REQUEST,
    );
    const after = await scrape(service);

    report.title('The answer');
    report.answer(answer);
    if (answer.status !== 200) {
      throw new DemoFailure(`The service answered ${answer.status} where 200 was expected.`);
    }

    report.title('Watching it end');
    const { operationId } = JSON.parse(answer.body) as { operationId: string };
    await watchItEnd(agent, service, operationId, await simulator.token('admin'));

    report.title(`The record, as ${people.auditor.displayName}, an auditor, reads it`);
    const eventsPath = `/api/v1/audit/events?operationId=${operationId}`;
    report.faint(`GET ${eventsPath}`);
    report.record(await readRecord(agent, `${service.url}${eventsPath}`, await simulator.token('auditor')));

    report.title('The metrics that moved');
    report.faint(`GET ${service.managementUrl}/metrics`);
    report.metrics(movedMetrics(before, after));

    connectAgain(simulator);
    await epilogue();

    // So that the curl line can be pasted, and a disconnect in the portal be watched.
    connectAgain(simulator);
    report.faint('The tenant is connected again: the curl line above can be pasted, once. The second time');
    report.faint('it is refused, since there is nothing left to disconnect. To connect again:');
    report.command(reconnectLine(caFile, simulator.url, simulator.registration.tenantId));
  } finally {
    await agent.close();
  }
}

function connectAgain(simulator: Simulator): void {
  for (const tenantId of [simulator.registration.tenantId, simulator.otherTenantId]) {
    simulator.setSequence(tenantId, ['inprogress', 'offboarding', 'gone'], { everyMs: STEP_MS });
    simulator.setConnection(tenantId, { id: randomUUID() });
  }
}

/** Asks until the operation has ended. The service reads Graph for it every few seconds at most. */
async function watchItEnd(agent: Agent, service: Service, operationId: string, token: string): Promise<void> {
  const path = `/api/v1/operations/${operationId}`;
  report.faint(`GET ${path}, Prefer: wait=20`);
  for (let asked = 0; asked < 3; asked += 1) {
    const { status, body } = await send(agent, 'GET', `${service.url}${path}`, token, undefined, {
      prefer: 'wait=20',
    });
    if (status !== 200) throw new DemoFailure(`The operation could not be read: ${status} ${body}`);
    const operation = JSON.parse(body) as {
      status: string;
      explanation: string | null;
      tookMs: number | null;
    };
    if (operation.status === 'accepted') continue;
    report.faint(`${operation.status}: ${operation.explanation} (${operation.tookMs} ms after sending)`);
    return;
  }
}

function curlLine(service: Service, simulator: Simulator, caFile: string): string {
  const ca = shellWord(caFile);
  return [
    service.url.startsWith('https:') ? `curl -i --cacert ${ca}` : 'curl -i',
    `-H "Authorization: Bearer $(curl -s --cacert ${ca} ${simulator.url}/simulator/token/admin)"`,
    `-H 'Content-Type: application/json'`,
    `-d ${shellWord(JSON.stringify(REQUEST))}`,
    `${service.url}${PATH}`,
  ].join(' \\\n  ');
}

async function readRecord(agent: Agent, url: string, token: string): Promise<RecordedEvent[]> {
  const { status, body } = await send(agent, 'GET', url, token);
  if (status !== 200) throw new DemoFailure(`The audit trail could not be read: ${status} ${body}`);
  const { events } = JSON.parse(body) as { events: RecordedEvent[] };
  for (const kind of ['attempt', 'outcome']) {
    if (!events.some(({ event }) => event === kind)) {
      throw new DemoFailure(`The audit trail lacks the ${kind} of this call: ${body}`);
    }
  }
  return events;
}

async function send(
  agent: Agent,
  method: 'GET' | 'POST',
  url: string,
  token: string,
  content?: object,
  more: Record<string, string> = {},
): Promise<Answer> {
  const { statusCode, headers, body } = await request(url, {
    dispatcher: agent,
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...more,
      ...(content ? { 'content-type': 'application/json' } : {}),
    },
    ...(content ? { body: JSON.stringify(content) } : {}),
  });
  return {
    status: statusCode,
    headers: SHOWN_HEADERS.filter((name) => headers[name] !== undefined).map((name) => [
      name,
      String(headers[name]),
    ]),
    body: await body.text(),
  };
}

async function scrape(service: Service): Promise<string> {
  const response = await fetch(`${service.managementUrl}/metrics`);
  return response.text();
}
