import { createHash } from 'node:crypto';
import type pg from 'pg';
import { isPooled } from './session.ts';

/** A statement in a file of its own. */
export type Statement = { readonly name: string; readonly text: string };

/** A statement with a name is parsed and planned once for each connection. The name says which text it is for: a
 *  release with another text is another statement. Behind a pooler it has none. */
export function queryOf(client: pg.ClientBase, statement: Statement, values: unknown[]): pg.QueryConfig {
  const { text } = statement;
  return isPooled(client) ? { text, values } : { name: nameOf(statement), text, values };
}

const names = new WeakMap<Statement, string>();

function nameOf(statement: Statement): string {
  const known = names.get(statement);
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(statement.text).digest('hex').slice(0, 12);
  const name = `${statement.name}-${digest}`;
  names.set(statement, name);
  return name;
}
