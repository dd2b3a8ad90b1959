import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** The command of `npm start` as words, without the shell's `exec`. */
export const startCommand: readonly string[] = manifest.scripts.start.replace(/^exec /, '').split(' ');
