import assert from 'node:assert/strict';
import type { Scene } from './scene.ts';
import { disconnectPath, eventsPath } from './service.ts';

export const keyOfRelease = 'of-the-release';
const approvals = { policy: { approvalRequired: true } };

/** Has a service do all that it does with its database, so that there is something in every table: operations of many
 *  statuses, a decision, a trail with a checkpoint, an idempotency key (`keyOfRelease`), the switch. */
export async function liveThrough(it: Scene): Promise<void> {
  const approver = { as: 'second-admin', body: { reason: 'seen' } } as const;
  await it.get('/api/v1/me');
  await it.readConnection();
  await it.disconnect({ query: '?dryRun=true' });
  await it.beside(approvals, async (on) => {
    for (const verb of ['reject', 'approve'] as const) {
      const { body } = await it.disconnect({ on, body: { reason: 'moving', ticket: 'CHG-1' } });
      const path = `/api/v1/operations/${body.operationId}`;
      const { headers } = await it.get(path, { on, as: 'second-admin' });
      const ifMatch = { 'if-match': String(headers.etag) };
      assert.equal((await it.post(`${path}/${verb}`, { ...approver, headers: ifMatch, on })).status, 200);
      if (verb === 'approve') {
        assert.equal((await it.post(`${path}/withdraw`, { on, body: { reason: 'not now' } })).status, 200);
      }
    }
  });
  const unknown = await it.unknownOperation();
  const over = await it.post(disconnectPath, {
    headers: { 'idempotency-key': keyOfRelease },
    body: { supersedes: unknown },
  });
  assert.equal(over.status, 200, over.text);
  await it.operation(over.body.operationId);
  for (const path of [`${eventsPath}?limit=1`, '/api/v1/audit/export', '/api/v1/audit/verification']) {
    assert.equal((await it.get(path, { as: 'auditor' })).status, 200, path);
  }
  await it.get('/api/v1/operations');
  await it.disconnect({ as: 'reader' });
}
