import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { childEnvironment } from '../../tools/child-environment.ts';
import { scene } from '../support/scene.ts';

type GraphEvent = Record<string, unknown> & {
  correlationId: string;
  activityDateTime: string;
  actor: Record<string, unknown>;
};

const it = scene();
const program = fileURLToPath(new URL('../../src/cli/audit-reconcile.ts', import.meta.url));
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-reconcile-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** What Intune recorded, from Graph as an auditor would fetch it. */
async function intuneEvents(): Promise<GraphEvent[]> {
  const { tenantId, clientId, clientSecret } = it.simulator.registration;
  const exchanged = await fetch(`${it.simulator.url}/${tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      client_id: clientId,
      client_secret: clientSecret,
      assertion: await it.simulator.token('reader'),
      scope: 'https://graph.microsoft.com/DeviceManagementConfiguration.ReadWrite.All',
      requested_token_use: 'on_behalf_of',
    }),
  });
  const { access_token: token } = (await exchanged.json()) as { access_token: string };
  const answer = await fetch(`${it.simulator.url}/beta/deviceManagement/auditEvents`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { value: GraphEvent[] }).value;
}

async function reconcile(content: string | Buffer, ...args: string[]) {
  const file = join(folder, 'intune');
  await writeFile(file, content);
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const env = childEnvironment({ DATABASE_URL: it.testEnvironment.database.url });
    execFile(process.execPath, [program, '--intune', file, ...args], { env }, (error, out, err) =>
      resolve({ code: Number(error?.code ?? 0), out, err }),
    );
  });
}

const csvOf = (events: GraphEvent[]) =>
  `\uFEFF"Date","Initiated by (actor)","Application name","Activity","Target","Category","Status"\r\n${events
    .map(
      ({ activityDateTime, actor }) =>
        `${activityDateTime},${actor.userPrincipalName},"a ""quoted"", name","Disconnect ChromeOS connector","x, y",Enrollment,Success`,
    )
    .join('\r\n')}\r\n`;

test('disconnects that both know, in every form in which Intune gives them', async () => {
  await it.acceptedOperation();
  const events = await intuneEvents();
  const whole = JSON.stringify({ '@odata.context': 'x', value: events });
  for (const content of [
    whole,
    JSON.stringify(events, null, 2),
    events.map((event) => JSON.stringify(event)).join('\n'),
    `${whole}\n${JSON.stringify({ value: [] })}\n`,
    gzipSync(whole),
    csvOf(events),
  ]) {
    const { code, out, err } = await reconcile(content);
    assert.deepEqual([code, err], [0, ''], out);
    assert.match(out, /In both: 1\./);
  }
});

test('a disconnect made past this service (30)', async () => {
  await it.acceptedOperation();
  const past = await fetch(`${it.simulator.url}/simulator/disconnect/admin`, { method: 'POST' });
  const { clientRequestId } = (await past.json()) as { clientRequestId: string };
  const text = JSON.stringify({ value: await intuneEvents() });
  const { code, out } = await reconcile(text);
  assert.equal(code, 30, out);
  assert.match(out, /MADE PAST THIS SERVICE: 1\./);
  assert.match(out, new RegExp(`by .*with Microsoft Intune admin center: .*${clientRequestId}`));
  const json = JSON.parse((await reconcile(text, '--json')).out);
  assert.deepEqual([json.ok, json.exitCode, json.both.length], [false, 30, 1]);
  assert.equal(json.pastUs[0].correlationId, clientRequestId);
});

test('an act of ours that Intune does not have (31), within the time that is asked for', async () => {
  await it.acceptedOperation();
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const to = new Date(Date.now() + 3_600_000).toISOString();
  const { code, out } = await reconcile('[]', '--from', from, '--to', to);
  assert.equal(code, 31, out);
  const past = await reconcile('[]', '--from', '2020-01-01', '--to', '2020-02-01');
  assert.equal(past.code, 0, past.out);
});

test('differences in who, when and how it ended (32)', async () => {
  const id = await it.acceptedOperation();
  const events = await intuneEvents();
  const [attempt] = await it.events(id);
  const wrong = events.map((event) =>
    event.correlationId === attempt?.requestId
      ? {
          ...event,
          activityDateTime: new Date(Date.parse(event.activityDateTime) - 600_000).toISOString(),
          actor: { ...event.actor, userId: '00000000-0000-4000-8000-000000000009' },
          activityResult: 'Failure',
        }
      : event,
  );
  const { code, out } = await reconcile(JSON.stringify(wrong), '--from', '2020-01-01', '--to', '2100-01-01');
  assert.ok(code === 32 || code === 31, out);
  assert.match(out, /who: 00000000-0000-4000-8000-000000000009 in Intune/);
  assert.match(out, /when: /);
  assert.match(out, /outcome: failed in Intune, accepted here/);
});

for (const [name, content] of [
  ['nothing', ''],
  ['no audit events', '{"value":[{"a":1}]}'],
  ['half a line', '{"activityDateTime":"2026-01-01T00:00:00Z"}\n{"act'],
  ['a CSV without dates', 'a,b\n1,2\n'],
  ['an open quote', 'Date,Activity\n"2026-01-01,x\n'],
  ['a date that is none', '[{"activityDateTime":"soon"}]'],
] as const) {
  test(`a file of ${name} cannot be compared (1)`, async () => {
    const { code, err } = await reconcile(content);
    assert.equal(code, 1);
    assert.match(err, /^It could not be compared: /);
  });
}

test('says how it is used (2)', async () => {
  const { code, err } = await reconcile('[]', '--from', 'yesterday');
  assert.equal(code, 2);
  assert.match(err, /^Usage: audit-reconcile/);
});
