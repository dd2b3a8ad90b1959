import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation, OperationStatus } from '../../../examples/portal/src/api/types.ts';
import type { Phase } from '../../../examples/portal/src/disconnect/disconnecting.ts';
import { isToldBy, openOf } from '../../../examples/portal/src/operations/open-operation.ts';
import { en } from '../../../examples/portal/src/sentences/en.ts';
import { openStatuses, operationStatuses } from '../../../src/core/operation/life.ts';

const idle: Phase = { name: 'idle' };
const newest = (status: string, supersededBy: string | null = null) =>
  ({ operationId: 'op', status: status as OperationStatus, supersededBy }) as Operation;
const intent = { key: 'k', etag: null, reason: '', ticket: '', supersedes: null, oid: 'ada' };

for (const status of operationStatuses) {
  const open = openStatuses.includes(status);
  test(`an operation that is ${status} is ${open ? 'told on every page' : 'no longer told'}`, () => {
    const told = openOf(idle, newest(status));
    assert.equal(told?.sentence ?? null, open ? (en.open.statuses[status] ?? 'none') : null);
    if (open) assert.deepEqual(told?.to, { view: 'operation', id: 'op' });
  });
}

test('a status that is younger than this portal is open too', () => {
  const told = openOf(idle, newest('waits_for_the_moon'));
  assert.deepEqual([told?.sentence, told?.tone], [en.open.other, 'unsure']);
});

test('what nobody knows is not called under way, and looks it', () => {
  const told = openOf(idle, newest('unknown'));
  assert.doesNotMatch(told?.sentence ?? '', /under way/);
  assert.equal(told?.tone, 'unsure');
});

test('one that another took over from is not open, and neither is none', () => {
  assert.equal(openOf(idle, newest('unknown', 'another')), null);
  assert.equal(openOf(idle, null), null);
});

const phases: [Phase, string, string][] = [
  [{ name: 'sending', intent, tries: 1 }, en.open.sending, 'disconnect'],
  [{ name: 'unsure', intent, tries: 1, error: null }, en.open.unsure, 'disconnect'],
  [{ name: 'refused', error: null }, en.open.refused, 'disconnect'],
  [{ name: 'operation', operationId: 'mine' }, en.open.operation, 'operation'],
];
for (const [phase, sentence, view] of phases) {
  test(`a wish that is ${phase.name} is told before any operation, but not on its own page`, () => {
    const told = openOf(phase, newest('completed'));
    assert.deepEqual([told?.sentence, told?.to.view], [sentence, view]);
    assert.ok(told);
    assert.equal(isToldBy(told.to, told), true);
    for (const elsewhere of [
      { view: 'connection' },
      { view: 'operations' },
      { view: 'operation', id: 'another' },
      { view: 'audit', operationId: null },
      { view: 'you' },
      { view: 'nowhere' },
    ] as const) {
      assert.equal(isToldBy(elsewhere, told), false, elsewhere.view);
    }
  });
}

test('the page of a disconnect that takes over tells it too', () => {
  const told = openOf({ name: 'sending', intent, tries: 1 }, null);
  assert.ok(told);
  assert.equal(isToldBy({ view: 'disconnect', supersedes: 'old' }, told), true);
});
