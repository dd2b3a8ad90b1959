import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CallFailed } from '../../../src/core/failure.ts';
import { decide } from '../../../src/core/use-cases/decide.ts';
import { disconnect } from '../../../src/core/use-cases/disconnect.ts';
import { dryRun } from '../../../src/core/use-cases/dry-run.ts';
import { sweep } from '../../../src/core/use-cases/sweep.ts';
import { withdraw } from '../../../src/core/use-cases/withdraw.ts';
import {
  breaks,
  connected,
  coreScene,
  failureFrom,
  plainRequest,
  tenantId,
  timing,
  trace,
} from '../../support/core.ts';
import {
  approveInIntune,
  code,
  day,
  decided,
  fileInIntune,
  intuneEnds,
  wanted,
  watching,
} from '../../support/intune.ts';

describe('what is filed in Intune and everyone else', () => {
  for (const bring of [fileInIntune, approveInIntune]) {
    test(`${bring.name}: nobody here approves, rejects or withdraws it`, async () => {
      const core = coreScene();
      const { id } = await bring(core);
      const said = { operationId: id, reason: 'why', asSeen: null };
      for (const verb of ['approve', 'reject'] as const) {
        assert.deepEqual(
          await failureFrom(decide(core.dependencies, core.call('second'), verb, async () => said)),
          decided(id),
        );
      }
      assert.deepEqual(
        await failureFrom(withdraw(core.dependencies, core.call(), async () => said)),
        decided(id),
      );
    });

    test(`${bring.name}: nobody takes over from it`, async () => {
      const core = coreScene();
      const { id } = await bring(core);
      core.advance(day);
      const over = { ...plainRequest, supersedes: id };
      const call = disconnect(core.dependencies, core.call('second'), async () => over);
      assert.deepEqual(await failureFrom(call), { reason: 'operation_in_progress', operationId: id });
      const { checks } = await dryRun(core.dependencies, core.call('second'), async () => over);
      const slot = checks.find(({ name }) => name === 'no_open_operation');
      assert.deepEqual(slot, {
        name: 'no_open_operation',
        result: 'failed',
        failure: { reason: 'operation_in_progress', operationId: id },
      });
    });
  }

  for (const [word] of intuneEnds) {
    test(`${word} in Intune: the next call finds the slot free`, async () => {
      const core = coreScene();
      await fileInIntune(core, word);
      const before = core.story().length;
      const run = await dryRun(core.dependencies, core.call('second'), async () => plainRequest);
      assert.equal(run.would, 'disconnect');
      assert.equal(core.story().length, before + 1, 'a dry run moves nothing');
      const { outcome } = await disconnect(core.dependencies, core.call('second'), async () => plainRequest);
      assert.equal(outcome.status, 'accepted');
    });
  }

  test('completed there and gone, and connected anew: the next call finds the slot free', async () => {
    const core = coreScene();
    await fileInIntune(core, 'completed');
    core.graph.members = [{ ...connected, id: 'connection-2' }];
    core.advance(2 * day);
    const run = await dryRun(core.dependencies, core.call('second'), async () => plainRequest);
    assert.equal(run.would, 'disconnect');
    const { operation } = await disconnect(core.dependencies, core.call('second'), async () => plainRequest);
    assert.equal(operation.connection.id, 'connection-2');
  });

  test('the connection is gone while it waits: the next call finds the slot free, and nothing to disconnect', async () => {
    for (const [members, would, reason] of [
      [[], 'be_refused', 'not_connected'],
      [[{ ...connected, id: 'connection-2' }], 'disconnect', null],
    ] as const) {
      const core = coreScene();
      const { id } = await fileInIntune(core);
      core.graph.members = [...members];
      const run = await dryRun(core.dependencies, core.call('second'), async () => plainRequest);
      assert.equal(run.would, would);
      assert.equal((await core.newest()).status, 'awaiting_intune_approval', 'a dry run moves nothing');
      const call = disconnect(core.dependencies, core.call('second'), async () => plainRequest);
      if (reason === null) assert.equal((await call).operation.connection.id, 'connection-2');
      else assert.deepEqual(await failureFrom(call), { reason });
      assert.equal((await core.dependencies.operations.find(tenantId, id))?.status, 'expired');
    }
  });

  test('the connection is gone, and Intune has no word that it keeps the request: the slot is held', async () => {
    for (const word of ['escalated', null]) {
      const core = coreScene();
      const { id } = await fileInIntune(core, word ?? 'needsApproval');
      if (word === null) core.graph.approvals.clear();
      core.graph.members = [{ ...connected, id: 'connection-2' }];
      const call = disconnect(core.dependencies, core.call('second'), async () => plainRequest);
      assert.deepEqual(await failureFrom(call), { reason: 'operation_in_progress', operationId: id });
    }
  });

  test('completed there, and still connected: under way, however long ago it was filed', async () => {
    const core = coreScene();
    const { id } = await fileInIntune(core, 'completed');
    core.advance(2 * day);
    const run = await dryRun(core.dependencies, core.call('second'), async () => plainRequest);
    assert.equal(run.would, 'be_refused');
    const call = disconnect(core.dependencies, core.call('second'), async () => plainRequest);
    assert.deepEqual(await failureFrom(call), { reason: 'operation_in_progress', operationId: id });
    assert.equal((await core.newest()).status, 'accepted');
  });

  test('how long ago it was completed counts as of before the read', async () => {
    for (const [sinceMs, settled] of [
      [timing.settleAfterMs, false],
      [timing.settleAfterMs + 1, true],
    ] as const) {
      const core = coreScene();
      const { id } = await fileInIntune(core, 'completed');
      core.advance(2 * day);
      const { operation } = await watching(core);
      assert.equal(operation.status, 'accepted');
      core.advance(sinceMs);
      core.after('list', () => core.advance(1));
      const call = disconnect(core.dependencies, core.call('second'), async () => plainRequest);
      if (settled) assert.equal((await call).outcome.status, 'accepted');
      else assert.deepEqual(await failureFrom(call), { reason: 'operation_in_progress', operationId: id });
    }
  });

  test('found completed by another while this one read the connection: its time has only just begun', async () => {
    const core = coreScene();
    const { id } = await fileInIntune(core);
    core.advance(2 * day);
    core.after('list', async () => {
      core.graph.approvals.set(code, 'completed');
      assert.equal((await watching(core)).operation.status, 'accepted');
    });
    const call = disconnect(core.dependencies, core.call('second'), async () => plainRequest);
    assert.deepEqual(await failureFrom(call), { reason: 'operation_in_progress', operationId: id });
  });

  test('completed after its time, and nobody read it: a dry run too counts from when it is found', async () => {
    const core = coreScene();
    await fileInIntune(core);
    core.advance(4 * day);
    await sweep(core.dependencies);
    assert.equal((await core.newest()).concludedFrom, 'time');
    core.graph.approvals.set(code, 'completed');
    const run = await dryRun(core.dependencies, core.call('second'), async () => plainRequest);
    assert.equal(run.would, 'be_refused');
  });

  test('Intune cannot be asked: the next call takes it for under way; a defect is a defect', async () => {
    const core = coreScene();
    await fileInIntune(core, 'rejected');
    const refused = () =>
      core.before('approvalRequest', () => {
        throw new CallFailed({ reason: 'graph_forbidden', graph: trace() });
      });
    const again = () => disconnect(core.dependencies, core.call('second'), async () => wanted);
    refused();
    assert.equal((await failureFrom(again())).reason, 'operation_in_progress');
    core.before('approvalRequest', breaks);
    assert.equal((await failureFrom(again())).reason, 'internal');
  });
});
