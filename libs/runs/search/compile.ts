import { sql, type RawBuilder } from 'kysely';
import { Rejection } from '#libs/domain/rejection.js';
import { storableText } from '#libs/postgres/storable-text.js';
import { refuseAt } from './lexer.js';
import { lostAfterMs } from '../rules/run-standing.js';
import type { AttributeName, Comparison, Filter, Identifier, Literal, Order, ShownField } from './ast.js';

/** A query may name this many different metrics, params and tags. */
const joinsMax = 24;

type Type = 'text' | 'number' | 'boolean';
type Sql = RawBuilder<unknown>;
export interface Column {
  readonly sql: Sql;
  readonly type: Type;
}
/** How a compatibility API shows runs: what tags tell instead of columns, and what is made of several. */
export interface Shown {
  readonly statusTag: string;
  /** Unix ms. */
  readonly endTag: string;
  /** Where the files of a project's runs lie: the run's id stands between both. */
  readonly locations: readonly { readonly project: string; readonly before: string; readonly after: string }[];
}
const comparisons: Readonly<Record<Comparison, Sql>> = {
  '=': sql`=`,
  '!=': sql`<>`,
  '<': sql`<`,
  '<=': sql`<=`,
  '>': sql`>`,
  '>=': sql`>=`,
  like: sql`like`,
  ilike: sql`ilike`,
};

/** Whether a metric is compared to NaN. */
const isNaNLiteral = (of: Identifier, value: Literal): boolean =>
  of.kind === 'metrics' && (Number.isNaN(value) || (typeof value === 'string' && value.toLowerCase() === 'nan'));

/**
 * Compiles trees to SQL over `runs r` and `liveness l`. Every metric, param and tag that is named is one join on its primary key, so
 * that the planner may begin with any of them. Values are bound, never written into the text.
 */
export class Compiler {
  private readonly joins = new Map<string, { readonly alias: string; readonly sql: Sql }>();

  constructor(
    private readonly schema: string,
    private readonly nowMs: number,
    private readonly source: string,
    /** False: a running run whose writers are silent is still called running, as trackers without heartbeats have it. */
    private readonly derivesLost = true,
    private readonly shown: Shown | null = null,
  ) {}

  get from(): Sql {
    const joins = [...this.joins.values()].map((join) => join.sql);
    const { runs, liveness } = {
      runs: sql.table(`${this.schema}.runs`),
      liveness: sql.table(`${this.schema}.liveness`),
    };
    return sql`${runs} r left join ${liveness} l on l.run = r.id ${joins.length > 0 ? sql.join(joins, sql` `) : sql``}`;
  }

  filter(filter: Filter): Sql {
    switch (filter.kind) {
      case 'and':
      case 'or':
        return sql`(${sql.join(
          filter.parts.map((part) => this.filter(part)),
          filter.kind === 'and' ? sql` and ` : sql` or `,
        )})`;
      case 'not':
        return sql`(not ${this.filter(filter.part)})`;
      case 'compare':
        return this.anyDataset(filter.of, this.compare(filter.of, filter.operator, filter.value, filter.at));
      case 'in':
        return this.anyDataset(filter.of, this.within(filter.of, filter.values, filter.negated, filter.at));
      case 'null':
        if (filter.of.kind === 'datasets')
          throw new Rejection('INVALID_ARGUMENT', 'filter: data sets are compared to a value', 'filter');
        return sql`(${this.column(filter.of, null).sql} is ${filter.negated ? sql`not null` : sql`null`})`;
    }
  }

  /** NaN and missing come last in both directions. */
  order({ of }: Order): Column {
    if (of.kind === 'datasets')
      throw new Rejection('INVALID_ARGUMENT', 'orderBy: runs are not ordered by their data sets', 'orderBy');
    if (of.kind === 'metrics') return { sql: sql.ref(`${this.join('summaries', of.key)}.sort`), type: 'number' };
    return this.column(of, null);
  }

  /** Whether a metric was logged at all, as an order. */
  present(key: string): Sql {
    return sql`(${sql.ref(`${this.join('summaries', key)}.last`)} is not null)`;
  }

  /** A run has any number of data sets: one that fits will do. */
  private anyDataset(of: Identifier, condition: Sql): Sql {
    if (of.kind !== 'datasets') return condition;
    return sql`exists (select 1 from ${sql.table(`${this.schema}.datasets`)} d where d.run = r.id and ${condition})`;
  }

  private compare(of: Identifier, operator: Comparison, value: Literal, at: number): Sql {
    const column = this.column(of, value);
    const pattern = operator === 'like' || operator === 'ilike';
    if (pattern && (typeof value === 'number' || column.type !== 'text'))
      throw refuseAt(this.source, at, `${operator} compares texts only`, 'filter');
    const bound = this.bind(column, of, value, at);
    // nothing is more or less than NaN, where PostgreSQL has it above all numbers
    if (isNaNLiteral(of, value) && operator !== '=' && operator !== '!=') return sql`null::boolean`;
    // PostgreSQL refuses a pattern that ends in a lone escape character; none is an escape here
    return pattern
      ? sql`(${column.sql} ${comparisons[operator]} ${bound} escape '')`
      : sql`(${column.sql} ${comparisons[operator]} ${bound})`;
  }

  private within(of: Identifier, values: readonly Literal[], negated: boolean, at: number): Sql {
    const column = this.column(of, values.find((value) => isNaNLiteral(of, value)) ?? values[0]!);
    const bound = values.map((value) => this.bind(column, of, value, at));
    return sql`(${column.sql} ${negated ? sql`not in` : sql`in`} (${sql.join(bound)}))`;
  }

  private bind(column: Column, of: Identifier, value: Literal, at: number): Sql {
    switch (column.type) {
      case 'text':
        if (typeof value === 'number' && of.kind === 'params')
          throw refuseAt(this.source, at, 'the values must be all numbers or all texts', 'filter');
        return sql`${(of.kind === 'attributes' || of.kind === 'shown') && of.key === 'status' ? String(value).toLowerCase() : String(value)}::text`;
      case 'number': {
        const number = typeof value === 'number' ? value : value.trim() === '' ? NaN : Number(value);
        if (typeof value === 'string' && Number.isNaN(number) && value.toLowerCase() !== 'nan') {
          throw refuseAt(this.source, at, `${of.kind}.${of.key} is a number and can't be compared to a text`, 'filter');
        }
        return sql`${String(number)}::text::float8`;
      }
      case 'boolean':
        if (value !== 'true' && value !== 'false')
          throw refuseAt(this.source, at, `${of.kind}.${of.key} is true or false`, 'filter');
        return sql`${value}::text::boolean`;
    }
  }

  private column(of: Identifier, comparedTo: Literal | null): Column {
    switch (of.kind) {
      case 'metrics':
        // `sort` has null for NaN: of NaN, as of what is missing, no comparison is true but that to NaN itself
        return {
          sql: sql.ref(
            `${this.join('summaries', of.key)}.${comparedTo === null || isNaNLiteral(of, comparedTo) ? 'last' : 'sort'}`,
          ),
          type: 'number',
        };
      case 'params':
        return typeof comparedTo === 'number'
          ? { sql: sql.ref(`${this.join('params', of.key)}.num`), type: 'number' }
          : { sql: sql.ref(`${this.join('params', of.key)}.text`), type: 'text' };
      case 'tags':
        return { sql: sql.ref(`${this.join('tags', of.key)}.text`), type: 'text' };
      case 'datasets':
        return {
          sql: of.key === 'context' ? sql`(d.tags->>'mlflow.data.context')` : sql.ref(`d.${of.key}`),
          type: 'text',
        };
      case 'attributes':
        return this.attribute(of.key);
      case 'shown':
        if (this.shown === null) throw new Error(`nobody said how ${of.key} is shown`);
        return this.asShown(of.key, this.shown);
    }
  }

  private asShown(field: ShownField, { statusTag, endTag, locations }: Shown): Column {
    const tag = (key: string): Sql => sql.ref(`${this.join('tags', key)}.text`);
    switch (field) {
      case 'status':
        return { sql: sql`coalesce(lower(${tag(statusTag)}), r.status)`, type: 'text' };
      case 'end': {
        const told = tag(endTag);
        // whoever writes tags may have written another text
        const end = sql`coalesce(case when ${told} ~ '^-?[0-9]{1,17}$' then ${told}::float8 end, r.ended_at)`;
        return { sql: end, type: 'number' };
      }
      case 'location': {
        const list = (of: (each: Shown['locations'][number]) => string): Sql =>
          sql`${locations.map(of).map(storableText)}::text[]`;
        const lists = sql.join([list((each) => each.project), list((each) => each.before), list((each) => each.after)]);
        const found = sql`select x.before || r.id || x.after from unnest(${lists}) x(project, before, after) where x.project = r.project`;
        return { sql: sql`(${found})`, type: 'text' };
      }
    }
  }

  private attribute(name: AttributeName): Column {
    const text = (column: string): Column => ({ sql: sql.ref(`r.${column}`), type: 'text' });
    const number = (expression: Sql): Column => ({ sql: expression, type: 'number' });
    switch (name) {
      case 'status':
        return this.derivesLost ? { sql: this.status(), type: 'text' } : text('status');
      case 'name':
      case 'id':
      case 'project':
      case 'user':
      case 'group':
      case 'job_type':
      case 'notes':
      case 'labels':
      case 'fork_of':
        return text(name);
      case 'started_at':
      case 'ended_at':
      case 'world_size':
        return number(sql`${sql.ref(`r.${name}`)}`);
      case 'heartbeat_at':
        return number(sql`greatest(r.seen_at, l.seen_at)`);
      case 'duration':
        return number(sql`((coalesce(r.ended_at, ${this.nowMs}::bigint) - r.started_at) / 1000.0::float8)`);
      case 'archived':
        return { sql: sql`r.archived`, type: 'boolean' };
    }
  }

  /** The ends of a run are stored; whether it is lost, or goes on in an attempt beside the one that ended, its last signs of life tell. */
  private status(): Sql {
    const silentSince = sql`${this.nowMs - lostAfterMs}::bigint`;
    const beats = sql.table(`${this.schema}.beats`);
    return sql`(case when r.status = 'running' and r.world_size > 0 and greatest(r.seen_at, l.seen_at) < ${silentSince} then 'lost'
      when r.open_attempts is not null and exists (select 1 from ${beats} b where b.run = r.id and b.attempt = any(r.open_attempts) and b.beat_at >= ${silentSince})
      then 'running' else r.status end)`;
  }

  private join(table: 'summaries' | 'params' | 'tags', key: string): string {
    const name = `${table} ${key}`;
    let join = this.joins.get(name);
    if (!join) {
      if (this.joins.size === joinsMax)
        throw new Rejection(
          'LIMIT_EXCEEDED',
          `filter: at most ${joinsMax} different metrics, params and tags can be named`,
          'filter',
        );
      const alias = `j${this.joins.size}`;
      const on = sql`${sql.ref(`${alias}.run`)} = r.id and ${sql.ref(`${alias}.key`)} = ${key.replaceAll('\u0000', '')}::text`;
      join = { alias, sql: sql`left join ${sql.table(`${this.schema}.${table}`)} ${sql.ref(alias)} on ${on}` };
      this.joins.set(name, join);
    }
    return join.alias;
  }
}
