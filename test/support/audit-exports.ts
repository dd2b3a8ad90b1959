import assert from 'node:assert/strict';
import { before } from 'node:test';
import type { ChainReport } from '../../src/audit-verification/chain-proofs.ts';
import { verifyExport } from '../../src/audit-verification/export-file.ts';
import { Finding, Findings } from '../../src/audit-verification/finding.ts';
import { verifierFrom } from '../../src/audit-verification/format/statement.ts';
import type { OutsideCheckpoints } from '../../src/audit-verification/outside-checkpoints.ts';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { type Scene, scene } from './scene.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  type Environment,
  type LogLine,
  startService,
  type TestEnvironment,
} from './service.ts';
import { signingKey } from './signing-key.ts';

export const exportPath = '/api/v1/audit/export';

export type Line = { type: string; number: number; digest?: string; event?: AuditEvent; signature?: string };

/** A service with a signing key, whose trail has a disconnect, some reads and a refusal, signed by the
 *  process before it, and an auditor who may export it. */
export function exportScene() {
  const { publicKey, environment } = signingKey();
  const verifier = verifierFrom(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  const verifiers = new Map([[verifier.keyId, verifier]]);
  let earlierLog: LogLine[] = [];
  let auditor = '';
  const it = scene({
    environment: async (testEnvironment) => {
      earlierLog = await beginTrail(testEnvironment, environment);
      return environment;
    },
  });
  before(async () => {
    auditor = bearer(await it.simulator.token('auditor'));
  });

  const exports = {
    verifier,
    verifiers,
    /** As the `Authorization` header has it. */
    get auditor() {
      return auditor;
    },
    /** What the process before printed. */
    get earlierLog() {
      return earlierLog;
    },
    download: (query = '') =>
      it.service.api
        .get(`${exportPath}${query}`)
        .set('authorization', auditor)
        .buffer(true)
        .parse((response, done) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => done(null, Buffer.concat(chunks)));
        }),
    exported: async (query?: string): Promise<Buffer> => (await exports.download(query).expect(200)).body,
    /** Throws the first finding. */
    async verify(bytes: Buffer, outside: OutsideCheckpoints = new Map()): Promise<ChainReport> {
      const findings = new Findings();
      const options = { verifiers, outside, findings, lateMs: 3_600_000, onProgress: () => {} };
      const report = await verifyExport(inPieces(bytes), options);
      const [first] = findings.list;
      if (first !== undefined) throw first;
      assert.ok(report);
      return report;
    },
    async findingOf(bytes: Buffer): Promise<Finding> {
      try {
        await exports.verify(bytes);
      } catch (error) {
        assert.ok(error instanceof Finding, String(error));
        return error;
      }
      return assert.fail('nothing was found');
    },
  };
  return Object.defineProperties(it, Object.getOwnPropertyDescriptors(exports)) as Scene & typeof exports;
}

/** What a process before did; gives what it printed. */
async function beginTrail(testEnvironment: TestEnvironment, environment: Environment): Promise<LogLine[]> {
  const { api, log, close } = await startService(testEnvironment, { environment });
  const admin = bearer(await testEnvironment.simulator.token('admin'));
  await api
    .post(disconnectPath)
    .set('authorization', admin)
    .send({ reason: 'Zoë: "миграция" \u2028 \u{1F4BB} \uFFFD' })
    .expect(200);
  for (let count = 0; count < 5; count += 1) {
    await api.get(connectionPath).set('authorization', admin).expect(200);
  }
  await api.get(exportPath).set('authorization', admin).expect(403);
  await close();
  return log;
}

export function linesIn(bytes: Buffer): Line[] {
  return bytes
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

export function bytesOf(lines: readonly object[]): Buffer {
  return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** As a file comes. */
export async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

/** Makes a tenant's trail so long that an export does not fit into any buffer: 15,000 events like its first. */
export async function lengthenTrail(
  testEnvironment: Pick<TestEnvironment, 'query'>,
  tenantId: string,
): Promise<void> {
  await testEnvironment.query(
    `select record_audit_events(json_agg(replace(record::text, id::text, gen_random_uuid()::text)::json), 5000)
     from (select * from audit_events where chain = $1 order by number limit 1) one, generate_series(1, 15000)`,
    [tenantId],
  );
}
