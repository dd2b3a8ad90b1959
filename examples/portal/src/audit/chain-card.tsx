import { useRef, useState } from 'preact/hooks';
import type { AuditFilters } from '../api/api.ts';
import { NoAnswer } from '../api/failures.ts';
import type { ChainStatus } from '../api/types.ts';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { FoldableCard } from '../parts/foldable-card.tsx';
import { ToneIcon } from '../parts/icons.tsx';
import type { Tone } from '../parts/tone.ts';
import { useLoad } from '../parts/use-load.ts';
import { usePortal } from '../portal-context.ts';
import { say } from '../sentences/sentences.ts';
import { dateTime, duration } from '../sentences/times.ts';
import { type ChainProof, linesOf, ProofFailed, proveChain } from './proof.ts';

const tones: Record<ChainStatus['status'], Tone> = {
  signed: 'good',
  behind: 'wait',
  late: 'unsure',
  unsigned: 'unsure',
  none: 'unsure',
  contradicted: 'bad',
};

type Props = { readonly filters: AuditFilters; readonly onProof: (proof: ChainProof) => void };

/** How far the chain is covered, as the service says, and whether it is whole, as this browser works out. */
export function ChainCard({ filters, onProof }: Props) {
  const { api } = usePortal();
  const status = useLoad(() => api.chainStatus(), [api]);
  return (
    <FoldableCard title={say.audit.chainTitle}>
      {status.error !== null && <FailureNotice error={status.error} onTryAgain={status.reload} />}
      {status.value !== null && <Coverage status={status.value} />}
      <Proving filters={filters} onProof={onProof} />
    </FoldableCard>
  );
}

function Coverage({ status: chain }: { status: ChainStatus }) {
  const { status, length, lastCheckpoint, firstSigned, removedTo } = chain;
  return (
    <>
      <p class={`would tone-${tones[status]}`}>
        <ToneIcon tone={tones[status]} />
        {say.audit.chain[status]}
      </p>
      <p>
        {say.audit.chainLength(length)}{' '}
        {lastCheckpoint !== null &&
          say.audit.chainCheckpoint(lastCheckpoint.number, dateTime(lastCheckpoint.time))}{' '}
        {firstSigned !== null &&
          status === 'late' &&
          say.audit.chainFirstSigned(
            dateTime(firstSigned.time),
            duration(firstSigned.afterSeconds * 1000),
          )}{' '}
        {removedTo !== null && say.audit.chainRemoved(removedTo)}
      </p>
    </>
  );
}

function Proving({ filters, onProof }: Props) {
  const { api } = usePortal();
  const [said, setSaid] = useState<{ tone: Tone; sentence: string } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const busy = useRef(false);

  const prove = async () => {
    if (busy.current) return;
    busy.current = true;
    setError(null);
    setSaid({ tone: 'busy', sentence: say.audit.proving(0) });
    try {
      const proof = await proofFrom(await api.auditExport(filters, 'ndjson'), (number) =>
        setSaid({ tone: 'busy', sentence: say.audit.proving(number) }),
      );
      onProof(proof);
      setSaid({ tone: 'good', sentence: say.audit.proven(proof.length) });
    } catch (failure) {
      if (failure instanceof ProofFailed) {
        setSaid({ tone: 'bad', sentence: say.audit.notProvenBecause[failure.kind](failure.number) });
      } else {
        setSaid(null);
        setError(failure);
      }
    } finally {
      busy.current = false;
    }
  };

  return (
    <>
      <p class="actions">
        <button type="button" class="button" onClick={() => void prove()}>
          {say.audit.prove}
        </button>
      </p>
      <div role="status">
        {said !== null && (
          <p class={`would tone-${said.tone}`}>
            <ToneIcon tone={said.tone} />
            {said.sentence}
          </p>
        )}
      </div>
      {error !== null && <FailureNotice error={error} />}
      <p class="hint">{say.audit.proveHint}</p>
    </>
  );
}

async function proofFrom(answer: Response, onProgress: (number: number) => void): Promise<ChainProof> {
  if (answer.body === null) throw new NoAnswer('an empty export');
  try {
    return await proveChain(linesOf(answer.body), onProgress);
  } catch (error) {
    // The service breaks the connection off where it cannot go on.
    throw error instanceof ProofFailed ? error : new NoAnswer('the export broke off', { cause: error });
  }
}
