import { describe, expect, it } from 'vitest';
import { ConfigurationError, readConfiguration } from './configuration.js';

const read = (environment: Readonly<Record<string, string>>) => readConfiguration(environment, '/tmp');
const problems = (environment: Readonly<Record<string, string>>): string => {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  return '';
};
const cluster = {
  RUNSTREAM_LOG: 'kafka://h:9092',
  RUNSTREAM_RUNS: 'postgres://u:p@h/db',
  RUNSTREAM_METRICS: 'clickhouse://u:p@h:8123/db',
};

describe('deployments', () => {
  it('are embedded by default, and a cluster by addresses alone', () => {
    expect(read({})).toMatchObject({ log: { kind: 'file' }, runs: { kind: 'pglite' }, metrics: { kind: 'chdb' } });
    expect(read({ ...cluster, RUNSTREAM_ROLES: 'ingest' })).toMatchObject({
      log: { kind: 'kafka', url: 'kafka://h:9092' },
      roles: ['ingest'],
    });
  });

  it('may keep an embedded log with the run tables or the metrics on a server', () => {
    expect(problems({ RUNSTREAM_RUNS: cluster.RUNSTREAM_RUNS })).toBe('');
    expect(problems({ RUNSTREAM_METRICS: cluster.RUNSTREAM_METRICS })).toBe('');
  });

  it('are refused when what several processes share would belong to one, all problems at once', () => {
    const said = problems({ RUNSTREAM_LOG: cluster.RUNSTREAM_LOG });
    expect(said).toMatch(/RUNSTREAM_RUNS: pglite: belongs to one process.*give postgres:/);
    expect(said).toMatch(/RUNSTREAM_METRICS: chdb: belongs to one process.*give clickhouse:/);
  });

  it('are refused when a role could be played by nobody', () => {
    expect(problems({ RUNSTREAM_ROLES: 'ingest,gateway' })).toMatch(
      /RUNSTREAM_ROLES: a file: log belongs to one process, so no other one could be projector/,
    );
  });
});
