import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { superuserUrl } from '../../tools/postgres/postgres-access.ts';
import { postgresAccess } from '../support/postgres.ts';
import { until } from '../support/processes.ts';
import {
  bearer,
  connectionPath,
  startService,
  startWorld,
  type TestService,
  type World,
} from '../support/service.ts';

describe('a checkpoint row that is nonsense', () => {
  let world: World;
  let folder: string;
  let superuser: pg.Client;
  let service: TestService;
  before(async () => {
    world = await startWorld();
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-nonsense-'));
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const name = new URL(world.database.url).pathname.slice(1);
    superuser = new pg.Client({ connectionString: superuserUrl(postgresAccess(), name) });
    await superuser.connect();
    service = await startService(world, {
      environment: { AUDIT_SIGNING_KEY_FILE: join(folder, 'key.pem'), RATE_LIMIT_CALLER: '0' },
      adjust: (settings) => ({ ...settings, audit: { ...settings.audit, checkpointMs: 50 } }),
    });
  });
  after(async () => {
    await service?.close();
    await superuser?.end();
    await world?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const get = async (path: string, person: 'auditor' | 'reader') =>
    service.api
      .get(path)
      .set('authorization', bearer(await world.simulator.token(person)))
      .expect(200);
  const read = () => get(connectionPath, 'reader');
  const status = async () => (await get('/api/v1/audit/verification', 'auditor')).body;

  const nonsense: [string, number, string][] = [
    ['an absurd number', 2 ** 53 - 1, '{"type":"checkpoint","number":1e400}'],
    ['a negative number', -1, '{"type":"checkpoint","number":-1}'],
    ['no JSON', 4_000_000, 'checkpoint!'],
    ['another type of JSON', 4_000_001, '[]'],
    ['no time', 4_000_002, '{"type":"checkpoint","chain":"x","number":1,"link":"","keyId":null}'],
    ['an empty text', 4_000_003, ''],
  ];
  for (const [what, number, statement] of nonsense) {
    test(`with ${what}: stops neither the status nor honest checkpoints`, async () => {
      await read();
      await until('there is an honest one', async () => (await status()).lastCheckpoint?.signed === true);
      await superuser.query(
        `insert into audit_checkpoints (id, chain, number, statement, key_id, signature, made_at)
         values (gen_random_uuid(), $1, $2, $3, 'nobody', '\\x00', now())`,
        [world.simulator.registration.tenantId, number, statement],
      );
      await read();
      const { length } = await status();
      await until('what came since is signed', async () => {
        const { lastCheckpoint } = await status();
        return lastCheckpoint?.signed === true && lastCheckpoint.number >= length;
      });
    });
  }

  test('none of them is taken for a contradiction', async () => {
    assert.equal(await service.metric('chromeos_bff_audit_contradicted'), 0);
  });
});
