import assert from 'node:assert/strict';
import type { Failure } from '../../src/core/failure.ts';
import type { StoredOperation } from '../../src/core/operation/operation.ts';
import { disconnect } from '../../src/core/use-cases/disconnect.ts';
import { execute } from '../../src/core/use-cases/execute.ts';
import { readOperation } from '../../src/core/use-cases/read-operation.ts';
import { type CoreScene, fails, type TestCall, timing, trace, withKey } from './core.ts';

export const code = '7f1c2b7e-51a4-4a0e-9b1e-2f6d1c0c7b11';
export const day = 24 * 3_600_000;

/** How Intune may end a request, and what the operation is then. */
export const intuneEnds = [
  ['rejected', 'rejected'],
  ['cancelled', 'withdrawn'],
  ['expired', 'expired'],
] as const;

export const required: Failure = { reason: 'intune_approval_required', graph: trace('graph-400') };
export const filedAs = (approvalCode: string | null): Failure => ({
  reason: 'intune_approval_filed',
  graph: trace('graph-412'),
  approvalCode,
  operationId: null,
});

/** Why nobody here decides about what is filed in Intune. */
export const decided = (id: string): Failure => ({
  reason: 'decided_in_intune',
  operationId: id,
  approvalCode: code,
});

/** What one asks for in the tests about Intune's own approval. */
export const wanted = { ...withKey('key'), reason: 'it is time', ticket: 'CHG-1' };

export const asking = (core: CoreScene, call: TestCall = core.call(), request = wanted) =>
  disconnect(core.dependencies, call, async () => request);

export const executing = async (core: CoreScene, name = 'admin') => {
  const { id } = await core.newest();
  return execute(core.dependencies, core.call(name), async () => ({ operationId: id, ifMatch: null }));
};

/** Looks after the newest operation, when Intune may be asked again. */
export const watching = async (core: CoreScene, name = 'admin') => {
  const { id } = await core.newest();
  core.advance(timing.watchEveryMs);
  return readOperation(core.dependencies, core.call(name), () => id, 0);
};

/** Brings the tenant's slot to be held by an operation whose request is filed in Intune, and says what Intune says of it
 *  from now on. */
export async function fileInIntune(core: CoreScene, word = 'needsApproval'): Promise<StoredOperation> {
  core.graph.answers.push(fails(required), fails(filedAs(code)));
  const { operation } = await asking(core);
  assert.equal(operation.status, 'awaiting_intune_approval');
  return settleIn(core, word);
}

/** The same, approved there and seen to be. */
export async function approveInIntune(core: CoreScene): Promise<StoredOperation> {
  await fileInIntune(core);
  core.graph.approvals.set(code, 'approved');
  const { operation } = await watching(core);
  assert.equal(operation.status, 'approved_in_intune');
  return settleIn(core, 'approved');
}

async function settleIn(core: CoreScene, word: string): Promise<StoredOperation> {
  core.graph.approvals.set(code, word);
  core.asked.length = 0;
  core.graph.acts.length = 0;
  core.graph.lists.length = 0;
  return core.newest();
}
