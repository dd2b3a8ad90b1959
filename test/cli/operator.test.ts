import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { describe, test } from 'node:test';
import { operatorNamed } from '../../src/cli/program/operator.ts';

describe('who runs a program', () => {
  test('is on the record with the user that the system does not know by name, too', (t) => {
    t.mock.method(os, 'userInfo', () => {
      throw new Error('uv_os_get_passwd returned ENOENT');
    });
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    assert.equal(
      operatorNamed(' Olga Operator '),
      `Olga Operator (as user ${process.getuid?.()} on ${os.hostname()})`,
    );
  });

  for (const said of [undefined, ' ', 'x'.repeat(201), 'a\u0007b', '\ud800']) {
    test(`${JSON.stringify(said)?.slice(0, 10)} names nobody`, () => assert.equal(operatorNamed(said), null));
  }
});
