import axios from 'axios';
import { disconnect, type Problem, readConnection, readOperation } from '../generated/orval/client.ts';
import { key, type Story, why } from '../story.ts';

export const run: Story = async (api, token) => {
  axios.defaults.baseURL = api;
  const authorization = `Bearer ${token}`;
  const seen = await readConnection({ headers: { authorization } });
  const etag = String(seen.headers.etag);
  const options = { headers: { authorization, 'Idempotency-Key': key, 'If-Match': etag } };
  const tried = await disconnect(why, { dryRun: true }, options);
  const sent = await disconnect(why, undefined, options);
  const again = await disconnect(why, undefined, options);
  const operationId = 'operationId' in sent.data ? sent.data.operationId : undefined;
  const operation = await readOperation(operationId ?? '', { headers: { authorization } });
  const problem = await disconnect(undefined, undefined, {
    headers: { authorization, 'If-Match': '"another"' },
  }).then(
    () => undefined,
    (error) => (axios.isAxiosError<Problem>(error) ? error.response?.data : undefined),
  );
  return {
    etag,
    would: 'would' in tried.data ? tried.data.would : undefined,
    operationId,
    replayed: String(again.headers['idempotency-replayed']),
    retryAfter: String(operation.headers['retry-after']),
    status: operation.data.status,
    code: problem?.code,
  };
};
