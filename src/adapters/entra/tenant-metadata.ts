import { z } from 'zod';
import type { HttpClient, OutboundAnswer } from '../outbound/http-client.ts';
import { parseJson } from '../outbound/json.ts';
import { keySet, type VerificationKey, verificationKeys } from './key-set.ts';

/** What a tenant's own metadata says: who issues its tokens, where people sign in, where tokens are
 *  exchanged, and the keys that sign. */
export type TenantMetadata = {
  /** The issuers of v1.0 and v2.0 tokens. They are what the documents say: China's differ from its
   *  login host. */
  readonly issuers: readonly string[];
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly keys: ReadonlyMap<string, VerificationKey>;
  /** How many documents it was made of. */
  readonly documents: number;
};

export type MetadataSource = {
  readonly tenantId: string;
  readonly clientId: string;
  readonly authorityHost: string;
  /** Hosts, besides the authority's, that the cloud is known to use for signing in. */
  readonly knownHosts: readonly string[];
  /** The cloud's name for itself, for documents that leave out `cloud_instance_name`. */
  readonly cloudName: string | null;
  readonly http: HttpClient;
  /** For one request, in milliseconds. */
  readonly timeoutMs: number;
};

// Normalized: one of them goes into a header, and a URL as written may hold quotes and line ends.
const httpsUrl = z.url({ protocol: /^https$/, normalize: true });
const metadataDocument = z.object({
  issuer: z.string().min(1),
  authorization_endpoint: httpsUrl,
  token_endpoint: httpsUrl,
  jwks_uri: httpsUrl,
  cloud_instance_name: z.string().optional(),
});

type Document = z.infer<typeof metadataDocument>;

/** Loads a tenant's metadata documents and the key sets they name: v1.0 and v2.0, and both again for our
 *  application, since an application with signing keys of its own has them only there (`?appid=`). A document
 *  that Entra says it does not have is left out. Throws where one cannot be loaded or is not this tenant's. */
export async function loadTenantMetadata(source: MetadataSource): Promise<TenantMetadata> {
  const base = `${source.authorityHost}/${source.tenantId}`;
  const path = '.well-known/openid-configuration';
  const own = `?appid=${source.clientId}`;
  const [v2, v1, ownV2, ownV1] = await Promise.all([
    fetchDocument(source, `${base}/v2.0/${path}`, [404]),
    fetchDocument(source, `${base}/${path}`, [404]),
    // Entra may refuse an application that this tenant does not have.
    fetchDocument(source, `${base}/v2.0/${path}${own}`, [400, 404]),
    fetchDocument(source, `${base}/${path}${own}`, [400, 404]),
  ]);
  const preferred = v2 ?? v1;
  if (preferred === null) throw new Error('Entra has no metadata for this tenant');

  const documents = [v2, v1, ownV2, ownV1].filter((document) => document !== null);
  const issuers = [...new Set(documents.map((document) => document.issuer))];
  const keyUrls = [...new Set(documents.map((document) => document.jwks_uri))];
  const sets = await Promise.all(keyUrls.map((url) => fetchKeys(source, url)));
  const keys = verificationKeys(sets.flat(), {
    tenantId: source.tenantId,
    issuers,
    v2Issuer: v2?.issuer ?? null,
    cloudName: preferred.cloud_instance_name ?? source.cloudName,
  });
  if (keys.size === 0) throw new Error('the key sets hold no signing key of this tenant');
  return {
    issuers,
    authorizationEndpoint: preferred.authorization_endpoint,
    tokenEndpoint: preferred.token_endpoint,
    keys,
    documents: documents.length,
  };
}

async function fetchDocument(
  source: MetadataSource,
  url: string,
  absent: readonly number[],
): Promise<Document | null> {
  const answer = await get(source, url);
  if (absent.includes(answer.status)) return null;
  const document = read(answer, metadataDocument, url);
  // `iss` is bound to `tid` through this: the document of a tenant must be about that tenant.
  if (!document.issuer.includes(source.tenantId)) {
    throw new Error('the metadata names an issuer that is not this tenant');
  }
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
    if (!isOfCloud(document[name], source)) {
      throw new Error(`the metadata's ${name} is on a host that this cloud is not known to use`);
    }
  }
  return document;
}

/** Our credential and callers' tokens are sent to these addresses, and signing keys come from one of them. */
function isOfCloud(url: string, { authorityHost, knownHosts }: MetadataSource): boolean {
  const { host } = new URL(url);
  return host === new URL(authorityHost).host || knownHosts.includes(host);
}

async function fetchKeys(source: MetadataSource, url: string): Promise<z.infer<typeof keySet>['keys']> {
  return read(await get(source, url), keySet, url).keys;
}

function get({ http, timeoutMs }: MetadataSource, url: string): Promise<OutboundAnswer> {
  const headers = { accept: 'application/json' };
  return http.send({ method: 'GET', url, headers, timeoutMs, repeatable: true });
}

function read<Schema extends z.ZodType>(
  answer: OutboundAnswer,
  schema: Schema,
  url: string,
): z.infer<Schema> {
  const { pathname } = new URL(url);
  if (answer.status !== 200) throw new Error(`${pathname} answered ${answer.status}`);
  const parsed = schema.safeParse(parseJson(answer.text));
  if (!parsed.success) throw new Error(`${pathname} answered something else than expected`);
  return parsed.data;
}
