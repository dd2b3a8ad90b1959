import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { Generations } from '../../../src/adapters/database/generations.ts';

test('a connection that is lost takes those with it that were made before, and no later one', () => {
  const generations = new Generations();
  const made = () => ({}) as pg.ClientBase;
  const [first, second, third] = [made(), made(), made()];
  const current = () => [first, second, third].map((client) => generations.isCurrent(client));
  generations.add(first);
  generations.add(second);
  assert.deepEqual(current(), [true, true, false]);
  assert.equal(generations.isFirstSinceLoss(), false);

  generations.lose(first);
  generations.add(third);
  assert.deepEqual(current(), [false, false, true]);
  assert.equal(generations.isFirstSinceLoss(), true);

  // It was lost with the first.
  generations.lose(second);
  assert.deepEqual(current(), [false, false, true]);
  assert.equal(generations.isFirstSinceLoss(), false);

  generations.loseAll();
  assert.deepEqual(current(), [false, false, false]);
  assert.equal(generations.isFirstSinceLoss(), true);
});
