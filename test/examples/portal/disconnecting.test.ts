import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DisconnectCall } from '../../../examples/portal/src/api/api.ts';
import { ApiProblem, NoAnswer, SignInAbandoned } from '../../../examples/portal/src/api/failures.ts';
import type { Problem, ProblemCode } from '../../../examples/portal/src/api/types.ts';
import { Disconnecting, type Keeping } from '../../../examples/portal/src/disconnect/disconnecting.ts';
import { askAgainAfter } from '../../../examples/portal/src/disconnect/intent.ts';

const wish = { etag: '"1"', reason: 'moving', ticket: 'CHG-1', supersedes: null, oid: 'ada' };
const done = { operationId: 'op-1', value: 'inprogress' };

function problem(code: ProblemCode, more: Partial<Problem> = {}): ApiProblem {
  return new ApiProblem({ code, requestId: 'r', title: '', hint: '', ...more } as Problem, 3);
}

function memory(): Keeping & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}

/** Sends to an API that answers in turn. */
function stage(...answers: (Error | typeof done)[]) {
  const sent: DisconnectCall[] = [];
  const keeping = memory();
  let keys = 0;
  const surroundings = {
    send: async (call: DisconnectCall) => {
      assert.ok(keeping.kept.size === 1, 'the wish is kept before it leaves');
      sent.push(call);
      const answer = answers[sent.length - 1];
      if (answer instanceof Error || answer === undefined) throw answer ?? new Error('unexpected call');
      return answer;
    },
    keeping,
    newKey: () => {
      keys += 1;
      return `key-${keys}`;
    },
  };
  return { disconnecting: new Disconnecting(surroundings), sent, keeping, surroundings };
}

describe('a wish to disconnect', () => {
  test('ends as an operation', async () => {
    const { disconnecting, sent, keeping } = stage(done);
    await disconnecting.begin(wish);
    assert.deepEqual(disconnecting.phase, { name: 'operation', operationId: 'op-1' });
    assert.deepEqual(sent, [{ ...wish, key: 'key-1' }]);
    assert.equal(keeping.kept.size, 0);
  });

  test('has another key than the one before', async () => {
    const { disconnecting, sent } = stage(problem('not_connected'), done);
    await disconnecting.begin(wish);
    await disconnecting.begin(wish);
    assert.deepEqual(
      sent.map(({ key }) => key),
      ['key-1', 'key-2'],
    );
  });

  test('is sent again with the same key where no answer came, until one is certain', async () => {
    const { disconnecting, sent } = stage(new NoAnswer(), new NoAnswer(), done);
    await disconnecting.begin(wish);
    assert.equal(disconnecting.phase.name, 'unsure');
    await disconnecting.sendAgain();
    assert.equal(disconnecting.phase.name, 'unsure');
    await disconnecting.sendAgain();
    assert.equal(disconnecting.phase.name, 'operation');
    assert.deepEqual(new Set(sent.map(({ key }) => key)), new Set(['key-1']));
  });

  test('is not overtaken by another while its answer is open', async () => {
    const { disconnecting, sent } = stage(new NoAnswer(), done);
    await disconnecting.begin(wish);
    await disconnecting.begin({ ...wish, reason: 'another' });
    assert.equal(sent.length, 1);
  });

  for (const code of ['outcome_unknown', 'intune_approval_filed'] as const) {
    test(`becomes its operation after ${code}`, async () => {
      const { disconnecting } = stage(problem(code, { operationId: 'op-2' }));
      await disconnecting.begin(wish);
      assert.deepEqual(disconnecting.phase, { name: 'operation', operationId: 'op-2' });
    });
  }

  const uncertain = [
    'idempotency_key_in_use',
    'internal_error',
    'outcome_unknown',
    'intune_approval_filed',
  ] as const;
  for (const code of uncertain) {
    test(`is not certain after ${code}`, async () => {
      const { disconnecting, keeping } = stage(problem(code));
      await disconnecting.begin(wish);
      assert.equal(disconnecting.phase.name, 'unsure');
      assert.equal(keeping.kept.size, 1);
    });
  }

  for (const error of [problem('operation_in_progress'), problem('overloaded'), new SignInAbandoned()]) {
    test(`is refused by ${error.message || error.name}, but only where no earlier try may have run`, async () => {
      const first = stage(error);
      await first.disconnecting.begin(wish);
      assert.deepEqual(first.disconnecting.phase, { name: 'refused', error });
      assert.equal(first.keeping.kept.size, 0);

      const second = stage(new NoAnswer(), error, done);
      await second.disconnecting.begin(wish);
      await second.disconnecting.sendAgain();
      assert.equal(second.disconnecting.phase.name, 'unsure');
      await second.disconnecting.sendAgain();
      assert.equal(second.disconnecting.phase.name, 'operation');
    });
  }

  test('survives a reload of the page, for the same person only', async () => {
    const { disconnecting, surroundings, sent } = stage(new NoAnswer(), done);
    await disconnecting.begin(wish);

    const another = new Disconnecting(surroundings);
    another.restore('sven');
    assert.equal(another.phase.name, 'idle');
    const again = new Disconnecting(surroundings);
    again.restore('ada');
    assert.equal(again.phase.name, 'unsure');
    await again.sendAgain();
    assert.equal(again.phase.name, 'operation');
    assert.deepEqual(
      sent.map(({ key, reason }) => [key, reason]),
      [
        ['key-1', 'moving'],
        ['key-1', 'moving'],
      ],
    );
  });

  test('is forgotten when the person gives up asking', async () => {
    const { disconnecting, keeping, surroundings } = stage(new NoAnswer());
    await disconnecting.begin(wish);
    disconnecting.leave();
    assert.equal(keeping.kept.size, 0);
    const later = new Disconnecting(surroundings);
    later.restore('ada');
    assert.equal(later.phase.name, 'idle');
  });

  test('does not fall over what another program has kept there', () => {
    const { disconnecting, keeping } = stage();
    for (const text of ['nothing', 'null', '[]', '{"oid":"ada"}']) {
      keeping.setItem('portal.intent', text);
      disconnecting.restore('ada');
      assert.equal(disconnecting.phase.name, 'idle');
    }
  });

  test('tells whoever listens', async () => {
    const { disconnecting } = stage(done);
    const heard: string[] = [];
    disconnecting.subscribe(() => heard.push(disconnecting.phase.name));
    await disconnecting.begin(wish);
    assert.deepEqual(heard, ['sending', 'operation']);
  });
});

test('only a call that is known to run still is asked again by itself', () => {
  assert.equal(askAgainAfter(problem('idempotency_key_in_use')), 3);
  assert.equal(askAgainAfter(problem('internal_error')), null);
  assert.equal(askAgainAfter(new NoAnswer()), null);
});
