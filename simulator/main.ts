import { resolve } from 'node:path';
import { type Simulator, startSimulator } from './simulator.ts';

const port = readPort('SIMULATOR_PORT', '8443');
const browserPort = readPort('SIMULATOR_BROWSER_PORT', String(port === 0 ? 0 : port + 1));
const host = process.env.SIMULATOR_HOST ?? '127.0.0.1';
const publicHost = process.env.SIMULATOR_PUBLIC_HOST ?? 'localhost';
const caFile = resolve(process.env.SIMULATOR_CA_FILE ?? 'data/simulator-ca.pem');

let simulator: Simulator;
try {
  simulator = await startSimulator({ port, browserPort, host, publicHost, caFile });
} catch (error) {
  fail(explain(error));
}

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    void simulator.close();
  });
}
process.stdout.write(welcome(simulator));

function welcome({ url, browserUrl, registration, portalClientId }: Simulator): string {
  return `
The simulator is up: ${url}
  Entra ID and Microsoft Graph for tenant ${registration.tenantId}
  Help             ${url}/simulator
  CA certificate   ${caFile}
  Browser door     ${browserUrl} (people sign in there, over plain HTTP)

Start the service against it with:
  export NODE_EXTRA_CA_CERTS='${caFile}'
  export AZURE_AUTHORITY_HOST='${url}'
  export GRAPH_BASE_URL='${url}/beta'
  export GRAPH_SCOPE='${registration.graphScope}'
  export AZURE_TENANT_ID='${registration.tenantId}'
  export AZURE_CLIENT_ID='${registration.clientId}'
  export AZURE_CLIENT_SECRET='${registration.clientSecret}'
  export ALLOWED_CLIENT_IDS='${portalClientId}'

The admin's token:
  curl --cacert '${caFile}' ${url}/simulator/token/admin

Ctrl-C stops it.
`;
}

function readPort(name: string, usual: string): number {
  const text = process.env[name] ?? usual;
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  return fail(`${name} must be a port number from 0 (any free one) to 65535.`);
}

function explain(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    const taken = error instanceof Error && 'port' in error ? error.port : port;
    return `Port ${taken} is taken, perhaps by another simulator. Stop that, or choose another: SIMULATOR_PORT=8543 npm run simulator (SIMULATOR_BROWSER_PORT is the next, unless set)`;
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return `The simulator may not listen on ${host} port ${port} or write ${caFile}. Set SIMULATOR_HOST, SIMULATOR_PORT or SIMULATOR_CA_FILE. (${String(error)})`;
  }
  return `The simulator did not start: ${error instanceof Error ? error.message : String(error)}`;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
