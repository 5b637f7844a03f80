import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openServerRig, runCli, type ServerRig } from '../rigs/server-rig.js';

export interface KillRounds {
  readonly rounds: number;
  /** Which process is killed: the server, or its ClickHouse child alone. */
  readonly victim: 'server' | 'engine';
  readonly writers: number;
  readonly seed: number;
}

/** Small seeded generator (mulberry32), so that a failing run can be repeated. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const keys = ['loss', 'acc', 'grad'];
/** What must be stored for a key at a step of a writer: anything else is a wrong value. */
const valueAt = (rank: number, key: number, step: number): number => rank * 1_000_000 + key * 100_000 + step + 0.5;

interface WriterLog {
  readonly rank: number;
  steps: number;
  seq: number;
  acked: number;
}

/** Posts batches of random size; a batch whose answer was lost is sent again, the same to the byte, until it is answered. */
async function write(
  rig: ServerRig,
  run: string,
  log: WriterLog,
  random: () => number,
  stop: () => boolean,
): Promise<void> {
  while (!stop()) {
    const count = 1 + Math.floor(random() * 40);
    const steps = Array.from({ length: count }, (_, i) => log.steps + i);
    const writer = writerOf(`w${log.rank}`, log.seq + 1, log.rank);
    const event = {
      ...points(run, writer, [block(keys, steps, (key, step) => valueAt(log.rank, key, step))]),
      id: `${run}-${log.rank}-${writer.seq}`,
      timeMs: 1_000,
    };
    for (;;) {
      try {
        const { results } = await postEvents(rig.server.url, [event]);
        expect(results[0]).toMatchObject({ status: 'accepted' });
        break;
      } catch (error) {
        if ((error as Error).name === 'AssertionError') throw error;
        await sleep(20);
      }
    }
    log.steps += count;
    log.seq += 1;
    log.acked += count * keys.length;
    await sleep(random() * 10);
  }
}

export async function killRounds({ rounds, victim, writers, seed }: KillRounds): Promise<void> {
  const random = seededRandom(seed);
  const rig = await openServerRig();
  const run = `kill-${victim}`;
  try {
    await postEvents(
      rig.server.url,
      Array.from({ length: writers }, (_, rank) =>
        started(run, 'recovery', writerOf(`w${rank}`, 1, rank), { worldSize: writers }),
      ),
    );
    let stopped = false;
    const logs = Array.from({ length: writers }, (_, rank): WriterLog => ({ rank, steps: 0, seq: 0, acked: 0 }));
    const writing = Promise.all(logs.map((log) => write(rig, run, log, random, () => stopped)));
    for (let round = 0; round < rounds; round++) {
      await sleep(20 + random() * 500);
      if (victim === 'server') {
        await rig.server.kill();
        await rig.start();
      } else {
        await killEngine(rig.server, random() < 0.5);
      }
    }
    stopped = true;
    await writing;
    await settled(rig.server.url);
    await checkPoints(rig, run, logs);
    await checkRebuild(rig);
  } finally {
    await rig.close();
  }
}

/** Kills the engine: in its start, or (`serving`) after the projector has written to it again, in the middle of its work. */
async function killEngine(server: ServerRig['server'], serving: boolean): Promise<void> {
  const found = (): number | null => engineOf(server.pid);
  if (serving) {
    const writes = async (): Promise<boolean> => {
      const { projections } = (await gql(server.url, '{ server { projections { name waiting } } }'))['server'];
      return projections.every(
        ({ name, waiting }: { name: string; waiting: string | null }) => name !== 'points' || waiting === null,
      );
    };
    await expect.poll(writes, { timeout: 60_000, interval: 20 }).toBe(true);
    await sleep(Math.random() * 300);
  }
  await expect.poll(found, { timeout: 60_000, interval: 20 }).not.toBeNull();
  const pid = found();
  if (pid !== null) process.kill(pid, 'SIGKILL');
}

/** The child of the server that runs the engine's file; null while there is none. */
function engineOf(server: number): number | null {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
      if (parent === server && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('clickhouse-engine-child'))
        return Number(pid);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ESRCH')
        throw error;
    }
  }
  return null;
}

export async function settled(url: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const { server } = await gql(url, '{ server { projections { lag waiting } } }');
        return server.projections.every(
          ({ lag, waiting }: { lag: number; waiting: string | null }) => lag === 0 && waiting === null,
        );
      },
      { timeout: 180_000, interval: 100 },
    )
    .toBe(true);
}

async function checkPoints(rig: ServerRig, run: string, logs: readonly WriterLog[]): Promise<void> {
  for (const { rank, steps, acked } of logs) {
    let stored = 0;
    for (const [index, key] of keys.entries()) {
      let after: string | null = null;
      let next = 0;
      do {
        const { run: found }: Record<string, any> = await gql(
          rig.server.url,
          'query($run: ID!, $key: String!, $rank: Int, $after: String) { run(id: $run) { points(key: $key, rank: $rank, after: $after) { step value endCursor hasNextPage } } }',
          { run, key, rank, after },
        );
        const page = found.points as {
          step: number[];
          value: number[];
          endCursor: string | null;
          hasNextPage: boolean;
        };
        page.step.forEach((step, i) => {
          // in order and one of each: a hole is a lost point, a step past the end a phantom
          if (step !== next || page.value[i] !== valueAt(rank, index, step)) {
            throw new Error(`rank ${rank} ${key}: expected step ${next}, found ${step} = ${page.value[i]}`);
          }
          next += 1;
        });
        stored += page.step.length;
        after = page.hasNextPage ? page.endCursor : null;
      } while (after !== null);
      expect(next).toBe(steps);
    }
    expect(stored).toBe(acked);
  }
  const { run: found } = await gql(
    rig.server.url,
    'query($run: ID!) { run(id: $run) { completeness { batchesMissing gaps { rank fromSeq } } summary { key count last } } }',
    { run },
  );
  expect(found.completeness).toMatchObject({ batchesMissing: 0, gaps: [] });
  const total = logs.reduce((sum, { steps }) => sum + steps, 0);
  for (const { count } of found.summary) expect(count).toBe(total);
}

/** Live tables equal what the log folds to: both rebuilt, twice, to identical digests. */
async function checkRebuild(rig: ServerRig): Promise<void> {
  for (let time = 0; time < 2; time++) {
    const { code, output } = await runCli(['rebuild', '--drop-old'], rig.environment);
    expect(output.match(/identical/g), output).toHaveLength(2);
    expect(code).toBe(0);
  }
}
