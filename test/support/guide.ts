import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../../', import.meta.url);

export type Snippet = { readonly language: string; readonly name: string | null; readonly text: string };

/** The fenced blocks of a document, in order. */
export async function snippetsIn(path: string): Promise<Snippet[]> {
  const text = await readFile(new URL(path, root), 'utf8');
  return [...text.matchAll(/^```(\w+)(?: name=(\S+))?\n(.*?)^```$/gms)].map(([, language, name, body]) => ({
    language: String(language),
    name: name ?? null,
    text: String(body),
  }));
}

/** The snippets as the files they say they are, in a folder of their own. */
export async function folderOf(snippets: readonly Snippet[]) {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-guide-'));
  await symlink(fileURLToPath(new URL('node_modules', root)), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  for (const { name, text } of snippets) if (name !== null) await writeFile(join(folder, name), text);
  return {
    folder,
    url: (name: string) => pathToFileURL(join(folder, name)).href,
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Lets code in that folder import something else under a package's name. */
export function standIn(packageNames: readonly string[], folderUrl: string, url: string): () => void {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const ours = packageNames.includes(specifier) && context.parentURL?.startsWith(folderUrl);
      return ours ? { url, shortCircuit: true } : next(specifier, context);
    },
  });
  return () => hooks.deregister();
}
