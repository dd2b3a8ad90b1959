import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followHosts } from '../../../src/adapters/database/hosts.ts';
import type { Secret } from '../../../src/core/secret.ts';

/** A URL that is another one when it is looked at again. */
function following(text: string) {
  const said = { text };
  const problems: string[] = [];
  const url = { reveal: () => said.text } as Secret;
  return { said, problems, hosts: followHosts(url, ({ message }) => problems.push(message)) };
}
const named = (config: { connectionString?: string | undefined }) =>
  new URL(config.connectionString ?? '').host;

test('each host has its turn, whoever else has left the same one meanwhile', () => {
  const { hosts } = following('postgres://us@one:1,two:2/db');
  const first = hosts.current();
  assert.deepEqual([named(first), hosts.count()], ['one:1', 2]);
  hosts.leave(first);
  hosts.leave(first);
  assert.equal(named(hosts.current()), 'two:2');
  hosts.leave(hosts.current());
  assert.equal(named(hosts.current()), 'one:1');
});

test('a URL that cannot be used is told once each time, and the one before it stays in use', () => {
  const { said, problems, hosts } = following('postgres://us@one:1/db');
  hosts.current();
  for (const text of ['nonsense', 'nonsense', 'postgres://us@two:2/db', 'nonsense']) {
    said.text = text;
    const host = named(hosts.current());
    assert.equal(host, text === 'nonsense' && problems.length === 1 ? 'one:1' : 'two:2');
  }
  assert.equal(problems.length, 2);
});

test('without any that was usable there is none, and why is told', () => {
  const { problems, hosts } = following('nonsense');
  for (let tries = 0; tries < 2; tries += 1) {
    assert.throws(
      () => hosts.current(),
      ({ message }) => message === problems[0],
    );
  }
  assert.deepEqual([problems.length, hosts.count()], [1, 0]);
  hosts.leave({});
});
