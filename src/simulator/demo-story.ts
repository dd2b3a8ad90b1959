import { Agent, request } from 'undici';
import { DemoFailure } from './demo-failure.ts';
import { movedMetrics, report, shellWord } from './demo-report.ts';
import type { Service } from './demo-service.ts';
import { people } from './directory.ts';
import type { Simulator } from './simulator.ts';

const PATH = '/api/v1/deviceManagement/chromeOSOnboardingSettings/disconnect';
const SHOWN_HEADERS = ['content-type', 'client-request-id', 'request-id', 'retry-after', 'www-authenticate'];
const REQUEST = { reason: 'The school moves to another Google domain', ticket: 'CHG-1042' };

type Scene = { service: Service; simulator: Simulator; caFile: string };
type Answer = { status: number; headers: [string, string][]; body: string };

/** Does the main job as the admin, and shows what it left behind: answer, record, metrics. */
export async function tellTheMainJob({ service, simulator, caFile }: Scene): Promise<void> {
  const agent = new Agent({ connect: { ca: simulator.caPem } });
  try {
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

    report.title(`The record, as ${people.auditor.displayName}, an auditor, reads it`);
    const { operationId } = JSON.parse(answer.body) as { operationId: string };
    const url = `${service.url}/api/v1/audit/events?operationId=${operationId}`;
    report.faint(`GET ${url}`);
    const [attempt, outcome] = await readRecord(agent, url, await simulator.token('auditor'));
    report.pair(attempt, outcome);

    report.title('The metrics that moved');
    report.faint(`GET ${service.managementUrl}/metrics (without histogram buckets)`);
    report.metrics(movedMetrics(before, after));
  } finally {
    await agent.close();
  }
}

function curlLine(service: Service, simulator: Simulator, caFile: string): string {
  const ca = shellWord(caFile);
  return [
    `curl -i --cacert ${ca}`,
    `-H "Authorization: Bearer $(curl -s --cacert ${ca} ${simulator.url}/simulator/token/admin)"`,
    `-H 'Content-Type: application/json'`,
    `-d ${shellWord(JSON.stringify(REQUEST))}`,
    `${service.url}${PATH}`,
  ].join(' \\\n  ');
}

async function readRecord(agent: Agent, url: string, token: string): Promise<[object, object]> {
  const { status, body } = await send(agent, 'GET', url, token);
  if (status !== 200) throw new DemoFailure(`The audit trail could not be read: ${status} ${body}`);
  const { events } = JSON.parse(body) as { events: { event: string }[] };
  const attempt = events.find(({ event }) => event === 'attempt');
  const outcome = events.find(({ event }) => event === 'outcome');
  if (!attempt || !outcome) throw new DemoFailure(`The audit trail lacks a record of this call: ${body}`);
  return [attempt, outcome];
}

async function send(
  agent: Agent,
  method: 'GET' | 'POST',
  url: string,
  token: string,
  content?: object,
): Promise<Answer> {
  const { statusCode, headers, body } = await request(url, {
    dispatcher: agent,
    method,
    headers: {
      authorization: `Bearer ${token}`,
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
