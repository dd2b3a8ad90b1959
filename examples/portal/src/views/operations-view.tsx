import { useState } from 'preact/hooks';
import type { Operation, OperationStatus } from '../api/types.ts';
import { StatusBadge } from '../operations/status-badge.tsx';
import { FailureNotice } from '../parts/failure-notice.tsx';
import { Field } from '../parts/field.tsx';
import { usePages } from '../parts/use-pages.ts';
import { ViewTitle } from '../parts/view-title.tsx';
import { When } from '../parts/when.tsx';
import { usePortal } from '../portal-context.ts';
import { addressOf } from '../route.ts';
import { say } from '../sentences/sentences.ts';
import { dateTime } from '../sentences/times.ts';

/** Each disconnect of the tenant, and first what waits for this person. */
export function OperationsView() {
  const { api, newest } = usePortal();
  const [status, setStatus] = useState<OperationStatus | null>(null);
  const list = usePages(
    async (cursor) => {
      const { operations, nextCursor } = await api.operations(status, cursor);
      return { items: operations, nextCursor };
    },
    [api, status],
  );
  return (
    <>
      <ViewTitle title={say.operations.title}>
        <p>{say.operations.lead}</p>
      </ViewTitle>
      <div class="toolbar">
        <StatusFilter status={status} onStatus={setStatus} />
        <button
          type="button"
          class="button"
          onClick={() => {
            newest.reload();
            list.reload();
          }}
        >
          {say.connection.refresh}
        </button>
      </div>
      {list.error !== null && <FailureNotice error={list.error} onTryAgain={list.reload} />}
      <p role="status" class="hint">
        {list.loading ? say.portal.loading : list.loaded ? say.operations.shown(list.items.length) : ''}
      </p>
      {list.loaded && list.items.length === 0 && <p class="card">{say.operations.none}</p>}
      {list.items.length > 0 && <Table operations={list.items} />}
      {list.hasMore && (
        <p class="actions">
          <button type="button" class="button" onClick={list.more}>
            {say.operations.more}
          </button>
        </p>
      )}
    </>
  );
}

type FilterProps = {
  readonly status: OperationStatus | null;
  readonly onStatus: (status: OperationStatus | null) => void;
};

function StatusFilter({ status, onStatus }: FilterProps) {
  return (
    <Field label={say.operations.filter}>
      {(control) => (
        <select
          {...control}
          value={status ?? ''}
          onChange={({ currentTarget: { value } }) =>
            onStatus(value === '' ? null : (value as OperationStatus))
          }
        >
          <option value="">{say.operations.all}</option>
          {Object.entries(say.operations.statuses).map(([value, { word }]) => (
            <option key={value} value={value}>
              {word}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Table({ operations }: { operations: readonly Operation[] }) {
  const { columns, empty } = say.operations;
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">{columns.status}</th>
          <th scope="col">{columns.requester}</th>
          <th scope="col">{columns.when}</th>
          <th scope="col">{columns.reason}</th>
          <th scope="col">{columns.ticket}</th>
          <th scope="col">
            <span class="only-heard">{say.operations.open}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {operations.map(({ operationId, status, requester, requestedAt, reason, ticket }) => (
          <tr key={operationId}>
            <td data-column={columns.status}>
              <StatusBadge status={status} />
            </td>
            <td data-column={columns.requester}>{requester.name ?? requester.oid}</td>
            <td data-column={columns.when}>
              <When at={requestedAt} />
            </td>
            <td data-column={columns.reason}>{reason ?? empty}</td>
            <td data-column={columns.ticket} class={(ticket ?? '').length < 20 ? 'unbroken' : undefined}>
              {ticket ?? empty}
            </td>
            <td>
              <a
                href={addressOf({ view: 'operation', id: operationId })}
                aria-label={say.operations.openOf(dateTime(requestedAt))}
              >
                {say.operations.open}
              </a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
