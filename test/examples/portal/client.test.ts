import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { ApiClient, type Credentials } from '../../../examples/portal/src/api/client.ts';
import {
  ApiProblem,
  NoAnswer,
  retryAfterOf,
  SignInAbandoned,
} from '../../../examples/portal/src/api/failures.ts';

type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | 'reset';

const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
const refusal = (status: number, code: string, headers: Record<string, string> = {}): Answer => ({
  status,
  body: { code, requestId: 'r-1', title: 't', hint: 'h' },
  headers,
});
const challenge = refusal(401, 'insufficient_claims', {
  'www-authenticate': `Bearer error="insufficient_claims", claims="${Buffer.from(claims).toString('base64')}"`,
});
const fine: Answer = { status: 200, body: { fine: true } };
const call = {
  method: 'POST',
  path: '/act',
  headers: { 'idempotency-key': 'k' },
  body: { reason: 'x' },
} as const;

const servers: ReturnType<typeof createServer>[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

/** An API that answers in turn, and a person who signs in when asked. */
async function stage(answers: Answer[], credentials: Partial<Credentials> = {}) {
  const heard: { headers: IncomingMessage['headers']; body: string }[] = [];
  const asked: (string | null)[] = [];
  const tokens: boolean[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    heard.push({ headers: request.headers, body });
    const answer = answers[heard.length - 1] ?? 'reset';
    if (answer === 'reset') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/problem+json', ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  servers.push(server);
  await once(server.listen(0, 'localhost'), 'listening');
  const client = new ApiClient(`http://localhost:${(server.address() as AddressInfo).port}/`, {
    token: async (renewed) => {
      tokens.push(renewed);
      return `token-${tokens.length}`;
    },
    askPerson: async (wanted) => void asked.push(wanted),
    ...credentials,
  });
  return { client, heard, asked, tokens };
}

describe('the API client', () => {
  test('sends the token, the body and the headers', async () => {
    const { client, heard } = await stage([fine]);
    assert.deepEqual(await (await client.call(call)).json(), { fine: true });
    assert.equal(heard[0]?.headers.authorization, 'Bearer token-1');
    assert.equal(heard[0]?.headers['idempotency-key'], 'k');
    assert.equal(heard[0]?.body, '{"reason":"x"}');
  });

  test('answers a claims challenge and makes the very same call again', async () => {
    const { client, heard, asked } = await stage([challenge, fine]);
    await client.call(call);
    assert.deepEqual(asked, [claims]);
    assert.deepEqual(
      heard.map(({ headers, body }) => [headers.authorization, headers['idempotency-key'], body]),
      [
        ['Bearer token-1', 'k', '{"reason":"x"}'],
        ['Bearer token-2', 'k', '{"reason":"x"}'],
      ],
    );
  });

  test('asks once, and not for ever', async () => {
    const { client, asked } = await stage([challenge, challenge]);
    await assert.rejects(client.call(call), isProblem('insufficient_claims'));
    assert.equal(asked.length, 1);
  });

  test('renews a token that is not accepted, then asks the person, then gives up', async () => {
    const invalid = refusal(401, 'invalid_token');
    const { client, asked, tokens } = await stage([invalid, invalid, invalid]);
    await assert.rejects(client.call(call), isProblem('invalid_token'));
    assert.deepEqual(tokens, [false, true, false]);
    assert.deepEqual(asked, [null]);
  });

  test('has the person sign in where there is no token', async () => {
    let signedIn = false;
    const { client, heard } = await stage([fine], {
      token: async () => (signedIn ? 'late' : null),
      askPerson: async () => {
        signedIn = true;
      },
    });
    await client.call(call);
    assert.equal(heard[0]?.headers.authorization, 'Bearer late');
  });

  test('a person who will not sign in is no answer of the API', async () => {
    const { client, heard } = await stage([challenge], { askPerson: () => Promise.reject(new Error('no')) });
    await assert.rejects(client.call(call), SignInAbandoned);
    assert.equal(heard.length, 1);
  });

  test('a refusal is a problem, with when to come again', async () => {
    const { client } = await stage([refusal(503, 'overloaded', { 'retry-after': '7' })]);
    await assert.rejects(client.call(call), (error) => {
      assert.ok(error instanceof ApiProblem);
      assert.deepEqual([error.problem.code, error.retryAfter], ['overloaded', 7]);
      return true;
    });
  });

  for (const [name, answer] of Object.entries({
    'the connection breaks': 'reset',
    'a gateway answers': { status: 502, body: '<html>Bad gateway</html>' },
    'JSON of someone else comes': { status: 500, body: { message: 'no' } },
    'it is sent elsewhere': { status: 302, headers: { location: '/elsewhere' }, body: '' },
  } satisfies Record<string, Answer>)) {
    test(`does not know, and sends nothing again, where ${name}`, async () => {
      const { client, heard } = await stage([answer, fine]);
      await assert.rejects(client.call(call), NoAnswer);
      assert.equal(heard.length, 1);
    });
  }
});

test('Retry-After is read as seconds or as a date', () => {
  const now = Date.parse('2026-01-31T12:00:00Z');
  assert.equal(retryAfterOf('5', now), 5);
  assert.equal(retryAfterOf('Sat, 31 Jan 2026 12:00:09 GMT', now), 9);
  assert.equal(retryAfterOf('Sat, 31 Jan 2026 11:00:00 GMT', now), 0);
  assert.equal(retryAfterOf('soon', now), null);
  assert.equal(retryAfterOf(null, now), null);
});

const isProblem = (code: string) => (error: unknown) =>
  error instanceof ApiProblem && error.problem.code === code;
