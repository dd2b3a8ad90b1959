import { globSync } from 'node:fs';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../child-environment.ts';
import { spawnWatched } from '../watched-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Builds the service into a folder laid out as the image has it. Not into `dist/`: that may be in use, and
 *  what is measured must not change while it is. */
export async function buildService(folder: string, cleanUp: AsyncDisposableStack): Promise<void> {
  await mkdir(folder);
  for (const name of ['config', 'node_modules', 'package.json']) {
    await symlink(join(root, name), join(folder, name));
  }
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const complaints: string[] = [];
  const building = await spawnWatched(
    // Types are checked by `npm run check`.
    [process.execPath, compiler, '-p', join(root, 'src'), '--noCheck', '--outDir', join(folder, 'dist')],
    { cwd: root, env: childEnvironment(), output: (line) => complaints.push(line) },
  );
  // Left alone it would write into a folder that is being removed.
  cleanUp.defer(async () => {
    await building.stop();
  });
  if ((await building.exited) !== 0)
    throw new Error(`the service could not be built: ${complaints.join(' ')}`);
  for (const file of globSync('**/*.sql', { cwd: join(root, 'src') })) {
    await cp(join(root, 'src', file), join(folder, 'dist', file));
  }
}
