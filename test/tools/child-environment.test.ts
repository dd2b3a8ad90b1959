import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { afterEach, test } from 'node:test';
import { childEnvironment } from '../../tools/child-environment.ts';

const ours = { FORCE_COLOR: '1', HTTPS_PROXY: 'http://proxy.invalid', NODE_ENV: 'production' };

afterEach(() => {
  for (const name of Object.keys(ours)) delete process.env[name];
});

test('a child gets the variables it is given, what a program needs to run, and nothing else of ours', () => {
  Object.assign(process.env, ours);
  const { stdout } = spawnSync('env', { env: childEnvironment({ PORT: '0' }), encoding: 'utf8' });
  const names = stdout.split('\n').map((line) => line.replace(/=.*/, ''));
  for (const name of ['PATH', 'PORT']) assert.ok(names.includes(name), name);
  for (const name of Object.keys(ours)) assert.ok(!names.includes(name), name);
});
