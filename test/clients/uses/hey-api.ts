import { client } from '../generated/hey-api/client.gen.ts';
import { disconnect, readConnection, readOperation } from '../generated/hey-api/index.ts';
import type { Problem } from '../generated/hey-api/types.gen.ts';
import { key, type Story, why } from '../story.ts';

export const run: Story = async (api, token) => {
  client.setConfig({ baseUrl: api, auth: () => token });
  const seen = await readConnection();
  const etag = seen.response?.headers.get('etag') ?? '';
  const headers = { 'Idempotency-Key': key, 'If-Match': etag };
  const tried = await disconnect({ query: { dryRun: true }, headers, body: why });
  const would = tried.data !== undefined && 'would' in tried.data ? tried.data.would : undefined;
  const sent = await disconnect({ headers, body: why });
  const again = await disconnect({ headers, body: why });
  const operationId =
    sent.data !== undefined && 'operationId' in sent.data ? sent.data.operationId : undefined;
  const operation = await readOperation({ path: { operationId: operationId ?? '' } });
  const refused = await disconnect({ headers: { 'If-Match': '"another"' } });
  const problem: Problem | undefined = refused.error;
  return {
    etag,
    would,
    operationId,
    replayed: again.response?.headers.get('idempotency-replayed') ?? null,
    retryAfter: operation.response?.headers.get('retry-after') ?? null,
    status: operation.data?.status,
    code: problem?.code,
  };
};
