import type { Failure, GraphTrace } from '../../core/failure.ts';
import type { IntuneProof } from '../../core/ports.ts';
import type { OutboundAnswer } from '../outbound/http-client.ts';
import { isJsonObject, parseJson } from '../outbound/json.ts';

const justificationHeader = 'x-msft-approval-justification';
const approvalCodeHeader = 'x-msft-approval-code';
// By each of these Intune says that it did nothing (RFC 9110 15.5).
const refusals = new Set([400, 403, 409, 412, 428]);

/** The header by which an act shows its proof to Intune. */
export function proofHeader(proof: IntuneProof | null): Record<string, string> {
  if (proof === null) return {};
  if ('code' in proof) return { [approvalCodeHeader]: proof.code };
  return { [justificationHeader]: Buffer.from(proof.justification).toString('base64') };
}

/** A code in the headers says, whatever the status, that a request was filed which may be completed in Intune. */
export function filedInIntune(answer: OutboundAnswer, graph: GraphTrace): Failure | null {
  const code = answer.headers[approvalCodeHeader];
  if (code === undefined) return null;
  return { reason: 'intune_approval_filed', graph, approvalCode: guid(code), operationId: null };
}

/** What Intune's Multi Admin Approval has to do with the refusal of a call that acts; `null`: nothing. Without a code
 *  in the headers, Intune refuses a call that has no justification, and one for which another request is waiting. Nothing
 *  but the text tells these from other refusals. `proven`: the call had a justification or a code. Then the answers
 *  by which Intune says that it filed a request say so without a code too. */
export function intuneApprovalIn(
  answer: OutboundAnswer,
  graph: GraphTrace,
  { proven }: { proven: boolean },
): Failure | null {
  const filed = filedInIntune(answer, graph);
  if (filed !== null) return filed;
  if (!refusals.has(answer.status)) return null;
  const text = errorText(answer.text).toLowerCase();
  if (proven) {
    // Where the code was lost on the way, nobody may take this for a refusal.
    const refused = answer.status === 403 && graph.code === 'Forbidden' && !text.includes('approval');
    if (answer.status === 412 || (answer.status === 403 && !refused)) {
      return { reason: 'intune_approval_filed', graph, approvalCode: null, operationId: null };
    }
    if (answer.status === 409) return { reason: 'intune_approval_pending', graph };
  }
  if (graph.code === 'ApprovalRequired' || text.includes(justificationHeader)) {
    return { reason: 'intune_approval_required', graph };
  }
  if (answer.status === 409 && text.includes('approval')) return { reason: 'intune_approval_pending', graph };
  return null;
}

function guid(value: string): string | null {
  const text = value.trim().toLowerCase();
  return /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/.test(text) ? text : null;
}

/** What an error of Graph's says, and what the JSON says that Intune may put there as a string. */
function errorText(text: string): string {
  const body = parseJson(text);
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : {};
  const message = typeof error.message === 'string' ? error.message : '';
  const nested = parseJson(message);
  const inner = isJsonObject(nested) && typeof nested.Message === 'string' ? nested.Message : '';
  return `${message} ${inner}`;
}
