import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

type Tree = { readonly [key: string]: unknown };

const fileNamed = (name: string) => fileURLToPath(new URL(`../../config/${name}.yaml`, import.meta.url));

/** The files of config/ as one, each over those before it: `default`, the one named after NODE_ENV, `local`, and
 *  `local-` with NODE_ENV. Maps are merged key by key; a list or a value replaces the previous one. */
export function readConfigFiles(nodeEnv: string): Tree {
  // A name only: it becomes part of a path.
  const modes = /^[\w-]+$/.test(nodeEnv) ? [nodeEnv, 'local', `local-${nodeEnv}`] : ['local'];
  return ['default', ...modes].map(readConfigFile).reduce(merge);
}

/** One of them; empty if there is no such file. Throws if it is not YAML. */
export function readConfigFile(name: string): Tree {
  const file = fileNamed(name);
  if (!existsSync(file)) return {};
  const content: unknown = parse(readFileSync(file, 'utf8'));
  return isTree(content) ? content : {};
}

/** `over` laid over `under`. */
export function merge(under: Tree, over: Tree): Tree {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isTree(before) && isTree(value) ? merge(before, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
