import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { people } from '../../simulator/directory.ts';
import type { Simulator } from '../../simulator/simulator.ts';
import { childEnvironment } from '../child-environment.ts';
import { DemoFailure } from './demo-failure.ts';
import { report } from './demo-report.ts';
import type { Service } from './demo-service.ts';

type Scene = {
  readonly service: Service;
  readonly simulator: Simulator;
  readonly dataDir: string;
  readonly databaseUrl: string;
};

/** Proves the trail, as an auditor does: an export verifies, one altered byte in it is found, and a disconnect that was
 *  made past the service stands in Intune's own record. */
export async function proveTheTrail({ service, simulator, dataDir, databaseUrl }: Scene): Promise<void> {
  const agent = new Agent({ connect: { ca: simulator.caPem } });
  try {
    // What the service does every five minutes, by hand: nobody wants to wait for it here.
    await run(['audit-adopt', '--yes'], {
      DATABASE_URL: databaseUrl,
      AUDIT_SIGNING_KEY_FILE: join(dataDir, 'audit-signing-key.pem'),
    });
    report.title(`The proof, as ${people.auditor.displayName} finds it out`);
    const file = join(dataDir, 'audit-export.ndjson');
    await writeFile(file, await exported(agent, service, await simulator.token('auditor')));
    const keyFile = join(dataDir, 'audit-public-key.pem');
    // A demo that was ended hours ago left events unsigned until now.
    const verify = ['audit-verify', '--public-key', keyFile, '--late', '3650d', file];
    await show(verify, { expected: 0, says: /\d+ events?, nothing wrong\. Signed up to event \d+/ });

    report.faint('With one byte of that file altered, CHG-1042 to CHG-1043:');
    await writeFile(file, (await readFile(file, 'utf8')).replace('CHG-1042', 'CHG-1043'));
    await show(verify, { expected: 10, says: /altered_event in [^\n]*?: (Event \d+ was altered[^.]*\.)/ });

    report.faint('And with a disconnect made past the service, in the admin center:');
    const intune = join(dataDir, 'intune-audit-events.json');
    await writeFile(intune, await madePastUs(agent, simulator));
    await show(['audit-reconcile', '--intune', intune], {
      expected: 30,
      says: /(MADE PAST THIS SERVICE: \d+)\.\n\s*(\S+ by \S+)/,
      environment: { DATABASE_URL: databaseUrl },
    });
  } finally {
    await agent.close();
  }
}

async function exported(agent: Agent, service: Service, token: string): Promise<string> {
  const { statusCode, body } = await request(`${service.url}/api/v1/audit/export`, {
    dispatcher: agent,
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await body.text();
  if (statusCode !== 200)
    throw new DemoFailure(`The audit trail could not be exported: ${statusCode} ${text}`);
  return text;
}

/** Disconnects past the service, and gives Intune's record of the tenant, as Graph does. */
async function madePastUs(agent: Agent, simulator: Simulator): Promise<string> {
  const { tenantId, clientId, clientSecret } = simulator.registration;
  const call = async (method: 'GET' | 'POST', path: string, more: { token?: string; form?: object } = {}) => {
    const { statusCode, body } = await request(`${simulator.url}${path}`, {
      dispatcher: agent,
      method,
      headers: {
        ...(more.token && { authorization: `Bearer ${more.token}` }),
        ...(more.form && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(more.form && { body: new URLSearchParams({ ...more.form }).toString() }),
    });
    const text = await body.text();
    if (statusCode !== 200) throw new DemoFailure(`The simulator answered ${statusCode} to ${path}: ${text}`);
    return text;
  };
  await call('POST', '/simulator/disconnect/admin');
  const exchanged = await call('POST', `/${tenantId}/oauth2/v2.0/token`, {
    form: {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      requested_token_use: 'on_behalf_of',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'https://graph.microsoft.com/DeviceManagementConfiguration.ReadWrite.All',
      assertion: await simulator.token('auditor'),
    },
  });
  const { access_token: token } = JSON.parse(exchanged) as { access_token: string };
  return call('GET', '/beta/deviceManagement/auditEvents', { token });
}

async function run(
  [program = '', ...args]: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string }> {
  const path = fileURLToPath(new URL(`../../src/cli/${program}.ts`, import.meta.url));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path, ...args],
      { env: childEnvironment(environment) },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), out: stdout + stderr }),
    );
  });
}

/** Runs an auditor's program and shows what it says that matters. */
async function show(
  command: readonly string[],
  {
    expected,
    says,
    environment,
  }: { expected: number; says: RegExp; environment?: Readonly<Record<string, string>> },
): Promise<void> {
  const { code, out } = await run(command, environment);
  const match = says.exec(out);
  const program = String(command[0]);
  if (code !== expected || match === null) {
    throw new DemoFailure(`${program} ended with ${code} where ${expected} was expected.`, out.split('\n'));
  }
  const [whole, ...parts] = match;
  report.step(program, `${parts.length === 0 ? whole : parts.join(': ')} (exit code ${code})`);
}
