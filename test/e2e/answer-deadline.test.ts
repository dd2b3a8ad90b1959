import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { faultsInTurn, type Scene, testAlone } from '../support/scene.ts';

// Each step alone may take longer than what is left of the answer's time.
const timings = { answerMs: 6000, graphTimeoutMs: 2000, writeTimeoutMs: 500 };

// Each waits for what hangs, beside the others.
describe('one deadline for the whole answer', { concurrency: true }, () => {
  const disconnect = async (it: Scene) => {
    const begun = performance.now();
    const { status, body } = await it.disconnect();
    return { status, code: body.code as string | undefined, tookMs: performance.now() - begun };
  };
  /** Generous, for a busy machine; without the deadline each of these takes twice as long and more. */
  const inTime = (tookMs: number) => assert.ok(tookMs < timings.answerMs + 3000, `${tookMs} ms`);

  testAlone(
    'Graph hangs with the act, and with the read-back: unknown, within the time',
    { timings },
    async (it) => {
      const end = faultsInTurn(it.simulator, 'list', [null, { hang: true }]);
      it.simulator.setFault('disconnect', { hang: true });
      const { status, code, tookMs } = await disconnect(it);
      end();
      assert.deepEqual([status, code], [502, 'outcome_unknown']);
      inTime(tookMs);
    },
  );

  testAlone('Entra ID hangs with the exchange: nothing is sent, within the time', { timings }, async (it) => {
    it.simulator.setFault('token', { hang: true });
    const { status, code, tookMs } = await disconnect(it);
    assert.deepEqual([status, code], [503, 'identity_unavailable']);
    assert.equal(it.asked('disconnect'), 0);
    inTime(tookMs);
  });

  testAlone(
    'what came before took so long that Graph could not answer in time: nothing is sent',
    { timings },
    async (it) => {
      it.simulator.setFault('token', { delayMs: 2000 });
      it.simulator.setFault('list', { delayMs: 1800 });
      const { status, code, tookMs } = await disconnect(it);
      assert.deepEqual([status, code], [503, 'not_sent_in_time']);
      assert.equal(it.asked('disconnect'), 0);
      inTime(tookMs);
    },
  );

  testAlone('no retry begins for which there is not time enough', { timings }, async (it) => {
    it.simulator.setFault('disconnect', { status: 429, retryAfter: '2' });
    const { status, code } = await disconnect(it);
    assert.deepEqual([status, code], [429, 'graph_throttled']);
    assert.equal(it.asked('disconnect'), 1);
  });
});
