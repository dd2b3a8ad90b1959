import { useState } from 'preact/hooks';
import type { AuditFilters } from '../api/api.ts';
import { CallsChart } from '../audit/calls-chart.tsx';
import { ChainCard } from '../audit/chain-card.tsx';
import { EventList } from '../audit/event-list.tsx';
import { ExportCard } from '../audit/export-card.tsx';
import { FilterForm, usualFilters } from '../audit/filter-form.tsx';
import type { ChainProof } from '../audit/proof.ts';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { usePages } from '../parts/use-pages.ts';
import { ViewTitle } from '../parts/view-title.tsx';
import { usePortal } from '../portal-context.ts';
import { say } from '../sentences/sentences.ts';

// Enough for a chart that says something, and one page for most.
const pageSize = 200;

/** The record: what happened, how often and how it ended, and whether it can be believed. */
export function AuditView({ operationId }: { operationId: string | null }) {
  const { api } = usePortal();
  const [filters, setFilters] = useState<AuditFilters>({ ...usualFilters, operationId });
  const [proof, setProof] = useState<ChainProof | null>(null);
  const list = usePages(
    async (cursor) => {
      const { events, nextCursor } = await api.auditEvents(filters, cursor, pageSize);
      return { items: events, nextCursor };
    },
    [api, filters],
  );
  return (
    <>
      <ViewTitle title={say.audit.title}>
        <p>{say.audit.lead}</p>
      </ViewTitle>
      <FilterForm
        filters={filters}
        onFilters={(wanted) => {
          setProof(null);
          setFilters(wanted);
        }}
      />
      {list.error !== null && <FailureNotice error={list.error} onTryAgain={list.reload} />}
      {list.items.length > 0 && <CallsChart events={list.items} hasMore={list.hasMore} />}
      <ChainCard filters={filters} onProof={setProof} />
      <section class="list-head">
        <h2>{say.audit.listTitle}</h2>
        <p role="status" class="hint">
          {list.loading ? say.portal.loading : list.loaded ? say.audit.shown(list.items.length) : ''}
        </p>
        {list.loaded && list.items.length === 0 && <p class="card">{say.audit.none}</p>}
        {list.items.length > 0 && <EventList events={list.items} proof={proof} />}
        {list.hasMore && (
          <p class="actions">
            <button type="button" class="button" onClick={list.more}>
              {say.audit.more}
            </button>
          </p>
        )}
      </section>
      <ExportCard filters={filters} />
    </>
  );
}
