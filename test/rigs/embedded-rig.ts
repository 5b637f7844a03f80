import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnServer, type RunningServer, type Variables } from './server-process.js';

export interface ServerRig {
  readonly dir: string;
  /** The server of the moment: a process, or the front of a cluster's processes with the pid of its ingest. */
  readonly server: RunningServer;
  /** What a command beside this server reads its configuration from. */
  readonly environment: Variables;
  /** Starts it (again) on the same data. */
  start(environment?: Variables): Promise<RunningServer>;
  close(): Promise<void>;
}

/** One server process on a free port and a data folder of its own. */
export async function openEmbeddedServer(environment: Variables = {}): Promise<ServerRig> {
  const dir = mkdtempSync(join(tmpdir(), 'runstream-'));
  let running: RunningServer | null = null;
  const rig = {
    dir,
    get server(): RunningServer {
      if (!running) throw new Error('no server is running');
      return running;
    },
    get environment(): Variables {
      return { RUNSTREAM_DATA: dir, RUNSTREAM_PORT: new URL(rig.server.url).port, ...environment };
    },
    async start(more: Variables = {}) {
      running = await spawnServer({ RUNSTREAM_DATA: dir, RUNSTREAM_PORT: '0', ...environment, ...more });
      return running;
    },
    async close() {
      await running?.kill('SIGTERM');
      rmSync(dir, { recursive: true, force: true });
    },
  };
  await rig.start();
  return rig;
}
