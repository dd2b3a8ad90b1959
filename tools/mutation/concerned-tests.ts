/** What is mutated where nothing else is said: safety, identity, and what goes out or is kept. */
export const mutatedFolders: readonly string[] = [
  'src/core',
  'src/adapters/entra',
  'src/adapters/graph',
  'src/adapters/outbound',
  'src/adapters/database',
];

/** Which tests are asked about a change, by how the file's path begins: the first that fits. Those that cover the
 *  place are run, quickest first, until one fails. */
export const concernedTests: readonly (readonly [start: string, tests: readonly string[]])[] = [
  ['src/adapters/outbound', ['test/adapters/outbound/*.test.ts']],
  ['src/adapters/graph', ['test/adapters/graph/*.test.ts']],
  ['src/adapters/entra', ['test/adapters/entra/*.test.ts', 'test/e2e/identity-*.test.ts']],
  // Of a function in SQL nobody knows what covers it, so that all of these are run for what is not noticed.
  [
    'src/adapters/database/functions/',
    [
      'test/adapters/database/{audit-*,checkpoint*,disconnect-switch,functions*,known-history,lost-history}.test.ts',
      'test/adapters/database/{notification-*,operations-port,postgres-operations,retention}.test.ts',
      'test/e2e/{database-time,idempotency,operations-slot}.test.ts',
    ],
  ],
  [
    'src/adapters/database',
    [
      'test/adapters/database/*.test.ts',
      'test/cli/*.test.ts',
      'test/e2e/{audit-*,operations-*,idempotency,replicas,vital-signs}.test.ts',
    ],
  ],
  ['src/core', ['test/core/**/*.test.ts', 'test/http/openapi.test.ts']],
  ['src', ['test/**/*.test.ts']],
];
