import { Rejection } from '#libs/domain/rejection.js';
import type { ClickHouseClient } from './clickhouse-client.js';
import type { Placement } from './clickhouse-placement.js';

/** Without it a filter of the SQL views does not reach the primary key. It came in the course of 26; 26.7 is what we test. */
const neededSetting = 'enable_join_runtime_filters_index_analysis';

/** Says at boot what would otherwise be said in the middle of a training: the version, the cluster, its macros. */
export async function checkClickHouse(client: ClickHouseClient, placement: Placement): Promise<void> {
  const problems: string[] = [];
  const server = await client.query(
    `SELECT version() AS version, toUInt32(count()) AS found FROM system.settings WHERE name = '${neededSetting}'`,
  );
  if (server.u32('found')[0] !== 1)
    problems.push(`ClickHouse ${server.texts('version')[0]} does not know ${neededSetting}; take 26.7 or newer`);
  if (placement.cluster !== null) problems.push(...(await clusterProblems(client, placement.cluster)));
  if (placement.replicated) {
    const rows = await client.query("SELECT macro FROM system.macros WHERE macro IN ('shard', 'replica')");
    const macros = rows.rows > 0 ? rows.texts('macro') : [];
    const missing = ['shard', 'replica'].filter((macro) => !macros.includes(macro));
    if (missing.length > 0)
      problems.push(
        `replicated tables need the macros {shard} and {replica} in the server's configuration; ${missing.join(' and ')} not there`,
      );
  }
  if (problems.length > 0)
    throw new Rejection('INVALID_ARGUMENT', `RUNSTREAM_METRICS: ${problems.join('; ')}`, 'RUNSTREAM_METRICS');
}

async function clusterProblems(client: ClickHouseClient, cluster: string): Promise<readonly string[]> {
  const rows = await client.query(
    'SELECT cluster, toUInt32(uniqExact(shard_num)) AS shards FROM system.clusters GROUP BY cluster ORDER BY cluster',
  );
  const names = rows.rows > 0 ? rows.texts('cluster') : [];
  const at = names.indexOf(cluster);
  if (at < 0) return [`cluster: there is no "${cluster}"; known are ${names.length > 0 ? names.join(', ') : 'none'}`];
  const shards = rows.u32('shards')[at]!;
  return shards === 1
    ? []
    : [`cluster: "${cluster}" has ${shards} shards; give one with a single shard, of as many replicas as you like`];
}
