import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkClickHouse } from '#libs/clickhouse/clickhouse-check.js';
import { openClickHouseClient, type ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { openClickHouseEngine, type ClickHouseEngine } from '#libs/clickhouse/clickhouse-engine.js';
import { plain, type Placement } from '#libs/clickhouse/clickhouse-placement.js';
import { amendTables, createPointers, createTables, createViews, dropTables } from './clickhouse-schema.js';
import { randomHex } from '../test/metrics-rig.js';

const onMain: Placement = { cluster: 'main', replicated: true };
const byDatabase: Placement = { cluster: null, replicated: true };
const all = (placement: Placement): readonly string[] => [
  ...createPointers(placement),
  ...createTables(3, placement),
  ...amendTables(3, placement),
  ...createViews(3, placement),
  ...dropTables(3, placement),
];

describe('statements that change tables', () => {
  let dir: string;
  let engine: ClickHouseEngine;
  let client: ClickHouseClient;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'placement-'));
    engine = await openClickHouseEngine({ dir, randomHex });
    client = openClickHouseClient({ address: () => engine.address('app') });
  });
  afterAll(async () => {
    await client?.close();
    await engine?.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('on one server have neither a cluster nor replicas, and run there', async () => {
    expect(all(plain).filter((statement) => /CLUSTER|Replicated/.test(statement))).toEqual([]);
    for (const statement of all(plain)) await client.command(statement);
  });

  it('on a cluster name it right behind each table and view, and each table finds its replicas by its name', () => {
    const [pointers, tables] = [createPointers(onMain), createTables(3, onMain)];
    for (const statement of all(onMain))
      expect(statement).toMatch(
        /^(CREATE TABLE IF NOT EXISTS|ALTER TABLE|CREATE OR REPLACE VIEW|DROP TABLE IF EXISTS) \w+ ON CLUSTER `main` /,
      );
    const engineOf = (statement: string): string => /ENGINE = (.*?) ORDER BY/.exec(statement)![1]!;
    const path = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'";
    expect(new Set([...pointers, ...tables].map(engineOf))).toEqual(
      new Set([
        `ReplicatedReplacingMergeTree(${path}, version)`,
        `ReplicatedReplacingMergeTree(${path})`,
        `ReplicatedAggregatingMergeTree(${path})`,
      ]),
    );
  });

  it('differ between placements in nothing else', () => {
    const bare = (statement: string): string =>
      statement
        .replaceAll(' ON CLUSTER `main`', '')
        .replaceAll(/Replicated(\w+)\('[^']*', '\{replica\}'(?:, (\w+))?\)/g, (_, kind: string, version?: string) =>
          version === undefined ? kind : `${kind}(${version})`,
        );
    for (const placement of [onMain, byDatabase]) expect(all(placement).map(bare)).toEqual(all(plain));
    expect(all(byDatabase).filter((statement) => statement.includes('CLUSTER'))).toEqual([]);
  });

  it('are understood by the engine, which has no cluster to run them on', async () => {
    for (const statement of [...all(onMain), ...all(byDatabase)]) await client.command(`EXPLAIN AST ${statement}`);
    await expect(client.command('EXPLAIN AST CREATE TABLE x ON CLUSTER ENGINE = y')).rejects.toThrow(/SYNTAX_ERROR/);
  });

  it('are not tried on a server that has no such cluster or no macros', async () => {
    await checkClickHouse(client, plain);
    await expect(checkClickHouse(client, onMain)).rejects.toThrow(
      /^RUNSTREAM_METRICS: cluster: there is no "main"; known are .*; replicated tables need the macros \{shard\} and \{replica\}.*shard and replica not there/,
    );
  });
});
