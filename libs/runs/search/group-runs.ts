import { sql, type Kysely, type RawBuilder } from 'kysely';
import { Rejection } from '#libs/domain/rejection.js';
import { storableText } from '#libs/postgres/storable-text.js';
import type { GroupedMetric, RunGroup, RunGrouping, RunGroups } from '../run-table.js';
import { printFilter, type AttributeName, type Filter, type Identifier } from './ast.js';
import { Compiler } from './compile.js';
import { filterCharsMax } from './lexer.js';
import { parseField, parseFilter } from './parser.js';

type Sql = RawBuilder<unknown>;

const fieldsMax = 3;
const metricsMax = 300;
const groupable: ReadonlySet<AttributeName> = new Set([
  'status',
  'name',
  'project',
  'user',
  'group',
  'job_type',
  'archived',
  'world_size',
  'fork_of',
  'labels',
]);

interface Row {
  readonly runs: number;
  readonly groups: number | null;
  readonly place: number | null;
  readonly size: number;
  readonly key: string | null;
  readonly count: number;
  readonly mean: number | null;
  readonly std: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly [column: `k${number}`]: string | null;
}

/** Runs by what they have in common, counted exactly, with what their metrics ended at. One statement, so that its numbers fit together. */
export async function groupRuns(queries: Kysely<unknown>, schema: string, asked: RunGrouping): Promise<RunGroups> {
  const fields = readFields(asked.by);
  if (asked.metrics.length > metricsMax)
    throw new Rejection('INVALID_ARGUMENT', `metrics: at most ${metricsMax} keys are allowed at once`, 'metrics');
  const compiler = new Compiler(schema, asked.nowMs, asked.filter ?? '');
  const where: Sql[] = [sql`r.visible`];
  if (asked.project !== undefined) where.push(sql`r.project = ${storableText(asked.project)}`);
  if (asked.archived !== undefined) where.push(asked.archived ? sql`r.archived` : sql`not r.archived`);
  const filter = parseFilter(asked.filter ?? '');
  if (filter) where.push(compiler.filter(filter));
  const columns = fields.map((of, index) => sql`, (${valueOf(compiler, of)})::text as ${sql.ref(`k${index}`)}`);
  const names = fields.map((_, index) => sql.ref(`k${index}`));
  const same = names.length === 0 ? sql`1` : sql`dense_rank() over (order by ${sql.join(names)})`;
  const shown = names.map((name) => sql`, min(${name}) as ${name}`);
  const keys = asked.metrics.map(storableText);
  const query = sql<Row>`
    with found as materialized (select r.id ${join(columns)} from ${compiler.from} where ${sql.join(where, sql` and `)}),
      placed as materialized (select *, ${same} as place from found),
      counted as (select place, count(*) as size ${join(shown)} from placed group by place order by size desc, place limit ${asked.first}),
      measured as (select p.place, s.key, ${statistics} from placed p join counted c on c.place = p.place
        join ${sql.table(`${schema}.summaries`)} s on s.run = p.id and s.key = any(${keys}::text[]) group by p.place, s.key)
    select n.runs, n.groups, c.*, m.key, m.count, m.mean, m.std, m.min, m.max
    from (select count(*) as runs, max(place) as groups from placed) n left join counted c on true left join measured m on m.place = c.place
    order by c.size desc, c.place, array_position(${keys}::text[], m.key)`;
  const { rows } = await query.execute(queries);
  const byPlace = new Map<number, { first: Row; metrics: GroupedMetric[] }>();
  for (const row of rows) {
    if (row.place === null) continue;
    const group = byPlace.get(row.place) ?? { first: row, metrics: [] };
    byPlace.set(row.place, group);
    const { key, count, mean, std, min, max } = row;
    if (key !== null) group.metrics.push({ key, count, mean, std, min, max });
  }
  const groups = [...byPlace.values()].map(({ first, metrics }): RunGroup => {
    const values = fields.map((_, index) => first[`k${index}`] ?? null);
    return { values, count: first.size, metrics, filter: filterOf(filter, fields, values) };
  });
  return { runCount: rows[0]!.runs, groupCount: rows[0]!.groups ?? 0, groups };
}

const join = (parts: readonly Sql[]): Sql => (parts.length === 0 ? sql`` : sql.join([...parts], sql` `));

/**
 * PostgreSQL refuses to square what then is no double any more. Where such a number is among them all are made smaller first, by so much
 * that the small ones of them no longer count.
 */
const large = sql.lit(1e140);
const isLarge = sql`max(abs(s.sort)) > ${large}`;
const small = sql`filter (where abs(s.sort) <= ${large})`;
const scaled = sql`(case when abs(s.sort) < 1 then 0 else s.sort * 1e-160::float8 end)`;
const statistics = sql`count(s.sort) as count, min(s.sort) as min, max(s.sort) as max,
  case when ${isLarge} then avg(${scaled}) * 1e160::float8 else avg(s.sort) ${small} end as mean,
  case when ${isLarge} then case when abs(stddev_samp(${scaled})) < 1.7e148 then stddev_samp(${scaled}) * 1e160::float8 end
    else stddev_samp(s.sort) ${small} end as std`;

function readFields(by: readonly string[]): readonly Identifier[] {
  if (by.length > fieldsMax)
    throw new Rejection('INVALID_ARGUMENT', `by: at most ${fieldsMax} fields are allowed at once`, 'by');
  return by.map((source) => {
    const of = parseField(source, 'by');
    const refuse = (why: string): Rejection =>
      new Rejection('INVALID_ARGUMENT', `by: ${source.slice(0, 80)}: ${why}`, 'by');
    if (of.kind === 'attributes' && !groupable.has(of.key))
      throw refuse(`runs are grouped by ${[...groupable].join(', ')}, not by this attribute`);
    if (of.kind === 'metrics' || of.kind === 'datasets' || of.kind === 'shown')
      throw refuse('runs are grouped by params, tags and attributes');
    return of;
  });
}

/** What was not said is an empty text in attributes; it is as absent as a param that was not logged. */
function valueOf(compiler: Compiler, of: Identifier): Sql {
  const { sql: column, type } = compiler.order({ of, descending: false });
  return of.kind === 'attributes' && type === 'text' ? sql`nullif(${column}, '')` : column;
}

function filterOf(
  filter: Filter | null,
  fields: readonly Identifier[],
  values: readonly (string | null)[],
): string | null {
  const parts = fields.map((of, index): Filter => {
    const value = values[index] ?? null;
    if (value !== null) return { kind: 'compare', of, operator: '=', value, at: 0 };
    if (of.kind !== 'attributes') return { kind: 'null', of, negated: false };
    return {
      kind: 'or',
      parts: [
        { kind: 'null', of, negated: false },
        { kind: 'compare', of, operator: '=', value: '', at: 0 },
      ],
    };
  });
  const all = [...(filter ? [filter] : []), ...parts];
  if (all.length === 0) return '';
  const text = printFilter(all.length === 1 ? all[0]! : { kind: 'and', parts: all });
  return text.length > filterCharsMax ? null : text;
}
