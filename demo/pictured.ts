import { ConfusionMatrix, Histogram, Image, type Metrics } from '#libs/sdk-typescript/sdk.js';
import type { Digits } from './digits.js';
import { classes, pixels } from './model.js';

const side = Math.sqrt(pixels);
const wrongMax = 12;

/** What an evaluation looks like: digits that were taken for others, what was taken for what, how the weights are spread. */
export function pictured(
  digits: Digits,
  samples: readonly number[],
  answers: readonly number[],
  weights: Float64Array,
): Metrics {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const wrong: Image[] = [];
  samples.forEach((sample, at) => {
    const [label, answer] = [digits.labels[sample]!, answers[at]!];
    counts[label]![answer]! += 1;
    if (label === answer || wrong.length === wrongMax) return;
    const grey = digits.images.subarray(sample * pixels, (sample + 1) * pixels).map((shade) => shade * 255);
    const data = Uint8Array.from(grey);
    wrong.push(new Image({ data, width: side, height: side, channels: 1 }, `${label} taken for ${answer}`));
  });
  return {
    'eval/confusion': new ConfusionMatrix(
      counts,
      Array.from({ length: classes }, (_, digit) => String(digit)),
    ),
    weights: new Histogram(weights),
    ...(wrong.length > 0 && { 'eval/wrong': wrong }),
  };
}
