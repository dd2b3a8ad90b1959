import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { onStage } from './support/stage.ts';

// What the libraries add to each call of a page: a browser asks for every name before it makes the call.
const libraries: Record<string, Record<string, string>> = {
  'Application Insights': {
    'Request-Id': '|4bf92f3577b34da6a3ce929d0e0e4736.00f067aa0ba902b7',
    'Request-Context': 'appId=cid-v1:5a1e0000-0000-4000-8000-000000000000',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
  OpenTelemetry: {
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tracestate: 'vendor=1',
    baggage: 'userId=1',
    b3: '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1',
  },
  Sentry: {
    'sentry-trace': '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1',
    baggage: 'sentry-release=1',
  },
};

describe('a page with a tracing library', () => {
  const scene = onStage();

  for (const [library, headers] of Object.entries(libraries)) {
    scene(
      `${library}: its calls get through, and it can read the answers`,
      async ({ arrive, service, testEnvironment }) => {
        const page = await arrive();
        const token = await testEnvironment.simulator.token('reader');
        const seen = await page.evaluate(
          async ({ url, headers }) => {
            const answer = await fetch(url, { headers });
            return { status: answer.status, id: answer.headers.get('client-request-id') };
          },
          { url: `${service.url}/api/v1/me`, headers: { ...headers, authorization: `Bearer ${token}` } },
        );
        assert.equal(seen.status, 200);
        assert.ok(seen.id);
      },
    );
  }
});
