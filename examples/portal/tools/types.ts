import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { typesOf } from './types-of.ts';

// Writes src/api/types.ts from the service's OpenAPI document.
const { positionals } = parseArgs({ allowPositionals: true });
const [address = 'http://localhost:8080/openapi.json'] = positionals;

const answer = await fetch(address);
if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
await writeFile(new URL('../src/api/types.ts', import.meta.url), typesOf(await answer.json()));
