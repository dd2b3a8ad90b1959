import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { childEnvironment } from '../../tools/child-environment.ts';
import { scene } from '../support/scene.ts';
import type { Story } from './story.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const generated = join(here, 'generated');
const document = '../../docs/openapi.json';

// As their own pages say to begin: no option but where from and where to.
const generators: [string, string[]][] = [
  ['openapi-typescript', ['openapi-typescript', document, '-o', 'generated/openapi-typescript/schema.ts']],
  ['hey-api', ['openapi-ts', '-i', document, '-o', 'generated/hey-api']],
  ['orval', ['orval', '--input', document, '--output', 'generated/orval/client.ts']],
  ['openapi-zod-client', ['openapi-zod-client', document, '-o', 'generated/openapi-zod-client/client.ts']],
];

async function run([program = '', ...args]: string[]): Promise<void> {
  const path = join(here, 'node_modules', '.bin', program);
  const running = promisify(execFile)(path, args, { cwd: here, env: childEnvironment() });
  await running.catch(({ stdout, stderr }) =>
    assert.fail(`${program} ${args.join(' ')}\n${stdout}\n${stderr}`),
  );
}

describe('clients that are generated from docs/openapi.json', () => {
  const it = scene({ timings: { watchEveryMs: 5000 } });
  before(async () => {
    await rm(generated, { recursive: true, force: true });
    await mkdir(join(generated, 'openapi-zod-client'), { recursive: true });
    for (const [, command] of generators) await run(command);
  });

  after(() => rm(generated, { recursive: true, force: true }));

  test('compile, all of them, and so does what uses them', () => run(['tsc', '-p', '.']));

  const text = (path: string) => readFile(join(generated, path), 'utf8');

  test('have one type for problems, by the name it has in the document', async () => {
    for (const path of ['hey-api/types.gen.ts', 'orval/client.ts', 'openapi-typescript/schema.ts']) {
      const types = [
        ...(await text(path)).matchAll(/\b(?:type|interface) (\w*Problem\w*)|^ {8}(\w*Problem\w*):/gm),
      ];
      const names = types.map(([, one, other]) => one ?? other);
      assert.deepEqual(names.filter((name) => name !== 'ProblemCode').toSorted(), ['Problem'], path);
    }
  });

  test('show the headers that matter: in types, or where they have none for them, in what is said of the call', async () => {
    const taken = ['Idempotency-Key', 'If-Match', 'Prefer'];
    const brought = ['ETag', 'Retry-After', 'Idempotency-Replayed'];
    const named: [string, RegExp, string[]][] = [
      [
        'openapi-typescript/schema.ts',
        /"?([\w-]+)"?\??: (?:string|components\["headers"\])/g,
        [...taken, ...brought],
      ],
      ['hey-api/types.gen.ts', /'?([\w-]+)'?\??: string;/g, taken],
      ['hey-api/sdk.gen.ts', /`([\w-]+)`/g, brought],
      ['orval/client.ts', /`([\w-]+)`/g, [...taken, ...brought]],
    ];
    for (const [path, pattern, wanted] of named) {
      const names = new Set(
        [...(await text(path)).matchAll(pattern)].map(([, name = '']) => name.toLowerCase()),
      );
      assert.deepEqual(
        wanted.filter((name) => !names.has(name.toLowerCase())),
        [],
        path,
      );
    }
  });

  for (const name of ['openapi-typescript', 'hey-api', 'orval']) {
    test(`${name}: a dry run, an act, the same again, its operation, and a refusal`, async () => {
      const bundle = join(generated, `${name}.mjs`);
      await run([
        'esbuild',
        `uses/${name}.ts`,
        '--bundle',
        '--format=esm',
        '--packages=external',
        `--outfile=${bundle}`,
      ]);
      const { run: story }: { run: Story } = await import(pathToFileURL(bundle).href);
      const told = await story(it.service.url, await it.simulator.token('admin'));
      assert.match(String(told.etag), /^"/);
      assert.match(String(told.operationId), /^[0-9a-f-]{36}$/);
      assert.deepEqual(
        { ...told, etag: '', operationId: '' },
        {
          etag: '',
          would: 'disconnect',
          operationId: '',
          replayed: 'true',
          retryAfter: '5',
          status: 'accepted',
          code: 'connection_changed',
        },
      );
      assert.equal(it.simulator.acts().length, 1);
    });
  }
});
