import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openClickHouseEngine } from '#libs/clickhouse/clickhouse-engine.js';
import { viewNames } from '#libs/metrics/tables/clickhouse-schema.js';
import { freePort } from './processes.js';

export interface ClickHouseRig {
  /** For RUNSTREAM_METRICS, with a user for people's SQL. */
  readonly url: string;
  readonly pid: number | null;
  close(): Promise<void>;
}

/**
 * The engine on its own, reached by address over its real HTTP interface as a server would be. It is started again whenever it is
 * killed, on the same port.
 */
export async function openClickHouseRig(): Promise<ClickHouseRig> {
  const dir = mkdtempSync(join(tmpdir(), 'runstream-clickhouse-'));
  const port = await freePort();
  const randomHex = (): string => randomBytes(16).toString('hex');
  const engine = await openClickHouseEngine({ dir, port, randomHex, views: viewNames, backoffMsMax: 200 });
  const [app, sql] = [engine.address('app'), engine.address('sql')];
  const reader = `sql_user=${sql.username}&sql_password=${sql.password}`;
  return {
    url: `clickhouse://${app.username}:${app.password}@127.0.0.1:${port}/${app.database}?${reader}`,
    get pid() {
      return engine.pid;
    },
    close: async () => {
      await engine.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
