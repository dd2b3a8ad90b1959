import { amount } from '../figures.ts';
import { startOwnProcess } from '../own-process.ts';
import type { Part } from '../part.ts';
import { ids } from '../tokens.ts';
import type { ValidationTimes } from '../validation/main.ts';

/** What a token's validation and a hit in the cache of exchanged tokens cost, without HTTP around them. */
export const validation: Part = {
  name: 'validation',
  what: 'validation of a token against the RSA check alone, and an exchange hit, by number of users',
  async run(bench) {
    const { validatedTokens, cachedTokens } = bench.scale;
    const tokensFile = await bench.homeTokens(validatedTokens);
    const own = await startOwnProcess('./validation/main.ts', {
      saysHello: true,
      environment: {
        BENCH_TOKENS: tokensFile,
        BENCH_JWK: JSON.stringify(bench.signingKey.publicJwk),
        BENCH_UPSTREAM: bench.upstream.url,
        BENCH_TENANT: ids.homeTenant,
        BENCH_CLIENT: ids.clientId,
      },
    });
    try {
      const validations: ValidationTimes[] = [];
      for (const users of [1, 1000, validatedTokens].filter((count) => count <= validatedTokens)) {
        bench.say(`validating the tokens of ${amount(users, '')} users`);
        validations.push(await own.ask<ValidationTimes>({ validate: users }));
      }
      const hits: { users: number; microseconds: number }[] = [];
      for (const users of [1, 1000, cachedTokens].filter((count) => count <= cachedTokens)) {
        bench.say(`looking up the tokens of ${amount(users, '')} users`);
        hits.push({ users, ...(await own.ask<{ microseconds: number }>({ lookUp: users })) });
      }
      const worst = Math.max(
        ...validations.map(({ first, again, rsa }) => Math.max(first ?? 0, again) / rsa),
      );
      return {
        figures: {
          validation: worst,
          exchangeHit: Math.max(...hits.map(({ microseconds }) => microseconds)),
        },
        rows: [
          ['users', 'RSA check alone', 'validation, first', 'again', 'against RSA'],
          ...validations.map(({ users, rsa, first, again }) => [
            amount(users, ''),
            amount(rsa, 'µs'),
            first === null ? '' : amount(first, 'µs'),
            amount(again, 'µs'),
            amount(Math.max(first ?? 0, again) / rsa, '×'),
          ]),
          [],
          ['users', 'exchange hit'],
          ...hits.map(({ users, microseconds }) => [amount(users, ''), amount(microseconds, 'µs')]),
        ],
        data: { validations, hits },
      };
    } finally {
      await own.close();
    }
  },
};
