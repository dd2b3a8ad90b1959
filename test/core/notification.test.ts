import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOf, notificationKinds, notificationTypes, typeOf } from '../../src/core/notification.ts';
import { operationStatuses } from '../../src/core/operation/life.ts';

test('receivers can subscribe to each status of an operation, and what happens to switch and record', () => {
  assert.deepEqual(notificationKinds, [
    ...operationStatuses.map((status) => `operation.${status}`),
    'switch.off',
    'switch.on',
    'history.lost',
    'history.acknowledged',
    'history.contradicted',
  ]);
});

test('a type is its kind, in the name of this service', () => {
  assert.equal(typeOf('switch.off'), 'chromeos-connector-bff.switch.off');
  assert.deepEqual(notificationTypes, notificationKinds.map(typeOf));
  for (const kind of notificationKinds) assert.equal(kindOf(typeOf(kind)), kind);
});
