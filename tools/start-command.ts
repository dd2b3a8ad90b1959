import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** `npm start`, word by word, without the shell's word for taking its place. */
export const startCommand: readonly string[] = manifest.scripts.start.replace(/^exec /, '').split(' ');
