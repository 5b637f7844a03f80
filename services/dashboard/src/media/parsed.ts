/** What the JSON of rich values holds (docs/protocol.md). Null for what does not look like it. */
export interface HistogramData {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}
export type Cell = string | number | boolean | null | object;
export interface TableData {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}
export interface MatrixData {
  readonly labels: readonly string[];
  readonly matrix: readonly (readonly number[])[];
}
export interface CurveData {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly xLabel: string;
  readonly yLabel: string;
}
export interface PointsData {
  readonly points: readonly (readonly number[])[];
}

function read(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const numbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'number');
const texts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');
const rowsOf = (value: unknown): value is unknown[][] => Array.isArray(value) && value.every(Array.isArray);

export function readHistogram(text: string): HistogramData | null {
  const { edges, counts } = read(text) ?? {};
  return numbers(edges) && numbers(counts) && counts.length > 0 && edges.length === counts.length + 1
    ? { edges, counts }
    : null;
}

export function readTable(text: string): TableData | null {
  const { columns, rows } = read(text) ?? {};
  return texts(columns) && rowsOf(rows) ? { columns, rows: rows as Cell[][] } : null;
}

export function readMatrix(text: string): MatrixData | null {
  const { labels, matrix } = read(text) ?? {};
  return texts(labels) && rowsOf(matrix) && matrix.length === labels.length && matrix.every(numbers)
    ? { labels, matrix }
    : null;
}

export function readCurve(text: string): CurveData | null {
  const { x, y, xLabel, yLabel } = read(text) ?? {};
  return numbers(x) && numbers(y) && x.length === y.length
    ? { x, y, xLabel: typeof xLabel === 'string' ? xLabel : '', yLabel: typeof yLabel === 'string' ? yLabel : '' }
    : null;
}

export function readPoints(text: string): PointsData | null {
  const { points } = read(text) ?? {};
  return rowsOf(points) && points.every((row) => numbers(row) && row.length >= 3)
    ? { points: points as number[][] }
    : null;
}
