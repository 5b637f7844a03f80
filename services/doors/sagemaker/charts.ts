import { buffer } from 'node:stream/consumers';
import type { ArtifactStat } from '#libs/artifacts/artifact-store.js';
import type { RichKind } from '#libs/domain/event.js';
import { limits } from '#libs/domain/limits.js';
import { isObject, jsonOf, type JsonObject } from '#libs/domain/plain-json.js';
import { contentId } from '../shared/command-log.js';
import { mediaEvent } from '../shared/media-event.js';
import type { SageMakerWorld } from './world.js';

const chartBytesMax = 1024 * 1024;

interface Chart {
  readonly kind: RichKind;
  readonly said: unknown;
  readonly facts?: Readonly<Record<string, string>>;
}

/** Says again, as a value of the run, a chart that a Run uploads as a file of JSON, so that it is drawn. The file stays what it is. */
export async function tellChart(world: SageMakerWorld, run: string, file: string, stat: ArtifactStat): Promise<void> {
  if (!file.endsWith('.json') || stat.sizeBytes > chartBytesMax) return;
  const json = jsonOf((await buffer(await world.backend.artifactStore.get(stat.digest))).toString('utf8'));
  const chart = isObject(json) ? chartOf(json) : null;
  if (!chart) return;
  const text = JSON.stringify(chart.said);
  if (text.length > limits.richTextCharsMax) return;
  const id = contentId('sagemaker', 'chart', Buffer.from(`${run}\n${file}\n${stat.digest}`));
  const { kind, facts = {} } = chart;
  const event = mediaEvent(run, id, { key: file.replace(/\.json$/, ''), kind, mime: 'application/json', text, facts });
  if (event) await world.log.tell(event);
}

const numbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'number');

/** The three that `Run` writes; null for any other JSON. */
export function chartOf(json: JsonObject): Chart | null {
  const curve = (x: unknown, y: unknown, xLabel: string, yLabel: string, fact: string, value: unknown): Chart | null =>
    numbers(x) && numbers(y) && x.length === y.length
      ? {
          kind: 'curve',
          said: { x, y, xLabel, yLabel },
          facts: typeof value === 'number' ? { [fact]: String(Number(value.toPrecision(6))) } : {},
        }
      : null;
  switch (json['type']) {
    case 'ROCCurve': {
      const { falsePositiveRate: x, truePositiveRate: y, areaUnderCurve: area } = json;
      return curve(x, y, 'false positive rate', 'true positive rate', 'auc', area);
    }
    case 'PrecisionRecallCurve': {
      const { recall: x, precision: y, averagePrecisionScore: average } = json;
      return curve(x, y, 'recall', 'precision', 'average_precision', average);
    }
    case 'ConfusionMatrix': {
      const { confusionMatrix: matrix } = json;
      if (!Array.isArray(matrix) || matrix.length === 0 || matrix.length > 500) return null;
      if (!matrix.every((row) => numbers(row) && row.length === matrix.length)) return null;
      return { kind: 'confusion_matrix', said: { labels: matrix.map((_, at) => String(at)), matrix } };
    }
    default:
      return null;
  }
}
