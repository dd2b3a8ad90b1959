import assert from 'node:assert/strict';
import type { Failure } from '../../src/core/failure.ts';
import type { OperationStatus } from '../../src/core/operation/life.ts';
import type { StoredOperation } from '../../src/core/operation/operation.ts';
import { decide } from '../../src/core/use-cases/decide.ts';
import { disconnect } from '../../src/core/use-cases/disconnect.ts';
import { type CoreScene, fails, plainRequest, recordDown, trace } from './core.ts';

export const noAnswer: Failure = {
  reason: 'outcome_unknown',
  cause: 'reset',
  operationId: null,
  graph: trace('graph-lost'),
};

export const heldStatuses = ['awaiting_approval', 'approved', 'sent', 'accepted', 'unknown'] as const;
export type HeldStatus = (typeof heldStatuses)[number];

/** Brings the tenant's slot to be held by an operation of this status, which began a moment ago. */
export async function holdSlot(
  core: CoreScene,
  status: HeldStatus,
  request = plainRequest,
): Promise<StoredOperation> {
  const begin = () => disconnect(core.dependencies, core.call(), async () => request).catch(() => {});
  switch (status) {
    case 'awaiting_approval':
      core.demand({ approvalRequired: true });
      await begin();
      core.demand({});
      break;
    case 'approved': {
      const { id } = await holdSlot(core, 'awaiting_approval', request);
      const decision = { operationId: id, reason: 'it is time', asSeen: () => true };
      await decide(core.dependencies, core.call('second'), 'approve', async () => decision);
      break;
    }
    case 'sent':
      // Its process ended: it recorded nothing of what came back.
      core.after('open', () => {
        core.before('move', fails(recordDown));
        core.graph.answers.unshift(fails(noAnswer));
      });
      await begin();
      core.backlog.length = 0;
      break;
    case 'unknown':
      core.graph.answers.push(fails(noAnswer));
      await begin();
      break;
    case 'accepted':
      await begin();
  }
  const operation = await core.newest();
  assert.equal(operation.status, status satisfies OperationStatus);
  core.asked.length = 0;
  core.graph.acts.length = 0;
  core.graph.lists.length = 0;
  return operation;
}
