import { type ExecFileOptions, execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { childEnvironment } from '../../tools/child-environment.ts';

export const image = process.env.IMAGE ?? 'localhost/chromeos-connector-bff:test';
export const simulatorImage =
  process.env.IMAGE_SIMULATOR ?? 'localhost/chromeos-connector-bff-simulator:test';

/** What an engine goes by: where its daemon is, and its configuration and state. */
export const engineEnvironment = childEnvironment({
  CONTAINERS_CONF: process.env.CONTAINERS_CONF,
  CONTAINERS_STORAGE_CONF: process.env.CONTAINERS_STORAGE_CONF,
  DOCKER_CONFIG: process.env.DOCKER_CONFIG,
  DOCKER_CONTEXT: process.env.DOCKER_CONTEXT,
  DOCKER_HOST: process.env.DOCKER_HOST,
  STORAGE_DRIVER: process.env.STORAGE_DRIVER,
  XDG_CONFIG_HOME: process.env.XDG_CONFIG_HOME,
  XDG_DATA_HOME: process.env.XDG_DATA_HOME,
  XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR,
});

export const engine =
  spawnSync('docker', ['info'], { env: engineEnvironment }).status === 0 ? 'docker' : 'podman';

// podman on a machine without systemd, perhaps itself in a sandbox: no crun, no systemd cgroups.
const configuration = `
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
`;
if (engine === 'podman' && engineEnvironment.CONTAINERS_CONF === undefined) {
  const file = join(mkdtempSync(join(tmpdir(), 'containers-conf-')), 'containers.conf');
  writeFileSync(file, configuration);
  engineEnvironment.CONTAINERS_CONF = file;
}

/** What the cluster's restricted Pod Security and our Deployment impose on a container. */
const asTheClusterWould = [
  '--read-only',
  ...(engine === 'podman' ? ['--read-only-tmpfs=false'] : []),
  '--cap-drop=all',
  '--security-opt=no-new-privileges',
  '--memory=512m',
];

export type Output = { code: number; stdout: string; stderr: string };

/** Runs the container engine, and tells how that went; throws only where there is no engine. */
export async function run(args: readonly string[], options: ExecFileOptions = {}): Promise<Output> {
  try {
    const { stdout, stderr } = await promisify(execFile)(engine, args, {
      env: engineEnvironment,
      encoding: 'utf8',
      ...options,
    });
    return { code: 0, stdout: String(stdout), stderr: String(stderr) };
  } catch (error) {
    const failed = error as { code?: number | string; stdout?: string; stderr?: string };
    if (typeof failed.code !== 'number') throw error;
    return { code: failed.code, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' };
  }
}

export type ContainerOptions = {
  readonly environment?: Readonly<Record<string, string>>;
  /** Folders of this machine, by where they are in the container. */
  readonly folders?: Readonly<Record<string, { readonly from: string; readonly writable: boolean }>>;
  readonly command?: readonly string[];
};

function argumentsOf(of: string, { environment = {}, folders = {}, command = [] }: ContainerOptions) {
  return [
    '--pull=never',
    '--network=host',
    ...asTheClusterWould,
    ...Object.entries(environment).map(([name, value]) => `--env=${name}=${value}`),
    ...Object.entries(folders).map(
      ([to, { from, writable }]) => `--volume=${from}:${to}:${writable ? 'rw' : 'ro'}`,
    ),
    of,
    ...command,
  ];
}

/** Runs a container to its end. */
export function runOnce(of: string, options: ContainerOptions): Promise<Output> {
  return run(['run', '--rm', ...argumentsOf(of, options)]);
}

/** What a program in JavaScript prints when it runs in the image, read as JSON. */
export async function evaluate(of: string, program: string): Promise<unknown> {
  const { code, stdout, stderr } = await runOnce(of, { command: ['node', '-e', program] });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** A container that runs until it is stopped. */
export class Container {
  readonly id: string;
  constructor(id: string) {
    this.id = id;
  }

  static async start(of: string, options: ContainerOptions): Promise<Container> {
    const { code, stdout, stderr } = await run(['run', '--detach', ...argumentsOf(of, options)]);
    if (code !== 0) throw new Error(`${of} did not start: ${stderr}`);
    return new Container(stdout.trim());
  }

  async logs(): Promise<string> {
    const { stdout, stderr } = await run(['logs', this.id]);
    return stdout + stderr;
  }

  async inspect<Value>(path: string): Promise<Value> {
    const { stdout } = await run(['inspect', '--format', `{{json ${path}}}`, this.id]);
    return JSON.parse(stdout) as Value;
  }

  async signal(name: string): Promise<void> {
    await run(['kill', `--signal=${name}`, this.id]);
  }

  /** The exit code, when it has ended. */
  async exit(): Promise<number> {
    return Number((await run(['wait', this.id])).stdout);
  }

  async remove(): Promise<void> {
    await run(['rm', '--force', ...(engine === 'podman' ? ['--time=0'] : []), this.id]);
  }

  /** For the end of a test that was broken off. */
  removeNow(): void {
    execFileSync(engine, ['rm', '--force', this.id], { env: engineEnvironment, stdio: 'ignore' });
  }
}
