import type { AuditEvent } from '../api/types.ts';
import { FoldableCard } from '../parts/foldable-card.tsx';
import { say } from '../sentences/sentences.ts';
import { columnTime, duration } from '../sentences/times.ts';
import { type Bucket, bucketsOf, type Outcome, outcomes } from './buckets.ts';

type Props = { readonly events: readonly AuditEvent[]; readonly hasMore: boolean };

// Of the drawing; it is stretched to the place it has.
const width = 960;
const height = 160;
const widest = 80;

/** Calls over time by outcome, as a drawing and as a table. */
export function CallsChart({ events, hasMore }: Props) {
  const { length, buckets } = bucketsOf(events);
  const totals = totalsOf(buckets);
  const tallest = buckets.reduce((most, { counts }) => Math.max(most, sumOf(counts)), 1);
  const summary = outcomes.map((outcome) => `${say.audit.outcomes[outcome]} ${totals[outcome]}`).join(', ');
  const wide = Math.min(width / buckets.length, widest);
  const [first] = buckets;
  const last = buckets.at(-1);
  return (
    <FoldableCard title={say.audit.chartTitle}>
      <p class="hint">
        {say.audit.chartHint(events.length, duration(length))} {hasMore && say.audit.chartMore}
      </p>
      <Legend totals={totals} />
      <div class="chart">
        <p class="chart-most" aria-hidden="true">
          {tallest}
        </p>
        <svg
          viewBox={`0 0 ${width} ${height}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={say.audit.chartSummary(summary)}
        >
          {buckets.map((bucket, index) => (
            <Column
              key={bucket.from}
              bucket={bucket}
              length={length}
              left={index * wide}
              wide={wide}
              scale={(height - 2) / tallest}
            />
          ))}
          <path d={`M0 ${height - 0.5}H${width}`} class="chart-axis" />
        </svg>
        {first && last && (
          <p class="chart-times" aria-hidden="true">
            <span>{columnTime(first.from, length)}</span>
            <span>{columnTime(last.from + length, length)}</span>
          </p>
        )}
      </div>
      <details>
        <summary>{say.audit.chartTable}</summary>
        <ChartTable length={length} buckets={buckets.filter(({ counts }) => sumOf(counts) > 0)} />
      </details>
    </FoldableCard>
  );
}

type ColumnProps = {
  readonly bucket: Bucket;
  readonly length: number;
  readonly left: number;
  readonly wide: number;
  readonly scale: number;
};

function Column({ bucket: { from, counts }, length, left, wide, scale }: ColumnProps) {
  let below = 0;
  const gap = Math.min(4, wide / 5);
  return (
    <g>
      <title>
        {columnTime(from, length)}: {sumOf(counts)}
      </title>
      {outcomes.map((outcome) => {
        const high = counts[outcome] * scale;
        below += high;
        return high === 0 ? null : (
          <rect
            key={outcome}
            class={`outcome-${outcome}`}
            x={left + gap / 2}
            y={height - below}
            width={wide - gap}
            height={high}
          />
        );
      })}
    </g>
  );
}

function Legend({ totals }: { totals: Readonly<Record<Outcome, number>> }) {
  return (
    <ul class="legend">
      {outcomes.map((outcome) => (
        <li key={outcome}>
          <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" focusable="false">
            <rect class={`outcome-${outcome}`} width="12" height="12" rx="2" />
          </svg>
          {say.audit.outcomes[outcome]} <strong>{totals[outcome]}</strong>
        </li>
      ))}
    </ul>
  );
}

function ChartTable({ buckets, length }: { buckets: readonly Bucket[]; length: number }) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">{say.audit.columnFrom}</th>
          {outcomes.map((outcome) => (
            <th key={outcome} scope="col">
              {say.audit.outcomes[outcome]}
            </th>
          ))}
          <th scope="col">{say.audit.total}</th>
        </tr>
      </thead>
      <tbody>
        {buckets.map(({ from, counts }) => (
          <tr key={from}>
            <th scope="row">{columnTime(from, length)}</th>
            {outcomes.map((outcome) => (
              <td key={outcome} data-column={say.audit.outcomes[outcome]}>
                {counts[outcome]}
              </td>
            ))}
            <td data-column={say.audit.total}>{sumOf(counts)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function sumOf(counts: Readonly<Record<Outcome, number>>): number {
  return outcomes.reduce((sum, outcome) => sum + counts[outcome], 0);
}

function totalsOf(buckets: readonly Bucket[]): Record<Outcome, number> {
  const totals = { done: 0, open: 0, refused: 0, unknown: 0 };
  for (const { counts } of buckets) for (const outcome of outcomes) totals[outcome] += counts[outcome];
  return totals;
}
