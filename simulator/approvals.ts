import { randomUUID } from 'node:crypto';

/** A request for approval, as Intune's Multi Admin Approval keeps it. */
export type ApprovalRequest = {
  /** What the filing answer gave as `x-msft-approval-code`. */
  readonly code: string;
  readonly requesterOid: string;
  readonly justification: string;
  /** Milliseconds, by the simulator's clock. */
  readonly filedAt: number;
  status: ApprovalStatus;
};
export type ApprovalStatus =
  | 'needsApproval'
  | 'approved'
  | 'rejected'
  | 'cancelled'
  | 'expired'
  | 'completed';

/** What somebody does with a request in Intune's own portal: the statuses it is possible in, and the one it leads to.
 *  `expire` makes its time be over. */
const moves = {
  approve: { from: ['needsApproval'], to: 'approved' },
  reject: { from: ['needsApproval'], to: 'rejected' },
  cancel: { from: ['needsApproval', 'approved'], to: 'cancelled' },
  complete: { from: ['approved'], to: 'completed' },
  expire: { from: ['needsApproval', 'approved'], to: 'expired' },
} as const satisfies Record<string, { from: readonly ApprovalStatus[]; to: ApprovalStatus }>;
export type ApprovalVerb = keyof typeof moves;
export const approvalVerbs = Object.keys(moves) as ApprovalVerb[];

/** What Intune does with a call that acts: it lets it through, or answers it itself. */
export type Passage =
  | { readonly kind: 'passes' }
  | { readonly kind: 'required' | 'pending' | 'code_refused' }
  | { readonly kind: 'filed' | 'waiting'; readonly code: string };

const threeDaysMs = 3 * 24 * 60 * 60 * 1000;

/** One tenant's access policy for its ChromeOS connection, and the requests that it led to. */
export class Approvals {
  /** Whether the access policy is there. */
  demanded = false;
  readonly #requests: ApprovalRequest[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Oldest first, each as it is by now. */
  requests(): readonly ApprovalRequest[] {
    for (const request of this.#requests) {
      if (isOpen(request) && this.#now() >= request.filedAt + threeDaysMs) request.status = 'expired';
    }
    return this.#requests;
  }

  find(code: string): ApprovalRequest | undefined {
    return this.requests().find((request) => request.code === code.toLowerCase());
  }

  expiresAt({ filedAt }: ApprovalRequest): number {
    return filedAt + threeDaysMs;
  }

  /** Whether a call that acts may do so. An approved code is used up by this. */
  admit(headers: Record<string, string>, oid: string): Passage {
    const code = headers['x-msft-approval-code'];
    if (code !== undefined) return this.#redeem(code, oid);
    if (!this.demanded) return { kind: 'passes' };
    const justification = headers['x-msft-approval-justification'];
    if (justification === undefined || justification === '') return { kind: 'required' };
    if (this.requests().some(isOpen)) return { kind: 'pending' };
    const request: ApprovalRequest = {
      code: randomUUID(),
      requesterOid: oid,
      justification: Buffer.from(justification, 'base64').toString('utf8'),
      filedAt: this.#now(),
      status: 'needsApproval',
    };
    this.#requests.push(request);
    return { kind: 'filed', code: request.code };
  }

  /** Does in Intune what a person may do there. Returns why it cannot be done, if it cannot. */
  decide(request: ApprovalRequest, verb: ApprovalVerb, oid: string): string | undefined {
    const mine = request.requesterOid === oid;
    const approving = verb === 'approve' || verb === 'reject';
    if (approving && mine) return 'Nobody can approve or reject their own request.';
    if ((verb === 'cancel' || verb === 'complete') && !mine) return 'Only its requester can do that.';
    const { from, to }: { from: readonly ApprovalStatus[]; to: ApprovalStatus } = moves[verb];
    if (!from.includes(request.status)) return `The request is ${request.status}.`;
    request.status = to;
    return undefined;
  }

  reset(): void {
    this.demanded = false;
    this.#requests.length = 0;
  }

  #redeem(code: string, oid: string): Passage {
    const request = this.find(code);
    if (request === undefined || request.requesterOid !== oid) return { kind: 'code_refused' };
    if (request.status === 'needsApproval') return { kind: 'waiting', code: request.code };
    if (request.status !== 'approved') return { kind: 'code_refused' };
    request.status = 'completed';
    return { kind: 'passes' };
  }
}

function isOpen({ status }: ApprovalRequest): boolean {
  return status === 'needsApproval' || status === 'approved';
}
