import { storableText } from '#libs/postgres/storable-text.js';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { TraceState } from '#libs/domain/trace-fold.js';
import type { TraceField, TraceSearch } from '../tracking-tables.js';
import type { Literal } from './ast.js';

type Sql = RawBuilder<unknown>;
type Clause = TraceSearch['clauses'][number];

/** One page of traces, and one more when there is one. */
export async function searchTraces(
  queries: Kysely<unknown>,
  schema: string,
  search: TraceSearch,
): Promise<readonly TraceState[]> {
  const order = [
    ...search.orders.map(({ of, descending }) => {
      const { expression, numeric } = valueOf(of);
      const by = numeric ? expression : sql`${expression} collate "C"`;
      return descending ? sql`${by} desc nulls last` : sql`${by} asc nulls last`;
    }),
    sql`t.time_ms desc`,
    sql`t.id collate "C"`,
  ];
  const { after } = search;
  const behind = after
    ? sql` and (t.time_ms < ${after.timeMs}::bigint or (t.time_ms = ${after.timeMs}::bigint and t.id collate "C" > ${storableText(after.id)}::text))`
    : sql``;
  const query = sql<{ state: TraceState }>`select t.state from ${sql.raw(schema)}.traces t
    where ${wanted(schema, search)}${behind}
    order by ${sql.join(order)} limit ${search.limit + 1} offset ${search.offset}`;
  return (await query.execute(queries)).rows.map(({ state }) => state);
}

export async function countTraces(
  queries: Kysely<unknown>,
  schema: string,
  search: Pick<TraceSearch, 'projects' | 'clauses'>,
  max: number,
): Promise<number> {
  const query = sql<{ n: number }>`select count(*)::int as n from (
    select 1 from ${sql.raw(schema)}.traces t where ${wanted(schema, search)} limit ${max}) counted`;
  return (await query.execute(queries)).rows[0]!.n;
}

function wanted(schema: string, { projects, clauses }: Pick<TraceSearch, 'projects' | 'clauses'>): Sql {
  const scope = projects
    ? sql`t.project = any(${projects.map(storableText)}::text[])`
    : sql`t.project not in (select p.name from ${sql.raw(schema)}.projects p where p.deleted)`;
  const tests = clauses.map((clause) => sql` and ${test(schema, clause)}`);
  return sql`${scope} and t.logged and not t.deleted${sql.join(tests, sql``)}`;
}

interface Value {
  readonly expression: Sql;
  readonly numeric: boolean;
}

const duration = sql`(t.state->>'durationMs')::float8`;
const columns: Readonly<Record<Extract<TraceField, { kind: 'column' }>['name'], Value>> = {
  // the id by which its world knows it (libs/domain/trace-id.ts)
  id: {
    expression: sql`(case when strpos(t.project, ':') > 0 and starts_with(t.id, split_part(t.project, ':', 1) || '..')
      then substr(t.id, strpos(t.project, ':') + 2) else t.id end)`,
    numeric: false,
  },
  project: { expression: sql`t.project`, numeric: false },
  timeMs: { expression: sql`t.time_ms`, numeric: true },
  durationMs: { expression: duration, numeric: true },
  endMs: { expression: sql`(t.time_ms + ${duration})`, numeric: true },
  state: { expression: sql`t.state->>'state'`, numeric: false },
  clientRequestId: { expression: sql`nullif(t.state->>'clientRequestId', '')`, numeric: false },
};
const sourceRun = sql`t.state->'metadata'->>'mlflow.sourceRun'`;

/** What one trace has exactly one of. */
function valueOf(of: TraceField): Value {
  switch (of.kind) {
    case 'column':
      return columns[of.name];
    case 'tag':
      return { expression: sql`(t.state->'tags'->>${storableText(of.key)}::text)`, numeric: false };
    case 'metadata':
      return { expression: sql`(t.state->'metadata'->>${storableText(of.key)}::text)`, numeric: false };
    case 'run':
      return { expression: sql`(${sourceRun})`, numeric: false };
    case 'feedback':
    case 'expectation':
    case 'span':
    case 'spans':
      throw new TypeError(`a trace has more than one value of ${of.kind}`);
  }
}

function test(schema: string, clause: Clause): Sql {
  const { of } = clause;
  switch (of.kind) {
    case 'column':
    case 'tag':
    case 'metadata': {
      const { expression, numeric } = valueOf(of);
      return compare(expression, numeric, clause);
    }
    case 'run': {
      const asked = positive(clause);
      if (asked.operator !== '=' && asked.operator !== 'in')
        return sql`exists (select 1 from unnest(t.runs) r(v) where ${compare(sql`r.v`, false, asked)}) = ${!negative(clause)}`;
      // by the index: a run has few of all traces
      const any = sql`t.runs && ${clause.values.map((id) => storableText(String(id)))}::text[]`;
      return negative(clause) ? sql`not (${any})` : any;
    }
    case 'spans':
      return sql`exists (select 1 from ${spansOf(schema)} where ${compare(spanText, false, clause)})`;
    case 'span':
      return spanTest(schema, of, clause);
    case 'feedback':
    case 'expectation':
      return assessed(of.kind, of.key, clause);
  }
}

/** Spans of the trace `t`, as JSON. */
const spansOf = (schema: string): Sql =>
  sql`(select s.otlp::json as span from ${sql.raw(schema)}.spans s where s.trace = t.id) s`;

/** MLflow's client keeps the value of an attribute as JSON text: of a text without its quotes. */
const plain = (value: Sql): Sql =>
  sql`(select case when v like '"%"' then substr(v, 2, length(v) - 2) else v end
    from (select coalesce(${value}->>'stringValue', ${value}->>'intValue', ${value}->>'doubleValue', ${value}->>'boolValue', ${value}::text) as v) x)`;

/** What people see of a span, not how it is encoded. */
const spanText = sql`concat_ws(' ', s.span->>'name',
  (select string_agg(${plain(sql`(a->'value')`)}, ' ') from json_array_elements(s.span->'attributes') a),
  (select string_agg(e->>'name' || ' ' || coalesce(e->>'attributes', ''), ' ') from json_array_elements(s.span->'events') e))`;

function spanTest(schema: string, of: Extract<TraceField, { kind: 'span' }>, clause: Clause): Sql {
  const attribute = (key: string): Sql =>
    sql`exists (select 1 from ${spansOf(schema)}, json_array_elements(s.span->'attributes') a
      where a->>'key' = ${storableText(key)}::text and ${compare(plain(sql`(a->'value')`), false, clause)})`;
  const column = (value: Sql): Sql =>
    sql`exists (select 1 from ${spansOf(schema)} where ${compare(value, false, clause)})`;
  switch (of.field) {
    case 'name':
      return column(sql`(s.span->>'name')`);
    case 'status':
      return column(sql`(case s.span->'status'->>'code' when '1' then 'OK' when '2' then 'ERROR' else 'UNSET' end)`);
    case 'type':
      return attribute('mlflow.spanType');
    case 'attribute':
      return attribute(of.key);
  }
}

/** Whether one of the assessments of a name and kind has a value that fits. */
function assessed(kind: 'feedback' | 'expectation', key: string, clause: Clause): Sql {
  const value = sql`a.value->${kind}::text->'value'`;
  const serialized = sql`a.value->${kind}::text->'serialized_value'->>'value'`;
  const named = sql`select 1 from json_each(t.state->'assessments') a
    where a.value->>'assessment_name' = ${storableText(key)} and a.value->${kind}::text is not null`;
  if (clause.operator === 'is null') return sql`not exists (${named})`;
  if (clause.operator === 'is not null') return sql`exists (${named})`;
  const numeric = clause.values.every((each) => typeof each === 'number');
  const expression = numeric
    ? sql`(case when json_typeof(${value}) = 'number' then (${value})::text::float8 end)`
    : sql`coalesce(a.value->${kind}::text->>'value', ${serialized})`;
  return sql`exists (${named} and ${compare(expression, numeric, clause)})`;
}

/** Of what a trace has several of, "not" is said of all of them. */
const negative = ({ operator }: Clause): boolean =>
  operator === '!=' || operator === 'not in' || operator === 'is null';
function positive(clause: Clause): Clause {
  const { operator } = clause;
  if (operator === '!=') return { ...clause, operator: '=' };
  if (operator === 'not in') return { ...clause, operator: 'in' };
  return operator === 'is null' ? { ...clause, operator: 'is not null' } : clause;
}

const operators = { '=': '=', '!=': '<>', '<': '<', '<=': '<=', '>': '>', '>=': '>=' };

/** What is not there fits only "is null". */
function compare(expression: Sql, numeric: boolean, { operator, values }: Clause): Sql {
  const bound = (value: Literal): Sql =>
    numeric ? sql`${Number(value)}::float8` : sql`${storableText(String(value))}::text`;
  switch (operator) {
    case 'is null':
      return sql`${expression} is null`;
    case 'is not null':
      return sql`${expression} is not null`;
    case 'in':
    case 'not in': {
      const list = sql`(${sql.join(values.map(bound))})`;
      return operator === 'in' ? sql`${expression} in ${list}` : sql`${expression} not in ${list}`;
    }
    case 'like':
    case 'ilike':
      // PostgreSQL refuses a pattern that ends in a lone escape character; none is an escape here
      return sql`${expression} ${sql.raw(operator)} ${bound(values[0]!)} escape ''`;
    case 'rlike':
      return sql`${expression} ~ ${bound(values[0]!)}`;
    case '=':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return sql`${expression} ${sql.raw(operators[operator])} ${bound(values[0]!)}`;
  }
}
