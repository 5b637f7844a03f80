import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFrontDoor, type FrontDoor } from './front-door.js';
import { spawnServer, type RunningServer, type Variables } from './server-process.js';

/** Addresses of the engines that the processes of a cluster share. */
export interface ClusterEngines {
  readonly log: string;
  readonly runs: string;
  readonly metrics: string;
}

export interface ClusterRig {
  readonly dir: string;
  /** One address in front of all doors; it stays the same when processes are started anew. */
  readonly url: string;
  /** What a process of this cluster, or a command beside it, reads its configuration from. */
  readonly environment: Variables;
  /** The processes by name: "ingest-0", "projector-1", "gateway-0". */
  readonly processes: ReadonlyMap<string, RunningServer>;
  /** Starts one of them anew on the address it had. */
  restart(name: string, more?: Variables): Promise<RunningServer>;
  /** Starts whatever is not running. */
  startAll(more?: Variables): Promise<void>;
  killAll(signal?: NodeJS.Signals): Promise<void>;
  close(): Promise<void>;
}

export interface ClusterOptions {
  readonly engines: ClusterEngines;
  readonly counts?: Readonly<Partial<Record<'ingest' | 'projector' | 'gateway', number>>>;
  readonly environment?: Variables;
}

/** Separate ingest, projector and gateway processes over engines that the caller has, behind one front door. */
export async function openClusterRig({ engines, counts = {}, environment = {} }: ClusterOptions): Promise<ClusterRig> {
  const dir = mkdtempSync(join(tmpdir(), 'runstream-'));
  const { ingest = 1, projector = 2, gateway = 1 } = counts;
  const names = Object.entries({ projector, ingest, gateway }).flatMap(([role, count]) =>
    Array.from({ length: count }, (_, i) => `${role}-${i}`),
  );
  const variables: Variables = {
    RUNSTREAM_DATA: dir,
    RUNSTREAM_LOG: engines.log,
    RUNSTREAM_RUNS: engines.runs,
    RUNSTREAM_METRICS: engines.metrics,
    ...environment,
  };
  const processes = new Map<string, RunningServer>();
  const ports = new Map<string, string>();
  let turn = 0;
  const door: FrontDoor = await openFrontDoor((path) => {
    const role = /^\/v1\/(events|export)/.test(path) ? 'ingest' : 'gateway';
    const all = names.filter((name) => name.startsWith(role));
    return new URL(`http://127.0.0.1:${ports.get(all[turn++ % all.length]!)!}`);
  });
  const restart = async (name: string, more: Variables = {}): Promise<RunningServer> => {
    const started = await spawnServer({
      ...variables,
      RUNSTREAM_ROLES: name.replace(/-\d+$/, ''),
      RUNSTREAM_PORT: ports.get(name) ?? '0',
      ...more,
    });
    ports.set(name, new URL(started.url).port);
    processes.set(name, started);
    return started;
  };
  const rig: ClusterRig = {
    dir,
    url: door.url,
    environment: { ...variables, RUNSTREAM_PORT: new URL(door.url).port },
    processes,
    restart,
    startAll: async (more) => {
      await Promise.all(names.filter((name) => !processes.has(name)).map((name) => restart(name, more)));
    },
    killAll: async (signal) => {
      const running = [...processes.values()];
      processes.clear();
      await Promise.all(running.map((one) => one.kill(signal)));
    },
    close: async () => {
      await rig.killAll('SIGTERM');
      await door.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await rig.startAll();
  } catch (error) {
    await rig.close();
    throw error;
  }
  return rig;
}
