import { setTimeout as sleep } from 'node:timers/promises';
import { openSocket } from '../../rigs/client.js';
import { openClickHouseRig } from '../../rigs/clickhouse-rig.js';
import { openClusterRig, type ClusterRig } from '../../rigs/cluster-rig.js';
import { openKafkaRig } from '../../rigs/kafka-rig.js';
import { openPostgresRig } from '../../rigs/postgres-rig.js';
import { childrenOf, cpuSeconds } from '../../rigs/processes.js';
import { flood, floodPoints } from './ingest.js';
import { watch } from './live.js';
import { Generator } from './processes.js';
import { countPoints, queryable, withServer } from './served.js';
import { median, quantile, round, type Bench } from './figure.js';

interface MeasuredCluster {
  readonly rig: ClusterRig;
  readonly door: string;
  readonly gateway: string;
  /** CPU seconds of every part so far. */
  readonly cpu: () => Readonly<Record<string, number>>;
}

/** A cluster on engines of its own with as many partitions as projectors; the broker compiles in full, as in production. */
async function withCluster<T>(projectors: number, work: (cluster: MeasuredCluster) => Promise<T>): Promise<T> {
  const [kafka, postgres, clickhouse] = await Promise.all([
    openKafkaRig({ startsSoon: false }),
    openPostgresRig(),
    openClickHouseRig(),
  ]);
  try {
    const engines = {
      log: `kafka://${kafka.address}/bench`,
      runs: await postgres.database('bench'),
      metrics: clickhouse.url,
    };
    const rig = await openClusterRig({
      engines,
      counts: { projector: projectors },
      environment: { RUNSTREAM_LOG_PARTITIONS: String(projectors), RUNSTREAM_LOG_LEVEL: 'error' },
    });
    try {
      return await work({
        rig,
        door: rig.processes.get('ingest-0')!.url,
        gateway: rig.processes.get('gateway-0')!.url,
        cpu: () => ({
          kafka: cpuSeconds(kafka.pid),
          clickhouse: cpuSeconds(clickhouse.pid!),
          postgres: [postgres.pid, ...childrenOf(postgres.pid)].reduce((sum, pid) => sum + cpuSeconds(pid), 0),
          ...Object.fromEntries([...rig.processes].map(([name, { pid }]) => [name, cpuSeconds(pid)])),
        }),
      });
    } finally {
      await rig.close();
    }
  } finally {
    await Promise.all([kafka.close(), postgres.close(), clickhouse.close()]);
  }
}

const spent = (before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): string =>
  Object.entries(after)
    .map(([name, seconds]) => `${name} ${round(seconds - (before[name] ?? 0))}`)
    .join(', ');

export async function measureCluster(bench: Bench): Promise<void> {
  await measureScale(bench);
  await measureRecovery(bench);
  await measureLive(bench);
}

/** The flood of `ingest`, over Kafka and several processes, beside the embedded server in the same run. */
async function measureScale(bench: Bench): Promise<void> {
  const requests = bench.quick ? 2 : 10;
  const total = floodPoints(requests);
  const embedded = await withServer(async ({ server: { url } }) => pointsPerS(url, url, requests));
  for (const projectors of [1, 2, 4]) {
    await withCluster(projectors, async ({ door, gateway, cpu }) => {
      const before = cpu();
      const { queryablePerS, durablePerS } = await pointsPerS(door, gateway, requests);
      const parts = `${projectors} partitions and projectors; durable alone ${round(durablePerS)}; CPU s: ${spent(before, cpu())}`;
      bench.print(`cluster.ingest.points_per_s.${projectors}`, queryablePerS, 'points/s', `${total} points; ${parts}`);
      const beside = `embedded in the same run ${round(embedded.queryablePerS)} points/s, durable ${round(embedded.durablePerS)}`;
      bench.print(`cluster.ingest.ratio.${projectors}`, queryablePerS / embedded.queryablePerS, 'ratio', beside);
    });
  }
}

async function pointsPerS(
  door: string,
  reader: string,
  requests: number,
): Promise<{ queryablePerS: number; durablePerS: number }> {
  await flood(door, 'warm', 1);
  await queryable(reader);
  const { startedAt, durableAt } = await flood(door, 'flood', requests);
  await queryable(reader);
  const endedAt = performance.timeOrigin + performance.now();
  const total = floodPoints(requests);
  const counted = await countPoints(reader, 'flood');
  if (counted !== total) throw new Error(`${total} points were acked, ${counted} are there`);
  return { queryablePerS: (total / (endedAt - startedAt)) * 1e3, durablePerS: (total / (durableAt - startedAt)) * 1e3 };
}

/** All projectors stopped for a while, past their sessions, under a steady load: how fast the rest is made up, the load going on. */
async function measureRecovery(bench: Bench): Promise<void> {
  const [writers, keys, steps] = [bench.quick ? 64 : 256, 10, 10];
  const awayS = bench.quick ? 15 : 60;
  await withCluster(2, async ({ rig, door, gateway }) => {
    const load = Generator.typescript('./post-points.ts', [door, 'steady', 'pace', ...[writers, keys, steps, awayS * 4 + 60].map(String)]); // prettier-ignore
    try {
      await load.next();
      await sleep(5_000);
      await queryable(gateway, writers);
      const pids = ['projector-0', 'projector-1'].map((name) => rig.processes.get(name)!.pid);
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      const awayAt = performance.now();
      await sleep(awayS * 1_000);
      for (const pid of pids) process.kill(pid, 'SIGCONT');
      const backAt = performance.now();
      // a record a writer and second: what is on its way at any moment of a load that goes on
      await queryable(gateway, writers);
      const doneAt = performance.now();
      const rate = writers * keys * steps;
      const catchUp = (rate * (doneAt - awayAt)) / (doneAt - backAt);
      const note = `2 projectors stopped for ${round((backAt - awayAt) / 1e3)} s at a steady ${rate} points/s, made up in ${round((doneAt - backAt) / 1e3)} s while the load went on: ${round(catchUp / rate)} times the steady rate`;
      bench.print('cluster.catch_up.points_per_s', catchUp, 'points/s', note);
    } finally {
      load.stop();
    }
  });
}

/** From log() in an SDK process through door, Kafka and gateway to a subscriber, under a steady load. */
async function measureLive(bench: Bench): Promise<void> {
  const [writers, keys, steps] = [bench.quick ? 64 : 256, 10, 10];
  const seconds = bench.quick ? 10 : 30;
  await withCluster(2, async ({ rig, door, gateway }) => {
    const probe = Generator.typescript('./live-probe.ts', [rig.url, String(seconds)]);
    const load = Generator.typescript('./post-points.ts', [door, 'live', 'pace', ...[writers, keys, steps, seconds].map(String)]); // prettier-ignore
    const socket = openSocket(gateway);
    try {
      const { run } = await probe.next();
      await load.next();
      const ages = watch(socket, String(run), 'probe', performance.timeOrigin + performance.now() + 4_000);
      const { failed } = await load.next();
      const note = `log() of an SDK process to a graphql-ws subscriber through Kafka, ${ages.length} values, p50 ${round(median(ages))}; ${writers * keys * steps} points/s beside, ${failed} failed`;
      bench.print('cluster.live.p99_ms', quantile(ages, 0.99), 'ms', note);
    } finally {
      probe.stop();
      load.stop();
      await socket.dispose();
    }
  });
}
