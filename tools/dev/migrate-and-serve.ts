/** The service with its schema brought up to date first, so that a change of either takes effect. */
await import('../../src/cli/migrate.ts');
await import('../../src/main.ts');
