/** Several measurements of one thing. */
export type Spread = { readonly median: number; readonly min: number; readonly max: number };

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** How far apart the measurements lie, as a share of their median. */
export function width({ median: middle, min, max }: Spread): number {
  return (max - min) / middle;
}

/** The line through points by least squares: its slope, and that slope's standard error. */
export function slope(points: readonly (readonly [number, number])[]): { slope: number; error: number } {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const varianceX = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const gradient = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / varianceX;
  const residue = points.reduce((sum, [x, y]) => sum + (y - meanY - gradient * (x - meanX)) ** 2, 0);
  return { slope: gradient, error: Math.sqrt(residue / Math.max(1, count - 2) / varianceX) };
}
