import { inject } from 'vitest';
import { openClickHouseRig } from './clickhouse-rig.js';
import { openClusterRig } from './cluster-rig.js';
import { askEngineHost } from './engine-host.js';
import { openEmbeddedServer, type ServerRig } from './embedded-rig.js';
import { freePort } from './processes.js';
import type { RunningServer, Variables } from './server-process.js';

export { runCli } from './server-process.js';
export type { ServerRig } from './embedded-rig.js';

/**
 * The real thing on loopback, from source, with data of its own. Which deployment it is, the test run says (vitest.config.ts): the
 * embedded server as one process, or a cluster of processes over Kafka, PostgreSQL and an engine reached over HTTP.
 */
export function openServerRig(environment: Variables = {}): Promise<ServerRig> {
  return process.env['RUNSTREAM_TEST_DEPLOYMENT'] === 'cluster'
    ? openClusterServer(environment)
    : openEmbeddedServer(environment);
}

let clusters = 0;

async function openClusterServer(environment: Variables): Promise<ServerRig> {
  const host = inject('engineHost');
  const name = `t${process.pid}-${++clusters}`;
  const [broker, runs, clickhouse] = await Promise.all([
    askEngineHost(host, '/kafka'),
    askEngineHost(host, `/postgres?name=${name}`),
    openClickHouseRig(),
  ]);
  const engines = { log: `kafka://${broker}/${name}`, runs, metrics: clickhouse.url };
  const cluster = await openClusterRig({ engines, environment }).catch(async (error: unknown) => {
    await clickhouse.close();
    throw error;
  });
  const nobody = String(await freePort());
  const server: RunningServer = {
    url: cluster.url,
    get pid() {
      return cluster.processes.get('ingest-0')!.pid;
    },
    output: () => [...cluster.processes.values()].map((one) => one.output()).join(''),
    kill: async (signal) => {
      await cluster.killAll(signal);
      return null;
    },
  };
  return {
    dir: cluster.dir,
    server,
    get environment() {
      // the door stands though nothing is behind it: a command must find no server at all
      return cluster.processes.size > 0 ? cluster.environment : { ...cluster.environment, RUNSTREAM_PORT: nobody };
    },
    start: async (more) => {
      await cluster.startAll(more);
      return server;
    },
    close: async () => {
      await cluster.close();
      await clickhouse.close();
    },
  };
}
