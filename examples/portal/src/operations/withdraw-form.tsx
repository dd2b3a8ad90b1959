import type { Operation } from '../api/types.ts';
import { usePortal } from '../portal-context.ts';
import { say } from '../sentences/sentences.ts';
import { ReasonForm } from './reason-form.tsx';

type Props = {
  readonly operation: Operation;
  readonly etag: string | null;
  readonly onDone: (sentence: string) => void;
};

/** The requester takes back what nobody has executed. */
export function WithdrawForm({ operation, etag, onDone }: Props) {
  const { api } = usePortal();
  const withdraw = async (reason: string) => {
    await api.decide(operation.operationId, 'withdraw', { reason, etag });
    return say.operation.withdrawn;
  };
  return (
    <ReasonForm
      title={say.operation.withdrawTitle}
      hint={say.operation.withdrawHint}
      onDone={onDone}
      choices={[{ label: say.operation.withdraw, isMain: false, choose: withdraw }]}
    />
  );
}
