import { aboutOperation, approvalCode } from '../problem-members.ts';
import { nothingDone, type ProblemRow } from '../problem-row.ts';

/** The state of the connection or of its operations forbids it, or its outcome is not known. */
export const operationProblems = {
  not_connected: {
    status: 409,
    title: 'There is nothing to disconnect',
    detail: 'The tenant has no ChromeOS connection.',
    hint: 'Read the connection again.',
    nothingDone: { detail: nothingDone },
  },
  connection_changed: {
    status: 412,
    title: 'The connection has changed',
    detail: 'The connection is not what it was when it was last looked at.',
    hint: 'Read it again, decide again, and send its new ETag.',
    nothingDone: { detail: nothingDone },
  },
  operation_in_progress: {
    status: 409,
    title: 'Another disconnect has not ended yet',
    detail: 'The tenant has an operation that has not ended. This call did nothing.',
    hint: 'Watch that operation. If its outcome stays unknown, a new call can take over from it with supersedes. If it waits for an approval in Intune, it has to end there first.',
    headers: ['location'],
    members: aboutOperation,
  },
  operation_not_allowed: {
    status: 409,
    title: 'The operation does not allow this now',
    hint: 'Read the operation.',
    headers: ['location'],
    members: aboutOperation,
  },
  operation_changed: {
    status: 412,
    title: 'The operation has changed',
    hint: 'Read the operation again, decide again, and send its new ETag.',
    headers: ['location'],
    members: aboutOperation,
  },
  operation_not_found: {
    status: 404,
    title: 'There is no such operation',
    detail: 'The tenant has no operation with this id.',
    hint: 'Check the id; GET /api/v1/operations lists them.',
  },
  graph_not_found: {
    status: 409,
    title: 'Intune has no such connection',
    detail: 'Microsoft Graph found nothing to act on.',
    hint: 'Read the connection: it may be gone already.',
    nothingDone: { detail: nothingDone },
    headers: ['request-id'],
  },
  graph_conflict: {
    status: 409,
    title: 'Intune is in a state that does not allow it',
    detail: 'Microsoft Graph refused the call as conflicting.',
    hint: 'Read the connection and decide again.',
    nothingDone: { detail: nothingDone },
    headers: ['request-id'],
  },
  graph_rejected: {
    status: 422,
    title: 'Microsoft Graph rejects the call',
    hint: 'Give the request id to the operators of this service.',
    nothingDone: { detail: nothingDone },
    headers: ['request-id'],
  },
  outcome_unknown: {
    status: 502,
    title: 'It is not known whether the connector was disconnected',
    detail: 'The call reached Microsoft Graph, and no usable answer came back. It may have been carried out.',
    hint: 'Do not repeat it. Read the operation or the connection to see what happened.',
    headers: ['location', 'request-id', 'idempotency-replayed'],
    members: aboutOperation,
  },
  intune_approval_required: {
    status: 403,
    title: 'Intune demands an approval of its own',
    detail:
      'An access policy of the tenant (Multi Admin Approval) protects this in Intune. This service does not ask for the approval, or Intune did not take its justification.',
    hint: 'Disconnect in the Intune admin center, where the request can be filed, or ask the operators of this service to allow it to ask (disconnect.policy.intuneApproval).',
    nothingDone: { detail: nothingDone },
    headers: ['request-id'],
  },
  intune_approval_pending: {
    status: 409,
    title: 'A request for this is waiting in Intune',
    detail:
      'A request for approval (Multi Admin Approval) for the same is waiting in Intune. This call did nothing; whoever completes that request carries it out.',
    hint: 'See the request in the Intune admin center, under Tenant administration, Multi Admin Approval: complete it there, or have it cancelled before you ask again.',
    headers: ['request-id'],
  },
  intune_approval_filed: {
    status: 502,
    title: 'Intune filed a request for approval, and gave no code for it',
    detail:
      'The tenant demands an approval in Intune (Multi Admin Approval), and Intune filed a request for it, without a code by which this service could follow it. The connector is not disconnected yet; whoever completes the request in Intune disconnects it.',
    hint: 'Do not repeat the call. See the request in the Intune admin center, under Tenant administration, Multi Admin Approval: have it approved and completed there, or cancelled.',
    headers: ['location', 'request-id', 'idempotency-replayed'],
    members: aboutOperation,
  },
  decided_in_intune: {
    status: 409,
    title: 'This is decided in Intune',
    detail:
      'A request for the approval of this operation is filed in Intune (Multi Admin Approval). It is approved, rejected or cancelled there, not here. This call changed nothing; whoever completes the request in Intune disconnects the connector.',
    hint: 'See the request in the Intune admin center, under Tenant administration, Multi Admin Approval, by its approval code. Once it is approved there, its requester executes the operation here, or completes it there; to take it back, its requester cancels it there.',
    headers: ['location'],
    members: { ...aboutOperation, approvalCode },
  },
} as const satisfies Record<string, ProblemRow>;
