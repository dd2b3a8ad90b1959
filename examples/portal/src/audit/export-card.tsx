import { useState } from 'preact/hooks';
import type { AuditFilters, ExportFormat } from '../api/api.ts';
import { NoAnswer } from '../api/failures.ts';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { usePortal } from '../portal-context.ts';
import { say } from '../sentences/sentences.ts';

/** The trail as a file. It is fetched with the token in its header and saved from memory: a link that the
 *  browser follows would have to carry the token in its address. */
export function ExportCard({ filters }: { filters: AuditFilters }) {
  const { api } = usePortal();
  const [said, setSaid] = useState('');
  const [error, setError] = useState<unknown>(null);

  const save = async (format: ExportFormat) => {
    setSaid(say.audit.exporting);
    setError(null);
    try {
      const answer = await api.auditExport(filters, format);
      const name = nameOf(answer.headers.get('content-disposition'), format);
      saveAs(name, await bytesOf(answer));
      setSaid(say.audit.exported(name));
    } catch (failure) {
      setSaid('');
      setError(failure);
    }
  };

  return (
    <section class="card">
      <h2>{say.audit.exportTitle}</h2>
      <p>{say.audit.exportHint}</p>
      <p class="actions">
        <button type="button" class="button" onClick={() => void save('ndjson')}>
          {say.audit.exportNdjson}
        </button>
        <button type="button" class="button" onClick={() => void save('ocsf')}>
          {say.audit.exportOcsf}
        </button>
      </p>
      <p role="status" class="hint">
        {said}
      </p>
      {error !== null && <FailureNotice error={error} />}
    </section>
  );
}

async function bytesOf(answer: Response): Promise<Blob> {
  try {
    return await answer.blob();
  } catch (error) {
    throw new NoAnswer('the export broke off', { cause: error });
  }
}

function nameOf(disposition: string | null, format: ExportFormat): string {
  return /filename="([\w.-]+)"/.exec(disposition ?? '')?.[1] ?? `audit.${format}`;
}

function saveAs(name: string, bytes: Blob): void {
  const address = URL.createObjectURL(bytes);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // Not at once: some browsers read it only after this turn.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
