import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import { openMetricsRig } from '#libs/metrics/test/metrics-rig.js';
import { nameHash } from '#libs/metrics/metric-names.js';
import { Generator } from './processes.js';
import { countPoints, queryable, withServer } from './served.js';
import { median, round, type Bench } from './figure.js';
import { trainerBlock } from './trainer.js';

const writers = 64;
const keys = 20;
const steps = 500;

/** Points over HTTP, durable and queryable, beside raw Native inserts of the same rows into the same engine's table, in turns. */
export async function measureIngest(bench: Bench): Promise<void> {
  const requests = bench.quick ? 2 : 10;
  const rounds = bench.quick ? 1 : 3;
  const total = writers * requests * keys * steps;
  const served: number[] = [];
  const raw: number[] = [];
  const ratios: number[] = [];
  let durable = 0;
  for (let round = 0; round < rounds; round++) {
    const before = await rawInserts(total);
    const { queryablePerS, durablePerS } = await overHttp(requests, total);
    const yardstick = (before + (await rawInserts(total))) / 2;
    served.push(queryablePerS);
    raw.push(yardstick);
    ratios.push(queryablePerS / yardstick);
    durable = durablePerS;
  }
  const sizes = `${writers} writers x ${requests} requests of ${keys} keys x ${steps} steps, median of ${rounds}`;
  const beside = `raw Native inserts of 100 k such rows, 4 connections: ${round(median(raw))} rows/s`;
  bench.print('ingest.ratio', median(ratios), 'ratio', `${sizes}; ${beside}`);
  bench.print('ingest.points_per_s', median(served), 'points/s', `${sizes}; durable alone ${round(durable)}`);
}

/** Also how a rebuild's log is filled. */
export async function flood(
  url: string,
  run: string,
  requests: number,
): Promise<{ startedAt: number; durableAt: number }> {
  const generator = Generator.typescript('./post-points.ts', [
    url,
    run,
    'flood',
    ...[writers, keys, steps, requests].map(String),
  ]);
  try {
    await generator.next();
    generator.tell('go');
    return (await generator.next()) as { startedAt: number; durableAt: number };
  } finally {
    generator.stop();
  }
}
export const floodPoints = (requests: number): number => writers * keys * steps * requests;

async function overHttp(requests: number, total: number): Promise<{ queryablePerS: number; durablePerS: number }> {
  return withServer(async ({ server: { url } }) => {
    await flood(url, 'warm', 1);
    await queryable(url);
    const { startedAt, durableAt } = await flood(url, 'flood', requests);
    await queryable(url);
    const endedAt = performance.timeOrigin + performance.now();
    const counted = await countPoints(url, 'flood');
    if (counted !== total) throw new Error(`${total} points were acked, ${counted} are there`);
    return {
      queryablePerS: (total / (endedAt - startedAt)) * 1e3,
      durablePerS: (total / (durableAt - startedAt)) * 1e3,
    };
  });
}

/** Rows of the points table as the projection would write them, nothing else: blocks prepared before, four at a time. */
async function rawInserts(total: number): Promise<number> {
  const rig = await openMetricsRig();
  try {
    await rig.family.live();
    await rig.client.command('CREATE TABLE raw AS g1_points');
    const rows = 100_000;
    const blocks = Array.from({ length: Math.ceil(total / rows) }, (_, index) => rawBlock(index, rows));
    const startedAt = performance.now();
    const insert = async (client: ClickHouseClient): Promise<void> => {
      for (let next = blocks.pop(); next; next = blocks.pop()) await client.insertNative('raw', next, rows);
    };
    await Promise.all(Array.from({ length: 4 }, () => insert(rig.client)));
    return (Math.ceil(total / rows) * rows) / ((performance.now() - startedAt) / 1e3);
  } finally {
    await rig.close();
  }
}

function rawBlock(index: number, rows: number): BlockColumn[] {
  const perKey = rows / keys;
  const block = trainerBlock(index * perKey, perKey, keys);
  const whole = (of: (row: number) => bigint): BigUint64Array =>
    BigUint64Array.from({ length: rows }, (_, row) => of(row));
  const series = block.keys.map(nameHash).sort((a, b) => (a < b ? -1 : 1));
  return [
    { name: 'run', type: 'UInt64', data: new BigUint64Array(rows).fill(nameHash('raw')) },
    { name: 'series', type: 'UInt64', data: whole((row) => series[Math.floor(row / perKey)]!) },
    { name: 'attempt', type: 'UInt16', data: new Uint16Array(rows).fill(1) },
    { name: 'rank', type: 'UInt32', data: new Uint32Array(rows).fill(index % writers) },
    { name: 'step', type: 'Int64', data: BigInt64Array.from(whole((row) => BigInt(block.steps[row % perKey]!))) },
    { name: 'ord', type: 'UInt64', data: new BigUint64Array(rows) },
    { name: 'bits', type: 'UInt64', data: block.values },
    { name: 'time', type: 'Int64', data: new BigInt64Array(rows) },
    {
      name: 'version',
      type: 'UInt64',
      data: whole((row) => BigInt(index + 1) * 4_294_967_296n + BigInt(row % perKey) * 4_096n),
    },
  ];
}
