import assert from 'node:assert/strict';
import tls from 'node:tls';
import pg from 'pg';
import request from 'supertest';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { createLogsOn } from '../../src/adapters/telemetry/logger.ts';
import { compose, type Service } from '../../src/compose/compose.ts';
import { loadSettings, type Settings } from '../../src/settings/settings.ts';
import { superuserUrl } from '../../tools/postgres/postgres-access.ts';
import { assertAnswersDescribed } from './answers-described.ts';
import { migratedDatabase, postgresAccess } from './postgres.ts';
import { until } from './processes.ts';
import { simulatorKeys } from './shared-keys.ts';

export const disconnectPath = '/api/v1/deviceManagement/chromeOSOnboardingSettings/disconnect';
export const connectionPath = '/api/v1/deviceManagement/chromeOSOnboardingSettings';
export const eventsPath = '/api/v1/audit/events';

/** One log line, parsed. */
export type LogLine = Record<string, unknown> & { msg: string };

export type Environment = Record<string, string>;

export type TestEnvironment = {
  readonly simulator: Simulator;
  readonly database: { readonly url: string; readonly adminUrl: string };
  /** Runs a statement as the database's owner. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** A connection of the database's owner, for what takes more than one statement. */
  connect(): Promise<pg.Client>;
  /** One of PostgreSQL's superuser, for what neither of our roles may do. */
  connectAsSuperuser(): Promise<pg.Client>;
  /** Ends every open operation in the database, as if it had been watched to its end. */
  closeOperations(): Promise<void>;
  /** The environment variables of a service in it. */
  environment(extra?: Environment): Environment;
  /** Lets go of everything, then fails where a service in it gave an answer that is not as the OpenAPI
   *  document says. */
  close(): Promise<void>;
};

export type TestService = {
  readonly service: Service;
  readonly url: string;
  readonly managementUrl: string;
  readonly api: ReturnType<typeof request>;
  readonly management: ReturnType<typeof request>;
  readonly log: LogLine[];
  /** The value of one metric line, 0 where it is not there. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
  ready(): Promise<void>;
  close(): Promise<void>;
};

/** A simulator over TLS, whose CA this process trusts from now on, and a migrated database of its own. */
export async function startTestEnvironment(): Promise<TestEnvironment> {
  const [simulator, database] = await Promise.all([startSimulator(simulatorKeys()), migratedDatabase()]);
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), simulator.caPem]);
  const pool = new pg.Pool({ connectionString: database.adminUrl, max: 2 });
  pool.on('error', () => {});
  const clients: pg.Client[] = [];
  const connectTo = async (connectionString: string) => {
    const client = new pg.Client({ connectionString });
    clients.push(client);
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  return {
    simulator,
    database,
    query: async (sql, values) => (await pool.query(sql, values)).rows,
    connect: () => connectTo(database.adminUrl),
    connectAsSuperuser: () =>
      connectTo(superuserUrl(postgresAccess(), new URL(database.adminUrl).pathname.slice(1))),
    async closeOperations() {
      await pool.query("update operations set status = 'completed' where status in ('accepted', 'unknown')");
      await pool.query(
        `update operations set status = 'expired' where status in (
           'awaiting_approval', 'approved', 'awaiting_intune_approval', 'approved_in_intune')`,
      );
      await pool.query('update operations set idempotency_key = null where idempotency_key is not null');
    },
    environment: (extra) => ({
      NODE_ENV: 'test',
      PORT: '0',
      MANAGEMENT_PORT: '0',
      AZURE_AUTHORITY_HOST: simulator.url,
      GRAPH_BASE_URL: `${simulator.url}/beta`,
      GRAPH_SCOPE: simulator.registration.graphScope,
      AZURE_TENANT_ID: simulator.registration.tenantId,
      AZURE_CLIENT_ID: simulator.registration.clientId,
      AZURE_CLIENT_SECRET: simulator.registration.clientSecret,
      ALLOWED_CLIENT_IDS: simulator.portalClientId,
      DATABASE_URL: database.url,
      LOG_LEVEL: 'info',
      ...extra,
    }),
    async close() {
      await Promise.all([pool.end(), ...clients.map((client) => client.end())]);
      await simulator.close();
      await database.drop();
      assertAnswersDescribed();
    },
  };
}

/** The whole service in this process, on ports of its own, in that test environment. */
export async function startService(
  testEnvironment: TestEnvironment,
  options: {
    environment?: Environment;
    /** What the environment has no name for. */
    adjust?: (settings: Settings) => Settings;
    /** Don't wait for readiness. */
    unready?: boolean;
  } = {},
): Promise<TestService> {
  const settings = loadSettings(testEnvironment.environment(options.environment));
  const log: LogLine[] = [];
  const output = {
    write: (_kind: unknown, line: string) => void log.push(JSON.parse(line)),
    dropped: { request: 0, log: 0, audit: 0, checkpoint: 0 },
    flush: async () => {},
  };
  const service = compose(
    options.adjust?.(settings) ?? settings,
    createLogsOn(output, { level: settings.log.level, auditEvents: settings.audit.stdout }),
  );
  const { port, managementPort } = await service.start();
  const url = `${settings.server.tls === null ? 'http' : 'https'}://localhost:${port}`;
  const managementUrl = `http://localhost:${managementPort}`;
  const management = request(managementUrl);
  const isReady = async () => (await management.get('/readyz')).status === 200;
  try {
    if (!options.unready) await until('the service is ready', isReady);
  } catch (error) {
    // Left open it would keep the test's process alive for ever.
    await service.close();
    throw error;
  }
  return {
    service,
    url,
    managementUrl,
    api: request(url),
    management,
    log,
    async metric(name, labels = {}) {
      const { text } = await management.get('/metrics').expect(200);
      return metricIn(text, name, labels);
    },
    ready: () => until('the service is ready', isReady),
    close: () => service.close(),
  };
}

/** The value of the metric line with that name and at least those labels; 0 where there is none. */
export function metricIn(text: string, name: string, labels: Record<string, string>): number {
  const line = text
    .split('\n')
    .find(
      (candidate) =>
        (candidate.startsWith(`${name}{`) || candidate.startsWith(`${name} `)) &&
        Object.entries(labels).every(([label, value]) => candidate.includes(`${label}="${value}"`)),
    );
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1));
}

/** Asserts that nobody and nothing secret is in a text. */
export function assertNoSecret(text: string, secrets: readonly string[]): void {
  for (const secret of secrets) assert.ok(!text.includes(secret), 'a secret has leaked');
}

export const bearer = (token: string) => `Bearer ${token}`;
