import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { gql, postEvents, started, writerOf } from '../rigs/client.js';
import { checkPoints, checkRebuild, settled } from './checks.js';
import { seededRandom, write, type WriterLog } from './load.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

export interface KillRounds {
  readonly rounds: number;
  /** Which process is killed: the server, or its ClickHouse child alone. */
  readonly victim: 'server' | 'engine';
  readonly writers: number;
  readonly seed: number;
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
    const writing = Promise.all(
      logs.map((log) =>
        write(
          () => rig.server.url,
          run,
          log,
          random,
          () => stopped,
        ),
      ),
    );
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
    await checkPoints(rig.server.url, run, logs);
    await checkRebuild(rig.environment);
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
    await expect.poll(writes, { interval: 20 }).toBe(true);
    await sleep(Math.random() * 300);
  }
  await expect.poll(found, { interval: 20 }).not.toBeNull();
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
