import type { ComparedRunFragment } from '../generated/questions.js';
import { formatDateTime, formatDuration, formatNumber, formatParam } from '../format/format.js';

export interface ComparedRow {
  readonly name: string;
  /** A text for each run; null: it has none. */
  readonly values: readonly (string | null)[];
  /** Whether the runs are not all alike in it. */
  readonly differs: boolean;
}
export interface ComparedGroup {
  readonly title: string;
  readonly rows: readonly ComparedRow[];
}

type Run = ComparedRunFragment;

function rowOf(name: string, values: readonly (string | null)[]): ComparedRow {
  return { name, values, differs: values.some((value) => value !== values[0]) };
}

/** A row for each key that any of the runs has, by name. */
function keyed(
  runs: readonly Run[],
  pairsOf: (run: Run) => readonly (readonly [key: string, text: string])[],
): readonly ComparedRow[] {
  const maps = runs.map((run) => new Map(pairsOf(run)));
  const keys = [...new Set(maps.flatMap((map) => [...map.keys()]))];
  keys.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return keys.map((key) =>
    rowOf(
      key,
      maps.map((map) => map.get(key) ?? null),
    ),
  );
}

/** What runs are compared by, in groups; those without a row are left out. */
export function comparedGroups(runs: readonly Run[], now: number): readonly ComparedGroup[] {
  const of = (name: string, text: (run: Run) => string | null): ComparedRow => rowOf(name, runs.map(text));
  const environment = (name: string, text: (env: NonNullable<Run['environment']>) => string | null): ComparedRow =>
    of(name, (run) => (run.environment ? text(run.environment) : null));
  const groups: ComparedGroup[] = [
    {
      title: 'Run',
      rows: [
        of('Started', (run) => formatDateTime(run.startedAt)),
        of('Duration', (run) => formatDuration((run.endedAt ?? now) - run.startedAt)),
        of('Project', (run) => run.project),
        of('Group', (run) => run.group),
        of('User', (run) => run.user),
        of('World size', (run) => String(run.worldSize)),
      ],
    },
    { title: 'Params', rows: keyed(runs, (run) => run.params.map(({ key, value }) => [key, formatParam(value)])) },
    {
      title: 'Metrics, last value',
      rows: keyed(runs, (run) => [
        ...run.summary.map(({ key, last }) => [key, formatNumber(last)] as const),
        ...run.summarySet.map(({ key, value }) => [key, formatParam(value)] as const),
      ]),
    },
    { title: 'Tags', rows: keyed(runs, (run) => run.tags.map(({ key, value }) => [key, value])) },
    {
      title: 'Environment',
      rows: [
        environment('Git commit', (env) => env.gitCommit),
        environment('Host', (env) => env.host),
        environment('Command', (env) => env.command),
      ],
    },
  ];
  return groups
    .map(({ title, rows }) => ({ title, rows: rows.filter(({ values }) => values.some((value) => value !== null)) }))
    .filter(({ rows }) => rows.length > 0);
}
