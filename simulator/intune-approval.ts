import { randomUUID } from 'node:crypto';
import type { Approvals, Passage } from './approvals.ts';
import { domainOf, personByOid } from './directory.ts';
import { type GraphErrorShape, type GraphTrace, graphErrorReply, graphHeaders } from './graph-error.ts';
import { jsonReply, type Received, type Reply } from './reply.ts';

const shapes = {
  required: {
    status: 400,
    code: 'BadRequest',
    message: 'The x-msft-approval-justification header is required to perform this operation.',
  },
  filed: { status: 412, code: 'PreconditionFailed', message: 'The operation requires approval.' },
  waiting: { status: 403, code: 'ApprovalRequired', message: 'The operation requires approval.' },
  pending: {
    status: 409,
    code: 'Conflict',
    message: 'An approval request for this resource is already pending.',
  },
  code_refused: {
    status: 403,
    code: 'ApprovalRequired',
    message: 'There is no approved request with this code for this user.',
  },
} as const satisfies Record<string, GraphErrorShape>;

/** How Intune's Multi Admin Approval answers a call that acts on what an access policy protects. */
export function refusedPassage(passage: Exclude<Passage, { kind: 'passes' }>, trace: GraphTrace): Reply {
  const reply = graphErrorReply({ ...shapes[passage.kind], intuneNested: true }, trace);
  if ('code' in passage) reply.headers['x-msft-approval-code'] = passage.code;
  return reply;
}

/** The same as a fault: nothing is kept of a request that it says was filed. */
export function intuneApprovalReply(step: 'required' | 'filed' | 'pending', trace: GraphTrace): Reply {
  return refusedPassage(step === 'filed' ? { kind: step, code: randomUUID() } : { kind: step }, trace);
}

/** The requests, as Graph gives them (`operationApprovalRequest` of the beta API). */
export function listApprovals(
  request: Received,
  tenant: { readonly id: string; readonly approvals: Approvals },
  trace: GraphTrace,
): Reply {
  const filter = request.query.get('$filter');
  const [, code] = /^requestId eq '([^']*)'$/.exec(filter ?? '') ?? [];
  if (filter !== null && code === undefined) {
    const message = `The simulator takes $filter=requestId eq '…' only, not '${filter}'.`;
    return graphErrorReply({ status: 400, code: 'BadRequest', message }, trace);
  }
  const person = (oid: string) => {
    const found = personByOid(tenant.id, oid);
    const name = found && `${found.mailbox}@${domainOf(tenant.id)}`;
    return { user: { id: oid, displayName: found?.displayName ?? null, userPrincipalName: name ?? null } };
  };
  const value = tenant.approvals
    .requests()
    .filter((one) => code === undefined || one.code === code.toLowerCase())
    .map((one) => ({
      id: one.code,
      requestId: one.code,
      requestDateTime: new Date(one.filedAt).toISOString(),
      expirationDateTime: new Date(tenant.approvals.expiresAt(one)).toISOString(),
      requestor: person(one.requesterOid),
      requestJustification: one.justification,
      status: one.status,
    }));
  return jsonReply(
    200,
    {
      '@odata.context':
        'https://graph.microsoft.com/beta/$metadata#deviceManagement/operationApprovalRequests',
      value,
    },
    graphHeaders(trace),
  );
}
