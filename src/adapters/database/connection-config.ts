import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { Secret } from '../../core/secret.ts';
import { firstRow } from './first-row.ts';

/** What connections are made from: a `postgres://` URL with libpq's TLS parameters, one for each host where it
 *  names several (`host1:5432,host2:5432`, with `target_session_attrs=read-write`, as libpq takes it). Any
 *  `sslmode` but `disable` means verified TLS, by certificate *and* name: pg takes `require` so today and will not
 *  from its next major version on, and encryption to an unknown peer protects nothing.
 *
 *  Files it names are read now. Throws, without the URL in the message, for what cannot be used. */
export function connectionConfigsFrom(url: Secret): readonly [pg.ClientConfig, ...pg.ClientConfig[]] {
  const [first, ...others] = singleHostUrls(url.reveal().trim());
  return [configOf(first), ...others.map(configOf)];
}

/** Its first host, for those who do not need the one that takes writes. */
export function connectionConfigFrom(url: Secret): pg.ClientConfig {
  return connectionConfigsFrom(url)[0];
}

/** The host that takes writes, found by asking each; where there is only one, that one. */
export async function primaryConfigFrom(url: Secret): Promise<pg.ClientConfig> {
  const configs = connectionConfigsFrom(url);
  let problem: unknown = null;
  for (const config of configs) {
    if (configs.length === 1) return config;
    const client = new pg.Client({ ...config, connectionTimeoutMillis: 5000 });
    client.on('error', () => {});
    try {
      await client.connect();
      const { rows } = await client.query("select current_setting('transaction_read_only') as read_only");
      if (firstRow(rows).read_only === 'off') return config;
      problem = new Error('none of the hosts in the database URL takes writes');
    } catch (error) {
      problem ??= error;
    } finally {
      await client.end().catch(() => {});
    }
  }
  throw problem;
}

function notUsable(): Error {
  return new Error('the database URL is no postgres:// URL');
}

/** One URL for each host: `URL` does not know several. */
function singleHostUrls(text: string): [string, ...string[]] {
  const [, scheme, user = '', hosts, rest] =
    /^(postgres(?:ql)?:\/\/)([^/?#]*@)?([^/?#@]*)(.*)/s.exec(text) ?? [];
  if (hosts === undefined) throw notUsable();
  const urls = hosts.split(',').map((host) => `${scheme}${user}${host}${rest}`);
  return urls as [string, ...string[]];
}

function configOf(text: string): pg.ClientConfig {
  const parsed = URL.parse(text);
  if (parsed === null) throw notUsable();
  const parameters = parsed.searchParams;
  const { sslmode, sslrootcert, sslcert, sslkey, target_session_attrs: wanted } = take(parameters);
  if (sslmode === 'no-verify' || parameters.get('ssl') === 'no-verify' || parameters.has('uselibpqcompat')) {
    throw new Error('the database URL turns off the verification of TLS');
  }
  if (wanted !== undefined && wanted !== 'read-write' && wanted !== 'primary' && wanted !== 'any') {
    throw new Error('the database URL asks for servers that take no writes (target_session_attrs)');
  }
  const config: pg.ClientConfig = { connectionString: parsed.href };
  if (sslmode === 'disable') return { ...config, ssl: false };
  if (sslmode === undefined && sslrootcert === undefined && sslcert === undefined) return config;
  return {
    ...config,
    ssl: {
      rejectUnauthorized: true,
      // `system` is libpq's word for the machine's own CAs.
      ...(sslrootcert !== undefined && sslrootcert !== 'system' && { ca: readFileSync(sslrootcert, 'utf8') }),
      ...(sslcert !== undefined && { cert: readFileSync(sslcert, 'utf8') }),
      ...(sslkey !== undefined && { key: readFileSync(sslkey, 'utf8') }),
    },
  };
}

const taken = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'target_session_attrs'] as const;

/** Takes them out of the URL: pg would read them its own way, and its way wins. */
function take(parameters: URLSearchParams): Partial<Record<(typeof taken)[number], string>> {
  const values: Partial<Record<(typeof taken)[number], string>> = {};
  for (const name of taken) {
    const value = parameters.get(name);
    if (value !== null) values[name] = value;
    parameters.delete(name);
  }
  return values;
}
