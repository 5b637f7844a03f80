import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '');
const read = (file: string): string => readFileSync(file, 'utf8');
const sources = files.filter((file) => /\.(ts|tsx)$/.test(file) && /^(libs|services|test|demo)\//.test(file));
const linesMax = 400;

describe('the house', () => {
  it('has a contract for every port, and every adapter calls it', () => {
    const ports: Readonly<Record<string, { readonly contract: string; readonly adapters: readonly string[] }>> = {
      EventLog: {
        contract: 'libs/log/event-log.contract.ts',
        adapters: ['libs/log/segment/segment-event-log.spec.ts', 'libs/log/kafka/kafka-event-log.spec.ts'],
      },
      ArtifactStore: {
        contract: 'libs/artifacts/artifact-store.contract.ts',
        adapters: ['libs/artifacts/disk-artifact-store.spec.ts', 'libs/artifacts/minio-artifact-store.spec.ts'],
      },
      MetricStore: {
        contract: 'libs/metrics/metric-store.contract.ts',
        adapters: ['libs/metrics/reading/clickhouse-metric-store.spec.ts'],
      },
      RunTable: {
        contract: 'libs/runs/run-table.contract.ts',
        adapters: ['libs/runs/reading/postgres-run-table.spec.ts'],
      },
      TrackingTables: {
        contract: 'libs/runs/tracking-tables.contract.ts',
        adapters: ['libs/runs/reading/postgres-tracking-tables.spec.ts', 'libs/runs/postgres-database.spec.ts'],
      },
      ModelRegistry: {
        contract: 'libs/registry/model-registry.contract.ts',
        adapters: ['libs/registry/postgres-model-registry.spec.ts', 'libs/runs/postgres-database.spec.ts'],
      },
      SqlDatabase: {
        contract: 'libs/postgres/sql-database.contract.ts',
        adapters: ['libs/postgres/pglite-database.spec.ts', 'libs/runs/postgres-database.spec.ts'],
      },
      ProjectionFamily: {
        contract: 'libs/projecting/projection.contract.ts',
        adapters: ['libs/runs/folding/run-projection.spec.ts', 'libs/metrics/writing/points-projection.spec.ts'],
      },
    };
    for (const [port, { contract, adapters }] of Object.entries(ports)) {
      expect(read(contract), contract).toContain(`export function describe${port}(`);
      for (const adapter of adapters) expect(read(adapter), adapter).toContain(`describe${port}(`);
    }
  });

  it('reads the environment in config, the command line and the SDKs only', () => {
    const allowed = /^(libs\/config\/|libs\/sdk-|services\/main\.ts|demo\/|test\/|services\/dashboard\/vite)/;
    const readers = sources.filter(
      (file) => !allowed.test(file) && !file.includes('.spec.') && /process\.env\b/.test(read(file)),
    );
    expect(readers).toEqual([]);
  });

  it(`has no file of more than ${linesMax} lines`, () => {
    const long = sources
      .map((file) => [file, read(file).split('\n').length] as const)
      .filter(([, lines]) => lines > linesMax);
    expect(long).toEqual([]);
  });

  it('has one title in each document', () => {
    for (const file of files.filter((name) => /^(docs\/.*|README)\.md$/.test(name))) {
      const titles = read(file)
        .replaceAll(/^```[\s\S]*?^```/gm, '')
        .match(/^# .+$/gm);
      expect(titles, file).toHaveLength(1);
    }
  });

  it('has no left-over work and no test that is switched off', () => {
    const mark = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')})\\b`);
    const off = new RegExp(`\\b(it|test|describe)\\.(${['on', 'ly'].join('')}|${['to', 'do'].join('')})\\b`);
    expect(sources.filter((file) => mark.test(read(file)) || off.test(read(file)))).toEqual([]);
  });

  it('pins every dependency exactly', () => {
    const manifest = JSON.parse(read('package.json')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
    );
    expect(loose).toEqual([]);
  });
});
