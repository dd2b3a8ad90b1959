import { readFileSync } from 'node:fs';
import type pg from 'pg';
import type { Secret } from '../../core/secret.ts';

/** What a connection is made from: a `postgres://` URL with libpq's TLS parameters. Any `sslmode` but
 *  `disable` means verified TLS, by certificate *and* name: pg takes `require` so today and will not
 *  from its next major version on, and encryption to just anyone protects nothing.
 *
 *  Files it names are read now. Throws, without the URL in the message, for what can not be used. */
export function connectionConfigFrom(url: Secret): pg.ClientConfig {
  const parsed = URL.parse(url.reveal());
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new Error('the database URL is no postgres:// URL');
  }
  const parameters = parsed.searchParams;
  const { sslmode, sslrootcert, sslcert, sslkey } = take(parameters);
  if (sslmode === 'no-verify' || parameters.get('ssl') === 'no-verify' || parameters.has('uselibpqcompat')) {
    throw new Error('the database URL turns off the verification of TLS');
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

type TlsParameters = Partial<Record<'sslmode' | 'sslrootcert' | 'sslcert' | 'sslkey', string>>;

/** Takes them out of the URL: pg would read them its own way, and its way wins. */
function take(parameters: URLSearchParams): TlsParameters {
  const taken: TlsParameters = {};
  for (const name of ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'] as const) {
    const value = parameters.get(name);
    if (value !== null) taken[name] = value;
    parameters.delete(name);
  }
  return taken;
}
