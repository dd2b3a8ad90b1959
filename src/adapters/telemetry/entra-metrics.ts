import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { prefix } from './metric-prefix.ts';

/** Metrics of what this service checks at Entra ID, and asks it for: tokens, signing keys, our own credential. */
export function createEntraMetrics(registers: Registry[]) {
  const metrics = {
    tokenValidations: new Counter({
      name: `${prefix}token_validations_total`,
      help: "Callers' access tokens looked at, by result.",
      labelNames: ['result'] as const,
      registers,
    }),
    exchangeDuration: new Histogram({
      name: `${prefix}token_exchange_duration_seconds`,
      help: 'Time of on-behalf-of exchanges with Entra ID, retries included, by result.',
      labelNames: ['result'] as const,
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    exchangeCache: new Counter({
      name: `${prefix}token_exchange_cache_total`,
      help: 'Tokens for reads, by where they came from: the cache (hit), an exchange under way (shared) or a new one (miss).',
      labelNames: ['result'] as const,
      registers,
    }),
    exchangeCacheEntries: new Gauge({
      name: `${prefix}token_exchange_cache_entries`,
      help: 'Exchanged tokens in the cache.',
      registers,
    }),
    signingKeysLoaded: new Gauge({
      name: `${prefix}signing_keys_loaded_timestamp_seconds`,
      help: "When a tenant's signing keys were last loaded, as a Unix time; 0: never.",
      labelNames: ['tenant'] as const,
      registers,
    }),
    signingKeysStale: new Gauge({
      name: `${prefix}signing_keys_stale`,
      help: "Whether a tenant's signing keys should have been replaced by now (1): no successful refresh for two intervals.",
      labelNames: ['tenant'] as const,
      registers,
    }),
    signingKeysRefreshes: new Counter({
      name: `${prefix}signing_keys_refreshes_total`,
      help: "Attempts to load a tenant's signing keys, by result.",
      labelNames: ['tenant', 'result'] as const,
      registers,
    }),
    credentialExpiry: new Gauge({
      name: `${prefix}credential_expiry_timestamp_seconds`,
      help: 'When our credential at Entra ID expires, as a Unix time; absent where it cannot be known.',
      labelNames: ['kind'] as const,
      registers,
    }),
    credentialRejections: new Counter({
      name: `${prefix}credential_rejections_total`,
      help: 'Exchanges that failed because Entra ID refused our own credential.',
      registers,
    }),
  };
  // A counter that begins to exist with its first event hides that event from rate() and increase().
  for (const result of ['hit', 'shared', 'miss']) metrics.exchangeCache.inc({ result }, 0);
  return metrics;
}
