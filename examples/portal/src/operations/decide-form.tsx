import type { Operation } from '../api/types.ts';
import { usePortal } from '../portal-context.ts';
import { say } from '../sentences/sentences.ts';
import { ReasonForm } from './reason-form.tsx';

type Props = { readonly operation: Operation; readonly onDone: (sentence: string) => void };

/** The second person's decision. */
export function DecideForm({ operation, onDone }: Props) {
  const { api } = usePortal();
  const decide = async (decision: 'approve' | 'reject', reason: string) => {
    await api.decide(operation.operationId, decision, reason);
    return decision === 'approve' ? say.operation.approved : say.operation.rejected;
  };
  return (
    <ReasonForm
      title={say.operation.decideTitle}
      hint={say.operation.decideHint}
      onDone={onDone}
      choices={[
        { label: say.operation.approve, isMain: true, choose: (reason) => decide('approve', reason) },
        { label: say.operation.reject, isMain: false, choose: (reason) => decide('reject', reason) },
      ]}
    />
  );
}
