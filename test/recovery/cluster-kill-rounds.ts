import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { gql, openSocket, postEvents, started, writerOf } from '../rigs/client.js';
import { openClickHouseRig, type ClickHouseRig } from '../rigs/clickhouse-rig.js';
import { openClusterRig, type ClusterRig } from '../rigs/cluster-rig.js';
import { openKafkaRig, type KafkaRig } from '../rigs/kafka-rig.js';
import { openPostgresRig, type PostgresRig } from '../rigs/postgres-rig.js';
import { watchCheckpoints } from './checkpoint-watch.js';
import { checkPoints, checkRebuild, settled } from './checks.js';
import { keys, seededRandom, valueAt, write, type WriterLog } from './load.js';

export const victims = ['broker', 'ingest', 'projector', 'gateway', 'engine', 'postgres', 'zombie'] as const;
export type Victim = (typeof victims)[number];

export interface ClusterRounds {
  readonly rounds: readonly Victim[];
  readonly writers: number;
  readonly seed: number;
}

/** A member that is not heard of for this long loses its partitions. */
const sessionSeconds = 3;

export interface Engines {
  readonly kafka: KafkaRig;
  readonly postgres: PostgresRig;
  readonly clickhouse: ClickHouseRig;
  readonly runs: string;
  close(): Promise<void>;
}

/** Engines of one's own: they are going to be killed. */
export async function openEngines(): Promise<Engines> {
  const [kafka, postgres, clickhouse] = await Promise.all([openKafkaRig(), openPostgresRig(), openClickHouseRig()]);
  const runs = await postgres.database('runs');
  const close = async (): Promise<void> => {
    await Promise.all([kafka, postgres, clickhouse].map((rig) => rig.close()));
  };
  return { kafka, postgres, clickhouse, runs, close };
}

export const openCluster = ({ kafka, runs, clickhouse }: Engines, prefix: string): Promise<ClusterRig> =>
  openClusterRig({
    engines: { log: `kafka://${kafka.address}/${prefix}?session=${sessionSeconds}`, runs, metrics: clickhouse.url },
    environment: { RUNSTREAM_LOG_PARTITIONS: '4', RUNSTREAM_LOG_LEVEL: 'info' },
  });

/**
 * Kills one part after the other under load, with a viewer who comes back whenever he is thrown out. At the end everything that was
 * acknowledged is there once and right, the tables equal the log, checkpoints never went back, and the viewer has seen all.
 */
export async function clusterKillRounds({ rounds, writers, seed }: ClusterRounds): Promise<void> {
  const random = seededRandom(seed);
  const engines = await openEngines();
  const cluster = await openCluster(engines, 'kills').catch(async (error: unknown) => {
    await engines.close();
    throw error;
  });
  const run = 'killed';
  let stopped = false;
  try {
    await postEvents(
      cluster.url,
      Array.from({ length: writers }, (_, rank) =>
        started(run, 'recovery', writerOf(`w${rank}`, 1, rank), { worldSize: writers }),
      ),
    );
    const checkpoints = watchCheckpoints(engines.runs);
    const viewer = watch(cluster.url, run);
    const logs = Array.from({ length: writers }, (_, rank): WriterLog => ({ rank, steps: 0, seq: 0, acked: 0 }));
    const pace = { stepsMax: 10, pauseMsMax: 60, resendShare: 0.1 };
    const writing = Promise.all(
      logs.map((log) =>
        write(
          () => cluster.url,
          run,
          log,
          random,
          () => stopped,
          pace,
        ),
      ),
    );
    for (const victim of rounds) {
      await sleep(300 + random() * 700);
      await strike(victim, engines, cluster, random);
    }
    await sleep(500);
    stopped = true;
    await writing;
    await settled(cluster.url);
    await checkPoints(cluster.url, run, logs);
    await expect.poll(() => missing(viewer.seen, logs), { interval: 200 }).toEqual([]);
    await viewer.close();
    expect(await checkpoints.close()).toEqual([]);
    // a log that was there all the time gives no reason to start the tables over
    const { server } = await gql(cluster.url, '{ server { projections { generation } } }');
    expect(new Set(server.projections.map(({ generation }: { generation: number }) => generation))).toEqual(
      new Set([1]),
    );
    await checkRebuild(cluster.environment);
  } catch (error) {
    const said = [...cluster.processes].map(([name, one]) => `--- ${name}\n${one.output().slice(-3_000)}`).join('\n');
    throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
  } finally {
    stopped = true;
    await cluster.close();
    await engines.close();
  }
}

/** Does its harm, and resolves when what was killed is back. */
async function strike(
  victim: Victim,
  { kafka, postgres, clickhouse }: Engines,
  cluster: ClusterRig,
  random: () => number,
): Promise<void> {
  const member = victim === 'projector' || victim === 'zombie' ? `projector-${random() < 0.5 ? 0 : 1}` : `${victim}-0`;
  switch (victim) {
    case 'broker':
      await kafka.kill();
      return kafka.start();
    case 'postgres':
      await postgres.kill();
      return postgres.start();
    case 'engine': {
      // it may be on its way back from an earlier kill
      await expect.poll(() => clickhouse.pid, { interval: 20 }).not.toBeNull();
      process.kill(clickhouse.pid!, 'SIGKILL');
      return;
    }
    case 'zombie': {
      const { pid } = cluster.processes.get(member)!;
      process.kill(pid, 'SIGSTOP');
      // longer than its session: the other one takes all partitions over and keeps up with the load
      await sleep(sessionSeconds * 1_000 + 2_000);
      try {
        await expect.poll(() => farthestBehind(cluster.url), { interval: 200 }).toBeLessThan(50);
      } finally {
        // a stopped process can't be told to end
        process.kill(pid, 'SIGCONT');
      }
      return;
    }
    case 'ingest':
    case 'projector':
    case 'gateway':
      await cluster.processes.get(member)!.kill();
      await cluster.restart(member);
  }
}

/** Records that the slowest projection has yet to apply in its slowest partition; what is left behind grows beyond any bound. */
async function farthestBehind(url: string): Promise<number> {
  const { server } = await gql(url, '{ server { projections { lag } } }');
  return Math.max(...server.projections.map(({ lag }: { lag: number }) => lag));
}

interface Viewer {
  /** "rank key step" -> value */
  readonly seen: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** Watches a run from its start, and goes on from the last cursor whenever the connection ends. */
function watch(url: string, run: string): Viewer {
  const seen = new Map<string, number>();
  let open = true;
  let cursor: string | null = null;
  let client = openSocket(url);
  const watching = (async () => {
    while (open) {
      const frames: AsyncIterable<{ data?: { metricFrames: Frame } | null | undefined }> = client.iterate<{
        metricFrames: Frame;
      }>({
        query:
          'subscription($run: ID!, $after: String) { metricFrames(run: $run, after: $after, pointsMax: 100000) { cursor frame } }',
        variables: { run, after: cursor },
      });
      try {
        for await (const { data } of frames) {
          const frame = data?.metricFrames;
          if (!frame) break;
          for (const { key, rank, step, value } of frame.frame.series)
            step.forEach((at, i) => seen.set(`${rank} ${key} ${at}`, Number(value[i])));
          cursor = frame.cursor;
        }
      } catch {
        // thrown out: the server or one of its engines has gone
      }
      await client.dispose();
      await sleep(200);
      client = openSocket(url);
    }
  })();
  return {
    seen,
    close: async () => {
      open = false;
      await client.dispose();
      await watching;
    },
  };
}

interface Frame {
  readonly cursor: string;
  readonly frame: { readonly series: readonly { key: string; rank: number; step: number[]; value: number[] }[] };
}

/** The first points that the viewer has not seen, or has seen wrong. */
function missing(seen: ReadonlyMap<string, number>, logs: readonly WriterLog[]): string[] {
  const lost: string[] = [];
  for (const { rank, steps } of logs)
    keys.forEach((key, index) => {
      for (let step = 0; step < steps && lost.length < 5; step++) {
        const value = seen.get(`${rank} ${key} ${step}`);
        if (value !== valueAt(rank, index, step)) lost.push(`rank ${rank} ${key} step ${step}: ${value}`);
      }
    });
  return lost;
}
