import type { PointBlock } from '#libs/domain/event.js';
import type { Fields } from './fields.js';
import { invalid } from './mlflow-error.js';
import { checkName } from './names.js';

export interface Metric {
  readonly key: string;
  readonly value: number;
  readonly timeMs: number;
  readonly step: number;
  readonly model: string;
  readonly datasetName: string;
  readonly datasetDigest: string;
}

/** The latest moment that a date can name. */
const timeMsMax = 8.64e15;

/** `seen` holds the keys that were checked before: of a thousand metrics there are few. */
export function readMetric(fields: Fields, at: string, seen: Set<string>): Metric {
  const key = fields.required('key');
  if (!seen.has(key)) {
    checkName('metric', `${at}key`, key);
    seen.add(key);
  }
  const value = fields.requiredNumber('value');
  const timeMs = fields.requiredWhole('timestamp');
  if (timeMs < 0 || timeMs > timeMsMax)
    throw invalid(
      `Got invalid timestamp ${timeMs} for metric '${key}' (value=${value}). Timestamp must be a nonnegative long (64-bit integer) of milliseconds`,
    );
  return {
    key,
    value,
    timeMs,
    step: fields.whole('step') ?? 0,
    model: fields.text('model_id'),
    datasetName: fields.text('dataset_name'),
    datasetDigest: fields.text('dataset_digest'),
  };
}

interface Row {
  readonly step: number;
  readonly timeMs: number;
  readonly keys: string[];
  readonly values: number[];
}

/**
 * Metrics as the dense blocks of the log. What was logged together has a step and a time in common: such a row is taken whole, and rows
 * of the same keys make one block. A key that comes twice in a row, with another value, begins a new row.
 */
export function toBlocks(metrics: readonly Metric[]): readonly PointBlock[] {
  const rows = new Map<string, Row[]>();
  for (const { key, value, timeMs, step } of metrics) {
    const name = `${step} ${timeMs}`;
    let same = rows.get(name);
    if (!same) rows.set(name, (same = []));
    let row = same.at(-1);
    if (!row || row.keys.includes(key)) same.push((row = { step, timeMs, keys: [], values: [] }));
    row.keys.push(key);
    row.values.push(value);
  }
  const blocks = new Map<string, Row[]>();
  for (const row of [...rows.values()].flat()) {
    const name = row.keys.join('\n');
    const known = blocks.get(name);
    if (known) known.push(row);
    else blocks.set(name, [row]);
  }
  return [...blocks.values()].map(blockOf);
}

function blockOf(rows: readonly Row[]): PointBlock {
  const { keys } = rows[0]!;
  const values = new Float64Array(keys.length * rows.length);
  rows.forEach((row, i) => row.values.forEach((value, k) => (values[k * rows.length + i] = value)));
  return {
    keys,
    steps: Float64Array.from(rows, ({ step }) => step),
    times: Float64Array.from(rows, ({ timeMs }) => timeMs),
    values,
    everyValue: true,
  };
}
