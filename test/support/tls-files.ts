import { mkdtemp, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SimulatorTls } from '../../simulator/certificates.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The files of the API port's certificate and key, for the tests around. */
export function tlsFiles() {
  const folder = temporaryFolder();
  return {
    /** Puts a pair in place as Kubernetes does: a new folder, and the symbolic link swapped to it. Gives the variables
     *  that name the files. */
    async put({ certPem, keyPem }: Pick<SimulatorTls, 'certPem' | 'keyPem'>) {
      const target = await mkdtemp(join(folder, 'pair-'));
      await writeFile(join(target, 'tls.crt'), certPem);
      await writeFile(join(target, 'tls.key'), keyPem);
      await symlink(target, join(folder, 'next'));
      await rename(join(folder, 'next'), join(folder, 'data'));
      return { TLS_CERT_FILE: join(folder, 'data/tls.crt'), TLS_KEY_FILE: join(folder, 'data/tls.key') };
    },
  };
}
