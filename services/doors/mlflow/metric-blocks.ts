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

/**
 * The metrics of a batch. Nearly all of them look as the client writes them: those are taken as they are, and only what looks
 * otherwise is read field by field, with whatever there is to refuse.
 */
export function readMetrics(fields: Fields): readonly Metric[] {
  const seen = new Set<string>();
  return fields.items('metrics', (json, index) => {
    const { key, value, timestamp, step } = json;
    const plain =
      typeof key === 'string' &&
      typeof value === 'number' &&
      typeof timestamp === 'number' &&
      typeof step === 'number' &&
      seen.has(key) &&
      Number.isSafeInteger(step) &&
      Number.isSafeInteger(timestamp) &&
      timestamp >= 0 &&
      timestamp <= timeMsMax &&
      json['model_id'] === undefined &&
      json['dataset_name'] === undefined;
    if (plain) return { key, value, timeMs: timestamp, step, model: '', datasetName: '', datasetDigest: '' };
    return readMetric(fields.item('metrics', json, index), `metrics[${index}].`, seen);
  });
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
  const blocks: { readonly keys: readonly string[]; readonly rows: Row[] }[] = [];
  let last: (typeof blocks)[number] | null = null;
  for (const row of rowsOf(metrics)) {
    let block: (typeof blocks)[number] | undefined = last && sameKeys(last.keys, row.keys) ? last : undefined;
    block ??= blocks.find(({ keys }) => sameKeys(keys, row.keys));
    if (!block) blocks.push((block = { keys: row.keys, rows: [] }));
    block.rows.push(row);
    last = block;
  }
  return blocks.map(({ rows }) => blockOf(rows));
}

function rowsOf(metrics: readonly Metric[]): readonly Row[] {
  const rows: Row[] = [];
  let row: Row | null = null;
  let keys = new Set<string>();
  for (const { key, value, timeMs, step } of metrics) {
    if (!row || row.step !== step || row.timeMs !== timeMs || keys.has(key)) {
      rows.push((row = { step, timeMs, keys: [], values: [] }));
      keys = new Set<string>();
    }
    row.keys.push(key);
    row.values.push(value);
    keys.add(key);
  }
  return rows;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
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
