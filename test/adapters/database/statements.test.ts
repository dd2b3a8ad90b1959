import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import type { Statement } from '../../../src/adapters/database/statement.ts';

const folder = join(import.meta.dirname, '../../../src/adapters/database/statements');
const isStatement = (exported: unknown): exported is Statement =>
  typeof exported === 'object' && exported !== null && 'text' in exported;

// PostgreSQL plans a statement with a name once for each connection, and shows the name in pg_prepared_statements.
test('each statement has a name, which says where it stands', async () => {
  for (const file of globSync('*.ts', { cwd: folder })) {
    const statements = Object.entries(await import(join(folder, file))).filter(([, one]) => isStatement(one));
    const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    for (const [exported, one] of statements) assert.equal((one as Statement).name, kebab(exported));
    const files = statements.map(([exported]) => `${kebab(exported)}.ts`);
    if (statements.length > 0) assert.ok(files.includes(basename(file)), `${file} has ${files.join()}`);
  }
});
