import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeTls } from '../../simulator/certificates.ts';
import { type Postgres, startPostgres } from '../postgres/postgres.ts';
import { removeWithUs } from '../remove-with-us.ts';
import { buildService } from './build.ts';
import { type Contestant, startContestant } from './contestant-process.ts';
import { type BenchDatabase, createDatabase } from './database.ts';
import { type Load, startLoad } from './load/load.ts';
import type { Scale } from './scale.ts';
import { type BenchService, logFileIn, startService } from './service.ts';
import { ids, makeSigningKey, makeToken, type SigningKey, tenantNumber, writeTokens } from './tokens.ts';
import { startUpstream, type Upstream } from './upstream/upstream.ts';
import { useLog } from './used-log.ts';

/** What a part has to work with. Whatever it starts through this ends with the bench at the latest. */
export type Bench = {
  readonly scale: Scale;
  readonly folder: string;
  /** Where the service was built to. */
  readonly serviceFolder: string;
  readonly postgres: Postgres;
  readonly upstream: Upstream;
  readonly load: Load;
  readonly signingKey: SigningKey;
  /** Shows what is going on to the person who waits. */
  readonly say: (text: string) => void;
  /** A file with the tokens of so many users of the home tenant. */
  homeTokens(users: number): Promise<string>;
  /** A file with the token of one user of each tenant. */
  tenantTokens(): Promise<string>;
  createDatabase(): Promise<BenchDatabase>;
  startService(database: BenchDatabase, environment?: Record<string, string>): Promise<BenchService>;
  startContestant(name: 'raw' | 'bare' | 'sample'): Promise<Contestant>;
  /** Runs a part, and ends what it has started with it: the next one is to have the machine to itself. */
  alone<Value>(work: () => Promise<Value>): Promise<Value>;
};

// What any server that is set up at all has: initdb's 128 MB and 1 GB are for the smallest machine there is.
const postgresSettings = { shared_buffers: '1GB', max_wal_size: '8GB', min_wal_size: '2GB' };

/** Sets everything up; what takes each part down is added to `cleanUp` as it is set up. */
export async function openBench(
  { scale, profileFolder }: { scale: Scale; profileFolder: string | null },
  say: (text: string) => void,
  cleanUp: AsyncDisposableStack,
): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-bench-'));
  cleanUp.defer(removeWithUs(folder));
  const within = (name: string) => join(folder, name);

  let current = cleanUp;
  say('building the service, starting PostgreSQL and the upstream');
  const signingKey = makeSigningKey();
  const tls = await makeTls();
  await writeFile(within('ca.pem'), tls.caPem);
  const auditKey = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
  await writeFile(within('audit-key.pem'), auditKey, { mode: 0o600 });
  const serviceFolder = within('service');
  const [postgres, upstream, load] = await Promise.all([
    started(
      startPostgres({
        dataDir: await mkdtemp(join(tmpdir(), 'chromeos-bff-bench-postgres-')),
        ephemeral: true,
        settings: postgresSettings,
      }),
      (it) => it.stop(),
    ),
    started(startUpstream(tls, signingKey.publicJwk), (it) => it.close()),
    started(startLoad(), (it) => it.close()),
    buildService(serviceFolder, cleanUp),
  ]);

  async function started<Thing>(starting: Promise<Thing>, end: (it: Thing) => Promise<void>): Promise<Thing> {
    const it = await starting;
    current.defer(() => end(it));
    return it;
  }

  await useLog(postgres.superuserUrl(), scale.logSegments);
  let services = 0;
  let databases = 0;
  const files = new Map<string, Promise<string>>();
  const tokensIn = (name: string, count: number, make: (index: number) => Promise<string>) => {
    const file = within(name);
    const progress = (done: number) => {
      if (done % 10_000 === 0) say(`${done} of ${count} tokens signed`);
    };
    const known = files.get(name) ?? writeTokens(file, count, make, progress).then(() => file);
    files.set(name, known);
    return known;
  };
  const outside = { NODE_EXTRA_CA_CERTS: within('ca.pem'), NODE_ENV: 'production' };

  return {
    scale,
    folder,
    serviceFolder,
    postgres,
    upstream,
    load,
    signingKey,
    say,
    homeTokens: (users) =>
      tokensIn(`home-${users}.tokens`, users, (index) =>
        makeToken(signingKey.privateKey, upstream.url, ids.homeTenant, index),
      ),
    tenantTokens: () =>
      tokensIn('tenants.tokens', scale.tenants, (index) =>
        makeToken(signingKey.privateKey, upstream.url, tenantNumber(index), index),
      ),
    createDatabase() {
      databases += 1;
      return started(createDatabase(postgres, `bench_${databases}`), (it) => it.drop());
    },
    startService(database, environment = {}) {
      services += 1;
      return started(
        startService(
          serviceFolder,
          logFileIn(folder, `service-${services}`),
          {
            ...outside,
            PORT: '0',
            MANAGEMENT_PORT: '0',
            AZURE_AUTHORITY_HOST: upstream.url,
            GRAPH_BASE_URL: `${upstream.url}/beta`,
            GRAPH_SCOPE: 'https://graph.microsoft.com/DeviceManagementConfiguration.ReadWrite.All',
            AZURE_TENANT_ID: ids.homeTenant,
            AZURE_CLIENT_ID: ids.clientId,
            AZURE_CLIENT_SECRET: ids.clientSecret,
            ALLOWED_CLIENT_IDS: ids.portalId,
            DATABASE_URL: database.url,
            AUDIT_SIGNING_KEY_FILE: within('audit-key.pem'),
            // High, and at work: every call is still counted against its caller.
            RATE_LIMIT_CALLER: '1000000000',
            MAX_CONCURRENT_REQUESTS: '10000',
            EXCHANGE_CACHE_SIZE: '20000',
            LOG_LEVEL: 'info',
            ...environment,
          },
          profileFolder,
        ),
        (service) => service.close(),
      );
    },
    startContestant: (name) =>
      started(
        startContestant(name, {
          ...outside,
          BENCH_UPSTREAM: upstream.url,
          BENCH_TENANT: ids.homeTenant,
          BENCH_CLIENT: ids.clientId,
          BENCH_SECRET: ids.clientSecret,
        }),
        (contestant) => contestant.close(),
      ),
    async alone(work) {
      current = cleanUp.use(new AsyncDisposableStack());
      try {
        return await work();
      } finally {
        await current.disposeAsync();
        current = cleanUp;
      }
    },
  };
}
