import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OutboundTry, RequestFailed } from '../../../src/adapters/outbound/http-client.ts';
import { OutboundTries } from '../../../src/adapters/telemetry/outbound-tries.ts';

const tried = (callId: string | undefined, change: Partial<OutboundTry> = {}): OutboundTry => ({
  method: 'GET',
  url: 'https://graph.example/beta/things?$filter=secret',
  headers: callId === undefined ? {} : { 'client-request-id': callId },
  callId,
  answer: { status: 200, headers: { 'request-id': 'theirs' }, text: '' },
  failure: null,
  durationMs: 1.26,
  ...change,
});

function gathering() {
  const late: unknown[] = [];
  return { late, tries: new OutboundTries((...told) => late.push(told)) };
}

const logged = {
  host: 'graph.example',
  method: 'GET',
  path: '/beta/things',
  status: 200,
  ms: 1.3,
  id: 'theirs',
};

test('what left for a call is told once, in order, without its query', () => {
  const { tries, late } = gathering();
  tries.within('a', () => {});
  tries.within('b', () => {});
  tries.onTry(tried('a'));
  tries.onTry(tried(undefined));
  tries.onTry(tried('a', { answer: null, failure: new RequestFailed('unsent', 'ECONNREFUSED') }));
  tries.shares('b', 'a');
  assert.deepEqual(tries.end('a'), [
    logged,
    {
      host: 'graph.example',
      method: 'GET',
      path: '/beta/things',
      error: 'ECONNREFUSED',
      unsent: true,
      ms: 1.3,
    },
  ]);
  assert.deepEqual(tries.end('b'), [{ exchangeOf: 'a' }]);
  assert.equal(tries.end('a'), undefined);
  assert.deepEqual(late, []);
});

test('what ends after its call is told by itself, and nothing is kept of it', () => {
  const { tries, late } = gathering();
  tries.within('a', () => {});
  assert.equal(tries.end('a'), undefined);
  tries.onTry(tried('a'));
  assert.deepEqual(late, [['a', logged]]);
  assert.equal(tries.end('a'), undefined);
});

test('an id that is none is left out', () => {
  const { tries } = gathering();
  tries.within('a', () => {});
  tries.onTry(
    tried('a', { answer: { status: 200, headers: { 'request-id': 'two words\u0007' }, text: '' } }),
  );
  tries.onTry(tried('a', { answer: { status: 200, headers: { 'x-ms-request-id': 'entras' }, text: '' } }));
  assert.deepEqual(
    tries.end('a')?.map((one) => 'id' in one && one.id),
    [false, 'entras'],
  );
});

test('it knows whose call is worked on, and names what a read was sent as', async () => {
  const { tries } = gathering();
  const current = await new Promise((resolve) => {
    tries.within('a', () => void Promise.resolve().then(() => resolve(tries.currentCall())));
  });
  assert.equal(current, 'a');
  assert.equal(tries.currentCall(), undefined);
  tries.onTry(tried('a', { headers: { 'client-request-id': 'own' } }));
  assert.deepEqual(tries.end('a'), [{ ...logged, as: 'own' }]);
});
