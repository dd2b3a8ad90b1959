import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ClientCredential } from '../../../src/adapters/entra/client-credential.ts';
import type { FailedTry } from '../../../src/adapters/entra/token-exchange.ts';
import {
  type OutboundAnswer,
  type OutboundRequest,
  RequestFailed,
} from '../../../src/adapters/outbound/http-client.ts';
import { deadlineAt } from '../../../src/core/deadline.ts';
import type { CallFailed } from '../../../src/core/failure.ts';
import { exchangeOver, granted, requestId, tenantId } from './exchanges.ts';

describe('an exchange', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-exchange-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  // Each mostly waits, so they wait together.
  describe('that fails', { concurrency: true }, () => {
    for (const [whose, options, deadline] of [
      ['its own', { deadlineMs: 8000 }, null],
      ['the call’s', {}, 8000],
    ] as const) {
      test(`gives each try only what is left of the time, ${whose}`, async () => {
        let now = 0;
        const timeouts: number[] = [];
        const exchange = exchangeOver(
          {
            send: async (request) => {
              timeouts.push(request.timeoutMs);
              now += request.timeoutMs;
              throw new RequestFailed('sent', 'TIMEOUT');
            },
            monotonic: () => now,
            ...options,
          },
          deadline === null ? null : deadlineAt(deadline, () => now),
        );
        await assert.rejects(
          exchange('assertion'),
          (error: CallFailed) => error.failure.reason === 'identity_unavailable',
        );
        // The fake clock stands still during the pauses between tries.
        assert.deepEqual(timeouts, [5000, 3000]);
      });
    }

    test('is tried three times, and no more', async () => {
      let tries = 0;
      const send = async () => {
        tries += 1;
        return { status: 503, headers: {}, text: '' };
      };
      await assert.rejects(exchangeOver({ send })('assertion'));
      assert.equal(tries, 3);
    });

    test('waits for no second try that the deadline would forbid', async () => {
      let tries = 0;
      const send = async () => {
        tries += 1;
        return { status: 429, headers: { 'retry-after': '9' }, text: '{}' };
      };
      await assert.rejects(exchangeOver({ send }, { leftMs: () => 9000 })('assertion'));
      assert.equal(tries, 1);
    });

    test('sends our request id, and tells of each try that failed with Entra’s ids', async () => {
      const failed: FailedTry[] = [];
      const requests: OutboundRequest[] = [];
      const answers: OutboundAnswer[] = [
        {
          status: 503,
          headers: {},
          text: JSON.stringify({
            error: 'temporarily_unavailable',
            error_description: 'AADSTS90033: about ada.admin@contoso.example',
            error_codes: [90033],
            suberror: 'x y',
            trace_id: '0d5c2c5e-1111-4000-8000-000000000001',
            correlation_id: requestId,
          }),
        },
        { status: 502, headers: {}, text: '<h1>Bad gateway</h1>' },
        granted('graph token'),
      ];
      const exchange = exchangeOver({
        send: async (request) => {
          requests.push(request);
          return answers[requests.length - 1] ?? assert.fail();
        },
        onFailedTry: (one) => failed.push(one),
      });
      await exchange('assertion');
      for (const { headers } of requests) assert.equal(headers['client-request-id'], requestId);
      const common = { requestId, tenantId, reason: 'identity_unavailable' };
      assert.deepEqual(failed, [
        {
          ...common,
          status: 503,
          entraTraceId: '0d5c2c5e-1111-4000-8000-000000000001',
          entraCorrelationId: requestId,
          entraError: 'temporarily_unavailable',
          entraSuberror: null,
          entraCodes: [90033],
        },
        {
          ...common,
          status: 502,
          entraTraceId: null,
          entraCorrelationId: null,
          entraError: null,
          entraSuberror: null,
          entraCodes: [],
        },
      ]);
    });
  });

  test('tries the new secret once more where Entra hears of it while the old one is tried', async () => {
    const file = join(folder, 'secret');
    const offered: (string | null)[] = [];
    let known = 'old';
    const exchange = exchangeOver({
      secretFile: file,
      send: async ({ body }) => {
        const secret = new URLSearchParams(body).get('client_secret');
        offered.push(secret);
        if (secret === known) return granted('graph token');
        // Between two tries Entra learns of the new one, and forgets the old one.
        known = 'new';
        return {
          status: 401,
          headers: {},
          text: JSON.stringify({ error: 'invalid_client', error_codes: [7000215] }),
        };
      },
    });
    await writeFile(file, 'old');
    await exchange('assertion');
    await writeFile(file, 'new');
    await exchange('assertion');
    assert.deepEqual(offered, ['old', 'new', 'old', 'new']);
    known = 'neither';
    offered.length = 0;
    await assert.rejects(
      exchange('assertion'),
      (error: CallFailed) => error.failure.reason === 'credential_rejected',
    );
    assert.equal(offered.length, 1);
  });

  test('asks no more once it has a token, and gives up where none of its secrets is taken', async () => {
    const file = join(folder, 'secrets');
    const offered: (string | null)[] = [];
    const known = new Set(['old', 'new']);
    const credential = new ClientCredential(
      { federatedTokenFile: null, certificatePath: null, secretFile: file, secret: null },
      { clientId: 'client', clock: Date.now, onProblem: () => {} },
    );
    const exchange = exchangeOver({
      credential,
      send: async ({ body }) => {
        const secret = new URLSearchParams(body).get('client_secret');
        offered.push(secret);
        if (known.has(secret ?? '')) return granted('graph token');
        return { status: 401, headers: {}, text: '{"error":"invalid_client","error_codes":[7000215]}' };
      },
    });
    await writeFile(file, 'old');
    await exchange('assertion');
    await writeFile(file, 'new');
    await exchange('assertion');
    assert.deepEqual(offered, ['old', 'new']);
    known.clear();
    await writeFile(file, 'newer');
    await assert.rejects(exchange('assertion'));
    known.add('newer');
    await exchange('assertion');
    assert.deepEqual(offered.slice(2), ['newer', 'new', 'newer', 'newer']);
  });

  test('of one user never gives another user’s token, however many at once', async () => {
    const exchange = exchangeOver({
      send: async ({ body }) => granted(`graph token for ${new URLSearchParams(body).get('assertion')}`),
    });
    const users = Array.from({ length: 100 }, (_, index) => `user ${index}`);
    const tokens = await Promise.all(users.map(exchange));
    assert.deepEqual(
      tokens.map(({ token }) => token.reveal()),
      users.map((user) => `graph token for ${user}`),
    );
  });

  test('leaves nothing behind: memory stays the same over thousands', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const padding = 'x'.repeat(3000);
    let count = 0;
    const exchange = exchangeOver({ send: async () => granted(`${count}${padding}`) });
    const heapAfter = async (exchanges: number) => {
      for (let made = 0; made < exchanges; made += 1) {
        count += 1;
        await exchange(`${count}${padding}`);
      }
      collect();
      return process.memoryUsage().heapUsed;
    };
    const begun = await heapAfter(300);
    const ended = await heapAfter(1500);
    // Kept, 1,500 assertions and tokens would be 9 MB at the least.
    assert.ok(ended - begun < 2_000_000, `grew by ${ended - begun} bytes`);
  });
});
