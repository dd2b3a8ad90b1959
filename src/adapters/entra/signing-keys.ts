import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { CallFailed } from '../../core/failure.ts';
import type { Clock } from '../../core/ports.ts';
import type { HttpClient, OutboundAnswer } from '../outbound/http-client.ts';
import { parseJson } from '../outbound/json.ts';

/** What a tenant's own metadata says: who issues its tokens, where people sign in, where tokens are
 *  exchanged, and the keys that sign. */
export type TenantMetadata = {
  /** The issuers of v1.0 and v2.0 tokens. They are what the documents say: China's differ from its
   *  login host. */
  readonly issuers: readonly string[];
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly keys: ReadonlyMap<string, KeyObject>;
  /** When it was loaded, in milliseconds since the epoch. */
  readonly loadedAt: number;
};

export type SigningKeysOptions = {
  readonly tenantId: string;
  readonly authorityHost: string;
  readonly http: HttpClient;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** Hears of every attempt to load; `error` is absent when it went well. */
  readonly onRefresh: (refresh: { tenantId: string; error?: unknown }) => void;
  readonly timeoutMs: number;
  readonly refreshMs: number;
  readonly unknownKeyRefetchMs: number;
  readonly maxAgeMs: number;
};

// Normalized: one of them goes into a header, and a URL as written may hold quotes and line ends.
const httpsUrl = z.url({ protocol: /^https$/, normalize: true });
const metadataDocument = z.object({
  issuer: z.string().min(1),
  authorization_endpoint: httpsUrl,
  token_endpoint: httpsUrl,
  jwks_uri: httpsUrl,
});
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })) });

// Never loaded: ask again soon, so that the service is well within 15 s of Entra's return.
const retryWithoutKeysMs = 4000;
const retryWithKeysMs = 10_000;

/** One tenant's signing keys, loaded by us and kept: passport-azure-ad's own loading crashes on a
 *  non-JSON answer, has no timeout and never looks again for an unknown key (it is overridden).
 *
 *  One load at a time; a failed one changes nothing; the last good keys serve until `maxAgeMs`. */
export class SigningKeys {
  readonly #options: SigningKeysOptions;
  #current: TenantMetadata | null = null;
  #loading: Promise<void> | null = null;
  #lastLoadFailed = false;
  #lastUnknownKeyRefetch = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #started = false;
  #closed = false;

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  /** Loads, and from then on refreshes in the background. Resolves when the first load has ended,
   *  well or not; never rejects. */
  start(): Promise<void> {
    if (this.#started) return this.#loading ?? Promise.resolve();
    this.#started = true;
    return this.#load();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  /** What was last loaded, however old; `null` before the first good load. */
  get current(): TenantMetadata | null {
    return this.#current;
  }

  /** Why tokens can't be verified now; `null` where they can. */
  get problem(): string | null {
    if (this.#current === null) return 'have never been loaded';
    return this.#usable() === null ? 'are too old, and can not be loaded anew' : null;
  }

  /** Whether the last attempt to load them failed: they may still serve. */
  get outage(): boolean {
    return this.#lastLoadFailed;
  }

  /** Whether the keys should have been replaced by now: they were wanted, and no load has gone well for
   *  two intervals (or ever). They may still serve. */
  get stale(): boolean {
    if (this.#current === null) return this.#started && this.#lastLoadFailed;
    return this.#options.clock() - this.#current.loadedAt > 2 * this.#options.refreshMs;
  }

  /** The metadata and the key of that id, or a `null` key where Entra, asked just now or within the
   *  last minute, knows of none. Fails with `signing_keys_unavailable` where Entra could not be asked. */
  async find(keyId: string): Promise<{ metadata: TenantMetadata; key: KeyObject | null }> {
    if (this.#usable() === null) await this.start();
    const known = this.#lookUp(keyId);
    if (known.key !== null) return known;

    await this.#refetchForUnknownKey();
    const now = this.#lookUp(keyId);
    // Entra is out of reach and keys may have rolled: an outage must not look like a bad token.
    if (now.key === null && this.#lastLoadFailed) throw unavailable();
    return now;
  }

  #lookUp(keyId: string): { metadata: TenantMetadata; key: KeyObject | null } {
    const metadata = this.#usable();
    if (metadata === null) throw unavailable();
    return { metadata, key: metadata.keys.get(keyId) ?? null };
  }

  #usable(): TenantMetadata | null {
    if (this.#current === null) return null;
    return this.#options.clock() - this.#current.loadedAt <= this.#options.maxAgeMs ? this.#current : null;
  }

  /** However many strange tokens arrive, Entra is asked once, and at most once in the interval. */
  async #refetchForUnknownKey(): Promise<void> {
    if (this.#loading) return this.#loading;
    const now = this.#options.clock();
    if (now - this.#lastUnknownKeyRefetch < this.#options.unknownKeyRefetchMs) return;
    this.#lastUnknownKeyRefetch = now;
    await this.#load();
  }

  #load(): Promise<void> {
    this.#loading ??= this.#fetchAll()
      .then(
        (metadata) => {
          this.#current = metadata;
          this.#lastLoadFailed = false;
          this.#options.onRefresh({ tenantId: this.#options.tenantId });
        },
        (error: unknown) => {
          this.#lastLoadFailed = true;
          this.#options.onRefresh({ tenantId: this.#options.tenantId, error });
        },
      )
      .finally(() => {
        this.#loading = null;
        this.#scheduleNext();
      });
    return this.#loading;
  }

  #scheduleNext(): void {
    if (this.#closed) return;
    if (this.#timer) clearTimeout(this.#timer);
    const { refreshMs, random } = this.#options;
    const retryMs = this.#usable() === null ? retryWithoutKeysMs : retryWithKeysMs;
    const base = this.#lastLoadFailed ? Math.min(retryMs, refreshMs) : refreshMs;
    this.#timer = setTimeout(() => void this.#load(), base * (0.9 + 0.2 * random()));
    this.#timer.unref();
  }

  /** Both of the tenant's documents and the key sets they name. A document that Entra says it does not
   *  have is left out; one that can't be had fails the whole load, so that the last good one serves. */
  async #fetchAll(): Promise<TenantMetadata> {
    const base = `${this.#options.authorityHost}/${this.#options.tenantId}`;
    const found = await Promise.all([
      this.#fetchDocument(`${base}/v2.0/.well-known/openid-configuration`),
      this.#fetchDocument(`${base}/.well-known/openid-configuration`),
    ]);
    const documents = found.filter((document) => document !== null);
    const [preferred] = documents;
    if (preferred === undefined) throw new Error('Entra has no metadata for this tenant');
    // A gateway's 404 must not take an issuer from us that Entra has just now had.
    if (documents.length < (this.#usable()?.issuers.length ?? 0)) {
      throw new Error('Entra lacks a metadata document that it had');
    }

    const keyUrls = [...new Set(documents.map((document) => document.jwks_uri))];
    const sets = await Promise.all(keyUrls.map((url) => this.#fetchKeys(url)));
    const keys = new Map(sets.flatMap((set) => [...importKeys(set.keys)]));
    if (keys.size === 0) throw new Error('the key sets hold no RSA signing key');
    return {
      issuers: documents.map((document) => document.issuer),
      authorizationEndpoint: preferred.authorization_endpoint,
      tokenEndpoint: preferred.token_endpoint,
      keys,
      loadedAt: this.#options.clock(),
    };
  }

  async #fetchDocument(url: string): Promise<z.infer<typeof metadataDocument> | null> {
    const answer = await this.#get(url);
    if (answer.status === 404) return null;
    const document = read(answer, metadataDocument, url);
    // `iss` is bound to `tid` through this: a document of our tenant must speak for our tenant.
    if (!document.issuer.includes(this.#options.tenantId)) {
      throw new Error('the metadata names an issuer that is not this tenant');
    }
    return document;
  }

  async #fetchKeys(url: string): Promise<z.infer<typeof keySet>> {
    return read(await this.#get(url), keySet, url);
  }

  #get(url: string): Promise<OutboundAnswer> {
    return this.#options.http.send({
      method: 'GET',
      url,
      headers: { accept: 'application/json' },
      timeoutMs: this.#options.timeoutMs,
    });
  }
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

function* importKeys(keys: z.infer<typeof keySet>['keys']): Generator<[string, KeyObject]> {
  for (const jwk of keys) {
    if (jwk.kty !== 'RSA' || jwk.kid === undefined || (jwk.use ?? 'sig') !== 'sig') continue;
    try {
      yield [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })];
    } catch {
      // One unreadable key must not cost us the others.
    }
  }
}

function unavailable(): CallFailed {
  return new CallFailed({ reason: 'signing_keys_unavailable', retryAfter: 5 });
}
