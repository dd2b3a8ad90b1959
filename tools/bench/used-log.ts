import pg from 'pg';

/** Leaves the write-ahead log as that of a server that has run for a while: with segments to be written over.
 *  A new server makes each segment first, 16 MB of zeros and an fsync, and holds up every commit meanwhile. */
export async function useLog(superuserUrl: string, segments: number): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    for (let segment = 0; segment < segments; segment += 1) {
      await client.query("select pg_logical_emit_message(false, 'bench', 'used')");
      await client.query('select pg_switch_wal()');
    }
    // What lies before the second one's beginning is not needed any more, and kept for use.
    await client.query('checkpoint');
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
}
