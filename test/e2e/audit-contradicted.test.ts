import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type pg from 'pg';
import { until } from '../support/processes.ts';
import { emptyScene } from '../support/scene.ts';
import type { TestService } from '../support/service.ts';
import { signingKey } from '../support/signing-key.ts';

const verificationPath = '/api/v1/audit/verification';

describe('a trail that somebody rewrites under a running service', () => {
  const it = emptyScene({
    environment: signingKey().environment,
    adjust: (settings) => ({ ...settings, audit: { ...settings.audit, checkpointMs: 50 } }),
  });
  let superuser: pg.Client;
  before(async () => {
    superuser = await it.testEnvironment.connectAsSuperuser();
  });

  const read = async (on: TestService) =>
    assert.equal((await it.readConnection({ on, as: 'reader' })).status, 200);
  const status = async (on: TestService): Promise<string> => {
    const answer = await it.get(verificationPath, { on, as: 'auditor' });
    assert.equal(answer.status, 200);
    return answer.body.status;
  };
  /** Without the key, but with everything else. */
  async function rewrite(): Promise<void> {
    await superuser.query('begin');
    await superuser.query('set local session_replication_role = replica');
    await superuser.query(
      `update audit_events set record = replace(record::text, 'succeeded', 'refused')::json where chain = $1 and number = 1`,
      [it.tenantId],
    );
    await superuser.query(`
      do $$ declare r record; previous bytea := audit_genesis('${it.tenantId}'); begin
        for r in select * from audit_events where chain = '${it.tenantId}' order by number loop
          previous := sha256(previous || sha256(convert_to(r.record::text, 'UTF8')));
          update audit_events set digest = sha256(convert_to(record::text, 'UTF8')), link = previous
          where chain = r.chain and number = r.number;
        end loop;
        update audit_chains set head = previous where chain = '${it.tenantId}';
      end $$`);
    await superuser.query('commit');
  }

  test('is not signed any more, and metric, readiness, log and API say so; nor is it after a restart', async () => {
    const service = await it.start();
    await read(service);
    await until('it is signed', async () => ['signed', 'behind'].includes(await status(service)));
    assert.equal(await service.metric('chromeos_bff_audit_contradicted', { reason: 'changed' }), 0);

    await rewrite();
    await read(service);
    await until('it is noticed', async () => (await status(service)) === 'contradicted');
    assert.equal(await service.metric('chromeos_bff_audit_contradicted', { reason: 'changed' }), 1);
    const verbose = await service.management.get('/readyz?verbose').expect(200);
    assert.match(JSON.stringify(verbose.body), new RegExp(`${it.tenantId} is not signed: the link of event`));
    const said = service.log.filter((line) => String(line.msg).startsWith('an audit chain contradicts'));
    assert.deepEqual(
      said.map(({ level, chain, reason }) => [level, chain, reason]),
      [['error', it.tenantId, 'changed']],
    );
    await until('receivers are to be told', async () => {
      const queued = await it.query<{ tenant_id: string; detail: object }>(
        "select tenant_id, detail from notifications where type like '%.history.contradicted'",
      );
      if (queued.length === 0) return false;
      assert.deepEqual(
        queued.map(({ tenant_id, detail }) => ({ chain: tenant_id, ...detail })),
        said.map(({ chain, reason, problem }) => ({ chain, reason, message: problem })),
      );
      return true;
    });
    await service.close();

    // Deleted as well, and a new process knows nothing of before.
    await superuser.query('set session_replication_role = replica');
    await superuser.query('delete from audit_checkpoints');
    await superuser.query("update audit_events set occurred_at = occurred_at - interval '2 hours'");
    await superuser.query('set session_replication_role = origin');
    const again = await it.start();
    await until('it is noticed', async () => (await status(again)) === 'contradicted');
    assert.equal(await again.metric('chromeos_bff_audit_contradicted', { reason: 'never_signed' }), 1);
    const { rows } = await superuser.query('select from audit_checkpoints where chain = $1', [it.tenantId]);
    assert.equal(rows.length, 0);
  });
});
