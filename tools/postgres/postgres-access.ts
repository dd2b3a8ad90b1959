import { createHmac } from 'node:crypto';
import pg from 'pg';

/** The role that owns the database and its schema: it migrates. */
const OWNER = 'chromeos_bff_owner';
/** The service's own role: it may connect, and what the migrations grant it. */
const SERVICE = 'chromeos_bff';
const SUPERUSER = 'postgres';
const DUPLICATE_DATABASE = '42P04';

/** What it takes to reach one cluster: plain data, so that it can be handed to other processes. */
export type PostgresAccess = {
  port: number;
  /** The superuser's. The other roles' passwords follow from it. */
  password: string;
};

export type ServiceDatabase = { adminUrl: string; url: string };

/** Makes the two login roles, unless they are there. */
export async function createRoles(access: PostgresAccess): Promise<void> {
  await asSuperuser(access, async (client) => {
    const { rows } = await client.query<{ rolname: string }>('SELECT rolname FROM pg_roles');
    const there = new Set(rows.map((row) => row.rolname));
    for (const role of [OWNER, SERVICE]) {
      if (there.has(role)) continue;
      await client.query(`CREATE ROLE ${role} LOGIN PASSWORD '${passwordOf(access, role)}'`);
    }
  });
}

/** Makes a database as production has it: one role owns it, the other may only connect, and nobody
 *  else may even do that. It is empty, or a copy of another one. Does nothing when it is there. */
export async function createServiceDatabase(
  access: PostgresAccess,
  name: string,
  copyOf = 'template1',
): Promise<ServiceDatabase> {
  await asSuperuser(access, async (client) => {
    const database = client.escapeIdentifier(name);
    // Two at once would trip over each other's grants.
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [name]);
    try {
      const template = client.escapeIdentifier(copyOf);
      // Faster than by the write-ahead log, for a copy as for an empty one.
      await client.query(
        `CREATE DATABASE ${database} OWNER ${OWNER} TEMPLATE ${template} STRATEGY FILE_COPY`,
      );
    } catch (error) {
      if ((error as { code?: string }).code !== DUPLICATE_DATABASE) throw error;
    }
    await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
    await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${SERVICE}`);
  });
  return {
    adminUrl: urlFor(access, OWNER, name),
    url: urlFor(access, SERVICE, name),
  };
}

/** Removes a database, and ends the connections to it. */
export async function dropDatabase(access: PostgresAccess, name: string): Promise<void> {
  await asSuperuser(access, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`);
  });
}

/** Does some work over a connection of the superuser's. */
export async function asSuperuser<Value>(
  access: PostgresAccess,
  work: (client: pg.Client) => Promise<Value>,
): Promise<Value> {
  const client = new pg.Client({ connectionString: superuserUrl(access) });
  client.on('error', () => {}); // the query under way fails with it
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export function superuserUrl(access: PostgresAccess, database = 'postgres'): string {
  return urlFor(access, SUPERUSER, database);
}

function passwordOf({ password }: PostgresAccess, role: string): string {
  return role === SUPERUSER ? password : createHmac('sha256', password).update(role).digest('base64url');
}

function urlFor(access: PostgresAccess, role: string, database: string): string {
  const { port } = access;
  return `postgres://${role}:${passwordOf(access, role)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}
