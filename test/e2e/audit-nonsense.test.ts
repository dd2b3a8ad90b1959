import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type pg from 'pg';
import { until } from '../support/processes.ts';
import { scene } from '../support/scene.ts';
import { connectionPath } from '../support/service.ts';
import { signingKey } from '../support/signing-key.ts';

describe('a checkpoint row that is nonsense', () => {
  const it = scene({
    environment: signingKey().environment,
    adjust: (settings) => ({ ...settings, audit: { ...settings.audit, checkpointMs: 50 } }),
  });
  let superuser: pg.Client;
  before(async () => {
    superuser = await it.testEnvironment.connectAsSuperuser();
  });

  const get = async (path: string, as: 'auditor' | 'reader') => {
    const { status, body } = await it.get(path, { as });
    assert.equal(status, 200);
    return body;
  };
  const read = () => get(connectionPath, 'reader');
  const status = () => get('/api/v1/audit/verification', 'auditor');

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
        [it.tenantId, number, statement],
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
    assert.equal(await it.service.metric('chromeos_bff_audit_contradicted'), 0);
  });
});
