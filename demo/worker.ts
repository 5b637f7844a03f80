import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { init, type Metrics } from '#libs/sdk-typescript/sdk.js';
import { joinHub } from './all-reduce.js';
import { readDigits } from './digits.js';
import { pictured } from './pictured.js';
import { createRandom, createWeights, pass, weightCount } from './model.js';
import type { Job } from './main.js';

/** One rank: its share of the samples, real gradients, the mean of all ranks' gradients, SGD with momentum. */
const job = JSON.parse(process.argv[2]!) as Job & { rank: number };
const { rank, ranks, folder, hidden } = job;
const learningRate = 0.08;
const momentum = 0.9;
const checkpointSteps = 25;
const evaluationSteps = 10;

const digits = readDigits();
const order = Array.from({ length: digits.count }, (_, i) => i);
const shuffle = createRandom(7);
for (let i = order.length - 1; i > 0; i--) {
  const j = Math.floor(shuffle() * (i + 1));
  [order[i], order[j]] = [order[j]!, order[i]!];
}
const heldOut = order.slice(0, 360);
const share = order.slice(360).filter((_, index) => index % ranks === rank);

const checkpointPath = `${folder}/checkpoint.bin`;
const resumed = existsSync(checkpointPath)
  ? new Float64Array(new Uint8Array(readFileSync(checkpointPath)).buffer)
  : null;
const length = weightCount({ hidden });
const weights = resumed ? resumed.slice(1, 1 + length) : createWeights({ hidden }, createRandom(1));
const velocity = resumed ? resumed.slice(1 + length) : new Float64Array(length);
const firstStep = resumed ? resumed[0]! : 0;

const run = init({
  project: 'demo',
  name: 'digits-mlp',
  id: job.run,
  url: job.url,
  dir: `${folder}/spool`,
  rank,
  worldSize: ranks,
  launch: job.launch,
  config: {
    model: { kind: 'mlp', hidden },
    learningRate,
    momentum,
    batchPerRank: job.batch,
    ranks,
    dataset: 'optical digits 8x8',
  },
  tags: { dataset: 'digits' },
  ...(resumed ? { fromStep: firstStep } : {}),
});
// Ctrl-C reaches every rank at another moment: the launcher says it, and the ranks agree on the step in their exchange
let enough = false;
process.on('SIGINT', () => {});
process.on('message', () => {
  enough = true;
});
process.channel?.unref();
const votes = new Float64Array(length + 1);
const { reduce, close } = await joinHub(job.port, votes.length);
if (rank === 0)
  console.log(
    resumed
      ? `goes on from the checkpoint of step ${firstStep}`
      : `${length} weights, ${share.length} samples per rank`,
  );

const gradient = new Float64Array(length);
const sample = createRandom(1_000 + rank + 7_919 * firstStep);
const startedAt = performance.now();
let step = firstStep;
for (let ending = false; step < job.steps && !ending; step++) {
  const beganAt = performance.now();
  const batch = Array.from({ length: job.batch }, () => share[Math.floor(sample() * share.length)]!);
  const { loss, accuracy } = pass({ hidden }, weights, digits.images, digits.labels, batch, gradient);
  if (job.straggler === rank) await sleep(job.paceMs * 0.6); // the slow rank: everyone waits for it in the exchange below
  const ownMs = performance.now() - beganAt;
  const gradNorm = Math.hypot(...gradient);
  votes.set(gradient);
  votes[length] = enough ? 1 : 0;
  const mean = await reduce(votes);
  ending = mean[length]! > 0;
  for (let i = 0; i < length; i++) {
    velocity[i] = momentum * velocity[i]! - learningRate * mean[i]!;
    weights[i]! += velocity[i]!;
  }
  const workMs = performance.now() - beganAt;
  const metrics: Record<string, Metrics[string]> = {
    loss,
    accuracy,
    grad_norm: gradNorm,
    compute_ms: ownMs,
    step_ms: workMs,
    samples_per_s: (job.batch / ownMs) * 1_000,
  };
  if (rank === 0 && (step % evaluationSteps === 0 || step === job.steps - 1 || ending)) {
    const answers: number[] = [];
    const held = pass({ hidden }, weights, digits.images, digits.labels, heldOut, null, answers);
    Object.assign(metrics, pictured(digits, heldOut, answers, weights));
    metrics['eval/loss'] = held.loss;
    metrics['eval/accuracy'] = held.accuracy;
    console.log(`step ${step}: loss ${loss.toFixed(3)}, held-out accuracy ${(held.accuracy * 100).toFixed(1)} %`);
  }
  run.log(metrics, step);
  if (rank === 0 && (step + 1) % checkpointSteps === 0) saveCheckpoint(step + 1);
  if (job.crashRank === rank && step === job.crashStep) process.kill(process.pid, 'SIGKILL');
  await sleep(Math.max(0, startedAt + (step + 1 - firstStep) * job.paceMs - performance.now()));
}

function saveCheckpoint(next: number): void {
  const bytes = new Float64Array(1 + 2 * length);
  bytes[0] = next;
  bytes.set(weights, 1);
  bytes.set(velocity, 1 + length);
  writeFileSync(`${checkpointPath}.new`, new Uint8Array(bytes.buffer));
  renameSync(`${checkpointPath}.new`, checkpointPath);
}

if (rank === 0) {
  const final = pass({ hidden }, weights, digits.images, digits.labels, heldOut, null);
  run.summary['final_accuracy'] = final.accuracy;
  saveCheckpoint(step);
  writeFileSync(`${folder}/model.f64`, new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength));
  run.logArtifact(`${folder}/model.f64`, { type: 'model', metadata: { hidden: String(hidden) }, step: step - 1 });
  run.logArtifact(checkpointPath, { name: 'checkpoint.bin', type: 'checkpoint', step: step - 1 });
  console.log(`done: ${(final.accuracy * 100).toFixed(1)} % of ${heldOut.length} held-out digits are right`);
}
close();
process.exitCode = (await run.finish({ timeoutMs: 60_000 })) ? 0 : 2;
