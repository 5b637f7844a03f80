import type { Fields } from './fields.js';
import { invalid } from './mlflow-error.js';
import { checkName } from './names.js';
import type { Point } from '../shared/point-blocks.js';

export interface Metric extends Point {
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
