/** A small neural network, 64 pixels -> hidden (ReLU) -> 10 digits, in plain arithmetic. All weights lie in one vector, so that gradients travel as one. */
export const pixels = 64;
export const classes = 10;

export interface Sizes {
  readonly hidden: number;
}
export const weightCount = ({ hidden }: Sizes): number => pixels * hidden + hidden + hidden * classes + classes;

/** Deterministic numbers in [0, 1) from a seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** He initialisation; biases are zero. */
export function createWeights(sizes: Sizes, random: () => number): Float64Array {
  const weights = new Float64Array(weightCount(sizes));
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const first = pixels * sizes.hidden;
  for (let i = 0; i < first; i++) weights[i] = normal() * Math.sqrt(2 / pixels);
  const second = first + sizes.hidden;
  for (let i = 0; i < sizes.hidden * classes; i++) weights[second + i] = normal() * Math.sqrt(2 / sizes.hidden);
  return weights;
}

export interface Outcome {
  /** Mean cross-entropy. */
  readonly loss: number;
  /** Share of right answers. */
  readonly accuracy: number;
}

/** Forward over the given samples, and backward into `gradient` (mean over the samples) when there is one. `answers` takes what each was taken for. */
export function pass(
  sizes: Sizes,
  weights: Float64Array,
  images: Float64Array,
  labels: Uint8Array,
  samples: readonly number[],
  gradient: Float64Array | null,
  answers?: number[],
): Outcome {
  const { hidden } = sizes;
  const bias1 = pixels * hidden;
  const second = bias1 + hidden;
  const bias2 = second + hidden * classes;
  const active = new Float64Array(hidden);
  const scores = new Float64Array(classes);
  const back = new Float64Array(hidden);
  let [loss, right] = [0, 0];
  gradient?.fill(0);
  for (const sample of samples) {
    const image = sample * pixels;
    for (let h = 0; h < hidden; h++) {
      let sum = weights[bias1 + h]!;
      for (let p = 0; p < pixels; p++) sum += weights[h * pixels + p]! * images[image + p]!;
      active[h] = sum > 0 ? sum : 0;
    }
    let top = 0;
    for (let c = 0; c < classes; c++) {
      let sum = weights[bias2 + c]!;
      for (let h = 0; h < hidden; h++) sum += weights[second + c * hidden + h]! * active[h]!;
      scores[c] = sum;
      if (sum > scores[top]!) top = c;
    }
    const label = labels[sample]!;
    answers?.push(top);
    if (top === label) right += 1;
    const highest = scores[top]!;
    let total = 0;
    for (let c = 0; c < classes; c++) total += scores[c] = Math.exp(scores[c]! - highest);
    loss -= Math.log(scores[label]! / total);
    if (!gradient) continue;
    back.fill(0);
    for (let c = 0; c < classes; c++) {
      const error = (scores[c]! / total - (c === label ? 1 : 0)) / samples.length;
      gradient[bias2 + c]! += error;
      for (let h = 0; h < hidden; h++) {
        gradient[second + c * hidden + h]! += error * active[h]!;
        back[h]! += error * weights[second + c * hidden + h]!;
      }
    }
    for (let h = 0; h < hidden; h++) {
      if (active[h] === 0) continue;
      gradient[bias1 + h]! += back[h]!;
      for (let p = 0; p < pixels; p++) gradient[h * pixels + p]! += back[h]! * images[image + p]!;
    }
  }
  return { loss: loss / samples.length, accuracy: right / samples.length };
}
