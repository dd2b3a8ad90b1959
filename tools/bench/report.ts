import { availableParallelism, cpus, totalmem } from 'node:os';
import { judge, type Verdict } from './figures.ts';
import type { Part, PartResult } from './part.ts';
import type { Scale } from './scale.ts';

/** What was measured, where and when. */
export type Report = {
  readonly date: string;
  readonly machine: {
    readonly cores: number;
    readonly cpu: string;
    readonly memoryGb: number;
    readonly platform: string;
    readonly node: string;
  };
  readonly scale: Scale['name'];
  /** Whether anything makes the figures doubtful. */
  readonly noisy: boolean;
  readonly warnings: readonly string[];
  readonly verdicts: readonly Verdict[];
  readonly parts: Readonly<Record<string, PartResult>>;
};

export function reportOf(scale: Scale, results: ReadonlyMap<Part, PartResult>): Report {
  const parts = Object.fromEntries([...results].map(([part, result]) => [part.name, result]));
  const warnings = [...results].flatMap(([part, result]) =>
    (result.warnings ?? []).map((warning) => `${part.name}: ${warning}`),
  );
  return {
    date: new Date().toISOString(),
    machine: {
      cores: availableParallelism(),
      cpu: cpus()[0]?.model ?? 'unknown',
      memoryGb: Math.round(totalmem() / 1e9),
      platform: `${process.platform} ${process.arch}`,
      node: process.version,
    },
    scale: scale.name,
    noisy: warnings.some((warning) => warning.includes('too noisy')),
    warnings,
    verdicts: judge(Object.assign({}, ...[...results.values()].map(({ figures }) => figures))),
    parts,
  };
}

/** The report as people read it: what each part saw, and one table of what was to be reached. */
export function textOf(report: Report, results: ReadonlyMap<Part, PartResult>): string {
  const { machine } = report;
  const sections = [...results].map(([part, { rows }]) => `${part.name}: ${part.what}\n${table(rows)}`);
  const figures = table([
    ['figure', 'target', 'measured', ''],
    ...report.verdicts.map(({ what, target, measured, met, missedBy }) => [
      what,
      target,
      measured,
      met ? 'met' : `missed by ${Math.ceil(missedBy * 100)} %`,
    ]),
  ]);
  return [
    ...sections,
    `${report.date.slice(0, 10)}, ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, ${machine.platform}, Node ${machine.node}, ${report.scale} run\n${figures}`,
    ...report.warnings.map((warning) => `Warning: ${warning}`),
  ].join('\n\n');
}

/** In columns; an empty row begins a table of its own. */
function table(rows: readonly (readonly string[])[]): string {
  const gap = rows.findIndex((row) => row.length === 0);
  if (gap >= 0) return `${table(rows.slice(0, gap))}\n\n${table(rows.slice(gap + 1))}`;
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}
