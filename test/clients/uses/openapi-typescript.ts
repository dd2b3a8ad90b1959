import createClient from 'openapi-fetch';
import type { components, paths } from '../generated/openapi-typescript/schema.ts';
import { key, type Story, why } from '../story.ts';

// Headers of answers are in the types; a client that misspells one is told by its compiler.
type Problem = components['schemas']['Problem'];
type ConnectionHeaders =
  paths['/api/v1/deviceManagement/chromeOSOnboardingSettings']['get']['responses'][200]['headers'];
type OperationHeaders = paths['/api/v1/operations/{operationId}']['get']['responses'][200]['headers'];
const etagHeader: keyof ConnectionHeaders = 'etag';
const retryAfterHeader: keyof OperationHeaders = 'retry-after';

export const run: Story = async (api, token) => {
  const client = createClient<paths>({ baseUrl: api, headers: { authorization: `Bearer ${token}` } });
  const path = '/api/v1/deviceManagement/chromeOSOnboardingSettings/disconnect';
  const seen = await client.GET('/api/v1/deviceManagement/chromeOSOnboardingSettings');
  const etag = seen.response.headers.get(etagHeader) ?? '';
  const header = { 'Idempotency-Key': key, 'If-Match': etag };
  const tried = await client.POST(path, { params: { query: { dryRun: true }, header }, body: why });
  const would = tried.data !== undefined && 'would' in tried.data ? tried.data.would : undefined;
  const sent = await client.POST(path, { params: { header }, body: why });
  const again = await client.POST(path, { params: { header }, body: why });
  const operationId =
    sent.data !== undefined && 'operationId' in sent.data ? sent.data.operationId : undefined;
  const operation = await client.GET('/api/v1/operations/{operationId}', {
    params: { path: { operationId: operationId ?? '' } },
  });
  const refused = await client.POST(path, { params: { header: { 'If-Match': '"another"' } } });
  const problem: Problem | undefined = refused.error;
  return {
    etag,
    would,
    operationId,
    replayed: again.response.headers.get('idempotency-replayed'),
    retryAfter: operation.response.headers.get(retryAfterHeader),
    status: operation.data?.status,
    code: problem?.code,
  };
};
