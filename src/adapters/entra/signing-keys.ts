import type { Deadline } from '../../core/deadline.ts';
import { CallFailed } from '../../core/failure.ts';
import type { Clock } from '../../core/ports.ts';
import { endsBy } from './ends-by.ts';
import type { VerificationKey } from './key-set.ts';
import { loadTenantMetadata, type MetadataSource, type TenantMetadata } from './tenant-metadata.ts';

export type SigningKeysOptions = MetadataSource & {
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** Called after every attempt to load; `error` is absent when it succeeded. */
  readonly onRefresh: (refresh: { tenantId: string; error?: unknown }) => void;
  readonly refreshMs: number;
  readonly unknownKeyRefetchMs: number;
  readonly maxAgeMs: number;
};

/** Metadata, and when it was loaded, in milliseconds since the epoch. */
type Loaded = { readonly metadata: TenantMetadata; readonly loadedAt: number };

// Never loaded: ask again soon, so that the service is well within 15 s of Entra's return.
const retryWithoutKeysMs = 4000;
const retryWithKeysMs = 10_000;

/** One tenant's signing keys, loaded by us and kept: passport-azure-ad's own loading crashes on a
 *  non-JSON answer, has no timeout and never looks again for an unknown key (it is overridden).
 *
 *  One load at a time; a failed one changes nothing; the last good keys serve until `maxAgeMs`. */
export class SigningKeys {
  readonly #options: SigningKeysOptions;
  #current: Loaded | null = null;
  #loading: Promise<void> | null = null;
  #lastLoadFailed = false;
  #lastUnknownKeyRefetch = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #started = false;
  #closed = false;

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  /** Loads the keys, then refreshes them in the background. Resolves when the first load has ended,
   *  successfully or not; never rejects. */
  start(): Promise<void> {
    if (this.#started) return this.#loading ?? Promise.resolve();
    this.#started = true;
    return this.#load();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** What was last loaded, however old; `null` before the first good load. */
  get current(): TenantMetadata | null {
    return this.#current?.metadata ?? null;
  }

  /** Why tokens cannot be verified now; `null` if they can. */
  get problem(): string | null {
    if (this.#current === null) return 'have never been loaded';
    return this.#usable() === null ? 'are too old, and cannot be loaded again' : null;
  }

  /** Whether the last attempt to load them failed: the previous ones may still be in use. */
  get outage(): boolean {
    return this.#lastLoadFailed;
  }

  /** Whether the keys should have been replaced by now: they were needed, and no refresh has succeeded for
   *  two intervals (or ever). They may still be in use. */
  get stale(): boolean {
    if (this.#current === null) return this.#lastLoadFailed;
    return this.#options.clock() - this.#current.loadedAt > 2 * this.#options.refreshMs;
  }

  /** The key of that id with the issuers it is good for, or `null` where Entra, asked just now or within the
   *  last minute, knows of none. Fails with `signing_keys_unavailable` where Entra could not be asked, or not
   *  by the deadline. */
  async find(keyId: string, deadline: Deadline): Promise<VerificationKey | null> {
    if (this.#usable() === null) await endsBy(deadline, this.start(), unavailable);
    const known = this.#lookUp(keyId);
    if (known !== null) return known;

    await endsBy(deadline, this.#refetchForUnknownKey(), unavailable);
    const now = this.#lookUp(keyId);
    // Entra cannot be reached and keys may have been rotated: an outage must not look like a bad token.
    if (now === null && this.#lastLoadFailed) throw unavailable();
    return now;
  }

  #lookUp(keyId: string): VerificationKey | null {
    const metadata = this.#usable();
    if (metadata === null) throw unavailable();
    return metadata.keys.get(keyId) ?? null;
  }

  #usable(): TenantMetadata | null {
    if (this.#current === null) return null;
    const { metadata, loadedAt } = this.#current;
    return this.#options.clock() - loadedAt <= this.#options.maxAgeMs ? metadata : null;
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
    this.#loading ??= this.#fetch()
      .then(
        (loaded) => {
          this.#current = loaded;
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
    clearTimeout(this.#timer);
    const { refreshMs, random } = this.#options;
    const retryMs = this.#usable() === null ? retryWithoutKeysMs : retryWithKeysMs;
    const base = this.#lastLoadFailed ? Math.min(retryMs, refreshMs) : refreshMs;
    this.#timer = setTimeout(() => void this.#load(), base * (0.9 + 0.2 * random()));
    this.#timer.unref();
  }

  async #fetch(): Promise<Loaded> {
    const metadata = await loadTenantMetadata(this.#options);
    // A gateway's 404 must not remove an issuer or a key set that Entra had a moment ago.
    if (metadata.documents < (this.#usable()?.documents ?? 0)) {
      throw new Error('Entra lacks a metadata document that it had');
    }
    return { metadata, loadedAt: this.#options.clock() };
  }
}

function unavailable(): CallFailed {
  return new CallFailed({ reason: 'signing_keys_unavailable', retryAfter: 5 });
}
