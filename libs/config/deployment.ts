import type { Configuration, Role } from './configuration.js';

const roles: readonly Role[] = ['ingest', 'projector', 'gateway'];

/** Combinations of addresses and roles that can't work, each with what to do instead. */
export function deploymentProblems({
  log,
  runs,
  metrics,
  roles: chosen,
}: Pick<Configuration, 'log' | 'runs' | 'metrics' | 'roles'>): readonly string[] {
  const problems: string[] = [];
  switch (log.kind) {
    case 'kafka':
      // every process with these brokers gets its share of the partitions, and would put the rows of them where the others can't see them
      if (runs.kind === 'pglite')
        problems.push(
          'RUNSTREAM_RUNS: pglite: belongs to one process, but the processes of a kafka: log share one set of run tables and checkpoints; give postgres://user:password@host/database',
        );
      if (metrics.kind === 'chdb')
        problems.push(
          'RUNSTREAM_METRICS: chdb: belongs to one process, but the processes of a kafka: log share one metric store; give clickhouse://user:password@host:8123/database',
        );
      break;
    case 'file': {
      const missing = roles.filter((role) => !chosen.includes(role));
      if (missing.length > 0)
        problems.push(
          `RUNSTREAM_ROLES: a file: log belongs to one process, so no other one could be ${missing.join(' or ')}; name all of ${roles.join(',')}, or give RUNSTREAM_LOG=kafka://host:9092 to split the roles`,
        );
    }
  }
  return problems;
}
