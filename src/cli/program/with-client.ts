import pg from 'pg';

/** Runs `work` on one connection to PostgreSQL, which is closed after it. */
export async function withClient<Value>(
  config: pg.ClientConfig,
  work: (client: pg.Client) => Promise<Value>,
): Promise<Value> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: 10_000 });
  // The query under way fails with it.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
