/**
 * `npm run bench [-- --json] [--quick] [--cluster] [--mlflow] [--sagemaker] [--wandb] [--only ingest,live]`: the figures of docs/figures.md, each beside its goal.
 * Measurements, not assertions: a missed goal is said, a figure that could not be taken makes the exit code 1.
 */
import { parseArgs } from 'node:util';
import { loadavg, cpus } from 'node:os';
import { measureBytes } from './figures/bytes.js';
import { measureCharts } from './figures/charts.js';
import { measureCluster } from './figures/cluster.js';
import { round, verdictOn, type Bench } from './figures/figure.js';
import { measureIngest } from './figures/ingest.js';
import { measureLive } from './figures/live.js';
import { measureMlflow } from './figures/mlflow.js';
import { measureSagemaker } from './figures/sagemaker.js';
import { measureLog } from './figures/log.js';
import { measurePoll } from './figures/poll.js';
import { measureRebuild } from './figures/rebuild.js';
import { measureScreen } from './figures/screen.js';
import { measureSdk } from './figures/sdk.js';
import { measureSearch } from './figures/search.js';
import { measureStart } from './figures/start.js';
import { measureWandb } from './figures/wandb.js';

const groups: Record<string, (bench: Bench) => Promise<void>> = {
  start: measureStart,
  log: measureLog,
  bytes: measureBytes,
  sdk: measureSdk,
  ingest: measureIngest,
  live: measureLive,
  poll: measurePoll,
  rebuild: measureRebuild,
  search: measureSearch,
  charts: measureCharts,
  screen: measureScreen,
  // over Kafka, PostgreSQL and several processes: with --cluster, or when named
  cluster: measureCluster,
};

function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    cluster: { type: 'boolean', default: false },
    mlflow: { type: 'boolean', default: false },
    sagemaker: { type: 'boolean', default: false },
    wandb: { type: 'boolean', default: false },
  },
});
// beside engines or a server that have to be installed, so only when asked for
if (flags.mlflow) groups['mlflow'] = measureMlflow;
if (flags.sagemaker) groups['sagemaker'] = measureSagemaker;
if (flags.wandb) groups['wandb'] = measureWandb;
const apart = (['cluster', 'mlflow', 'sagemaker', 'wandb'] as const).filter((name) => flags[name]);
const all: readonly string[] = apart.length > 0 ? apart : Object.keys(groups).filter((name) => name !== 'cluster');
const chosen = flags.only === undefined ? all : flags.only.split(',').map((name) => name.trim());
for (const name of chosen)
  if (!groups[name]) refuse(`--only: there is no group "${name}"; known are ${Object.keys(groups).join(', ')}`);

const say = (line: string): void => void process.stderr.write(`# ${line}\n`);
const bench: Bench = {
  quick: flags.quick,
  say,
  print: (figure, exact, unit, what) => {
    const value = round(exact);
    const verdict = verdictOn({ figure, value, unit, note: what });
    const note = [what, ...(flags.quick ? ['quick sizes'] : []), ...(verdict ? [verdict] : [])].join('; ');
    if (flags.json) process.stdout.write(`${JSON.stringify({ figure, value, unit, note })}\n`);
    else
      process.stdout.write(
        `${figure.padEnd(32)} ${value.toLocaleString('en').padStart(12)} ${unit.padEnd(9)} ${note}\n`,
      );
  },
};
say(
  `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown cpu'}, load ${loadavg()[0]!.toFixed(1)}`,
);
let failed = false;
for (const name of chosen) {
  const startedAt = performance.now();
  try {
    await groups[name]!(bench);
  } catch (error) {
    failed = true;
    say(`${name}: could not be measured: ${error instanceof Error ? error.stack : String(error)}`);
  }
  say(`${name} took ${((performance.now() - startedAt) / 1_000).toFixed(0)} s, load ${loadavg()[0]!.toFixed(1)}`);
}
process.exit(failed ? 1 : 0);
