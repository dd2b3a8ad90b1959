import { readFileSync } from 'node:fs';

/** What is running. */
export type BuildInfo = { readonly version: string; readonly revision: string; readonly node: string };

/** From `build-info.json`, which the image's build writes beside package.json; without it (from source)
 *  the version is package.json's and the revision unknown. */
export function readBuildInfo(): BuildInfo {
  const { version = read('../../package.json').version, revision = 'unknown' } =
    read('../../build-info.json');
  return { version: String(version), revision: String(revision), node: process.versions.node };
}

function read(path: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  } catch {
    return {};
  }
}
