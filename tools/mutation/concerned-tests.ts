/** Which tests are asked about a change, by the folder of the source: the first that fits. Those that cover the
 *  place are run, quickest first, until one fails. */
export const concernedTests: readonly (readonly [folder: string, tests: readonly string[]])[] = [
  ['src/adapters/outbound', ['test/adapters/outbound/*.test.ts']],
  ['src/adapters/graph', ['test/adapters/graph/*.test.ts']],
  ['src/adapters/entra', ['test/adapters/entra/*.test.ts', 'test/e2e/identity-*.test.ts']],
  [
    'src/adapters/database',
    [
      'test/adapters/database/*.test.ts',
      'test/e2e/{audit-*,operations-*,idempotency,replicas,vital-signs}.test.ts',
    ],
  ],
  ['src/core', ['test/core/**/*.test.ts', 'test/http/openapi.test.ts']],
  ['src', ['test/**/*.test.ts']],
];
