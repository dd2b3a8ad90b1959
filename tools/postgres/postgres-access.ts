import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  passwords: { superuser: string; owner: string; service: string };
};

export type ServiceDatabase = { adminUrl: string; url: string };

/** Reads the cluster's passwords, or makes them when there are none yet. They lie beside the data, so
 *  that kept data can be opened again. */
export async function keepPasswords(dataDir: string): Promise<PostgresAccess['passwords']> {
  const file = join(dataDir, 'passwords.json');
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const password = () => randomBytes(24).toString('base64url');
  const passwords = { superuser: password(), owner: password(), service: password() };
  await writeFile(file, JSON.stringify(passwords), { mode: 0o600, flag: 'wx' });
  return passwords;
}

/** Makes the two login roles, unless they are there. */
export async function createRoles(access: PostgresAccess): Promise<void> {
  await withClient(superuserUrl(access), async (client) => {
    const { rows } = await client.query<{ rolname: string }>('SELECT rolname FROM pg_roles');
    const there = new Set(rows.map((row) => row.rolname));
    const { owner, service } = access.passwords;
    for (const [role, password] of [
      [OWNER, owner],
      [SERVICE, service],
    ] as const) {
      if (!there.has(role)) await client.query(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
    }
  });
}

/** Makes a database as production has it: one role owns it, the other may only connect, and nobody
 *  else may even do that. Does nothing when it is there. */
export async function createServiceDatabase(access: PostgresAccess, name: string): Promise<ServiceDatabase> {
  await withClient(superuserUrl(access), async (client) => {
    const database = client.escapeIdentifier(name);
    // Two at once would trip over each other's grants.
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [name]);
    try {
      await client.query(`CREATE DATABASE ${database} OWNER ${OWNER}`);
    } catch (error) {
      if ((error as { code?: string }).code !== DUPLICATE_DATABASE) throw error;
    }
    await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
    await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${SERVICE}`);
  });
  return {
    adminUrl: urlFor(access.port, OWNER, access.passwords.owner, name),
    url: urlFor(access.port, SERVICE, access.passwords.service, name),
  };
}

/** Removes a database, and whoever is still connected to it. */
export async function dropDatabase(access: PostgresAccess, name: string): Promise<void> {
  await withClient(superuserUrl(access), async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`);
  });
}

export function superuserUrl(access: PostgresAccess, database = 'postgres'): string {
  return urlFor(access.port, SUPERUSER, access.passwords.superuser, database);
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {}); // the query under way fails with it
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function urlFor(port: number, role: string, password: string, database: string): string {
  return `postgres://${role}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}
