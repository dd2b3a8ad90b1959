import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { scene } from '../support/scene.ts';
import { bearer, disconnectPath } from '../support/service.ts';

/** How many calls of the acting routes there were, by what Prometheus tells series apart by. */
const callsIn = (metrics: string) =>
  new Map(
    [...metrics.matchAll(/^chromeos_bff_http_request_duration_seconds_count(\{.*"POST".*\}) (\d+)$/gm)].map(
      ([, labels, count]) => [labels ?? '', Number(count)],
    ),
  );

describe('the first failure of an act', () => {
  const it = scene();

  // Prometheus sees a counter grow only where it has seen it before.
  for (const path of [disconnectPath, `/api/v1/operations/${randomUUID()}/execute`]) {
    test(`adds to a series that was there: ${path.replace(/.*\//, '')}`, async () => {
      const scrape = async () => callsIn((await it.service.management.get('/metrics').expect(200)).text);
      const before = await scrape();
      const authorization = bearer(await it.simulator.token('admin'));
      await it.query('alter table audit_events rename to elsewhere');
      try {
        const answer = await it.service.api.post(path).set({ authorization });
        assert.equal(answer.status, 503);
      } finally {
        await it.query('alter table elsewhere rename to audit_events');
      }
      const grown = [...(await scrape())].filter(([labels, count]) => count > (before.get(labels) ?? -1));
      assert.equal(grown.length, 1);
      for (const [labels] of grown) assert.equal(before.get(labels), 0, labels);
    });
  }
});
