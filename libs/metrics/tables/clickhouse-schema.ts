import { engineOf, onCluster, type Placement } from '#libs/clickhouse/clickhouse-placement.js';
import { blockOf, rollupBlock, stepBlock } from './key-blocks.js';
import type { RollupWidth } from './rollup-columns.js';
import { clockKey, nameHash, systemClockKey } from '../metric-names.js';
import { mediaView } from './media-view.js';
import { nounViews, plainText } from './noun-views.js';

/** Tables of one generation; `g1_points` and so on, so that generations live beside each other. */
export const tableNames = [
  'points',
  'rollup_64',
  'rollup_256',
  'spans',
  'attempts',
  'superseded',
  'rewritten',
  'series',
  'run_names',
  'deletions',
  'run_facts',
  'facts',
  'lines',
  'media',
] as const;
/** Made by programs before there was `rollup_256`. */
const retiredTable = 'rollup_4096';
export type TableName = (typeof tableNames)[number];

/** What the SQL user may read, whole names and beginnings (`*`): the views, and their tables. `points` is `metrics` without times: it needs no clock, so it reads only what is asked for. */
export const viewNames = [
  'metrics',
  'points',
  'series',
  'runs',
  'lines',
  'media',
  'datasets',
  'model_io',
  'logged_models',
  'model_metrics',
  'traces',
  'spans',
  // the views read with the rights of whoever asks: what the tables of any generation begin with, and no pointer table does
  ...Array.from({ length: 9 }, (_, index) => `g${index + 1}*`),
] as const;

export const tableOf = (generation: number, name: TableName): string => `g${generation}_${name}`;

const durable = 'fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1';

// of `width` steps each; the mask has a bit for each of them that has a finite value
const rollupColumns = (width: RollupWidth): string => `
  run UInt64 CODEC(ZSTD(1)), series UInt64 CODEC(ZSTD(1)), attempt UInt16, rank UInt32 CODEC(ZSTD(1)),
  bucket Int64 CODEC(DoubleDelta, ZSTD(1)),
  min SimpleAggregateFunction(min, Float64) CODEC(Gorilla, ZSTD(1)),
  max SimpleAggregateFunction(max, Float64) CODEC(Gorilla, ZSTD(1)),
  first SimpleAggregateFunction(min, Tuple(Int64, Float64)) CODEC(ZSTD(1)),
  last SimpleAggregateFunction(max, Tuple(Int64, Float64)) CODEC(ZSTD(1)),
  mask SimpleAggregateFunction(groupBitOr, UInt${width}) CODEC(ZSTD(1)),
  nan_at SimpleAggregateFunction(min, Int64) CODEC(ZSTD(1)),
  plus_at SimpleAggregateFunction(min, Int64) CODEC(ZSTD(1)),
  minus_at SimpleAggregateFunction(min, Int64) CODEC(ZSTD(1))`;

const rollup = (aggregating: string, width: RollupWidth): string => `(${rollupColumns(width)})
  ENGINE = ${aggregating} ORDER BY (run, series, attempt, ${blockOf(rollupBlock)}, rank, bucket) SETTINGS ${durable}`;

/** Columns that tables of older programs do not have, each in its time: where one is missing, all are filled anew from the log. */
export const laterColumns = [
  { table: 'attempts', column: 'from_step' },
  { table: 'facts', column: 'version' },
] as const;

type Engine = (kind: string, ...args: readonly string[]) => string;

const tables = (engine: Engine): { readonly [Name in TableName]: string } => ({
  // a value is kept as its bits: transposed, noise in a float's low bits costs what it says and no more (decision 0008)
  points: `(run UInt64 CODEC(ZSTD(1)), series UInt64 CODEC(ZSTD(1)), attempt UInt16 CODEC(ZSTD(1)), rank UInt32 CODEC(ZSTD(1)),
      step Int64 CODEC(DoubleDelta, ZSTD(1)), ord UInt64 CODEC(ZSTD(1)), bits UInt64 CODEC(T64('bit'), ZSTD(1)),
      value Float64 ALIAS reinterpretAsFloat64(bits), time Int64 CODEC(DoubleDelta, ZSTD(1)), version UInt64 CODEC(DoubleDelta, ZSTD(1)),
      ${reachIndex})
    ENGINE = ${engine('ReplacingMergeTree', 'version')} ORDER BY (run, series, attempt, ${blockOf(stepBlock)}, rank, step, ord) SETTINGS ${durable}`,
  rollup_64: rollup(engine('AggregatingMergeTree'), 64),
  rollup_256: rollup(engine('AggregatingMergeTree'), 256),
  // how far each series of each rank reaches
  spans: `(run UInt64, series UInt64, attempt UInt16, rank UInt32,
      first_step SimpleAggregateFunction(min, Int64), last_step SimpleAggregateFunction(max, Int64))
    ENGINE = ${engine('AggregatingMergeTree')} ORDER BY (run, series, attempt, rank) SETTINGS ${durable}`,
  // in the order of when they began; `from_step`: where the program said that one goes back to, else `never`
  attempts: `(run UInt64, attempt UInt16, started_at SimpleAggregateFunction(max, Int64), from_step SimpleAggregateFunction(min, Int64))
    ENGINE = ${engine('AggregatingMergeTree')} ORDER BY (run, attempt) SETTINGS ${durable}`,
  // steps of an attempt that a later one (`by`) logged again; a row for each pair
  superseded: `(run UInt64, series UInt64, attempt UInt16, rank UInt32, step Int64 CODEC(DoubleDelta, ZSTD(1)), by UInt16)
    ENGINE = ${engine('ReplacingMergeTree')} ORDER BY (run, series, step, rank, attempt, by) SETTINGS ${durable}`,
  // series in which a step was written again with another version: their rollups can't be trusted, raw rows are read with FINAL
  rewritten: `(run UInt64, series UInt64) ENGINE = ${engine('ReplacingMergeTree')} ORDER BY (run, series) SETTINGS ${durable}`,
  series: `(run UInt64, series UInt64, key String) ENGINE = ${engine('ReplacingMergeTree')} ORDER BY (run, series) SETTINGS ${durable}`,
  // `deleted` was set by programs before there was the table of deletions
  run_names: `(run UInt64, id String, project String, deleted UInt8, version UInt64)
    ENGINE = ${engine('ReplacingMergeTree', 'version')} ORDER BY run SETTINGS ${durable}`,
  // what was said last, deleted or restored, wins
  deletions: `(run UInt64, deleted UInt8, version UInt64) ENGINE = ${engine('ReplacingMergeTree', 'version')} ORDER BY run SETTINGS ${durable}`,
  // params, tags and attributes of runs, one fact a row; the highest version wins; a removed fact has value "" and present 0
  run_facts: `(run UInt64, kind String, key String, value String, present UInt8, version UInt64)
    ENGINE = ${engine('ReplacingMergeTree', 'version')} ORDER BY (run, kind, key) SETTINGS ${durable}`,
  // the same of data sets, logged models, traces and spans
  facts: `(kind LowCardinality(String), id String, field LowCardinality(String), key String, value String CODEC(ZSTD(1)), present UInt8, version UInt64)
    ENGINE = ${engine('ReplacingMergeTree', 'version')} ORDER BY (kind, id, field, key) SETTINGS ${durable}`,
  lines: `(run UInt64, time Int64 CODEC(DoubleDelta, ZSTD(1)), rank UInt32, attempt UInt16, writer String CODEC(ZSTD(1)),
      number UInt64 CODEC(DoubleDelta, ZSTD(1)), stream String CODEC(ZSTD(1)), text String CODEC(ZSTD(1)))
    ENGINE = ${engine('ReplacingMergeTree')} ORDER BY (run, time, rank, attempt, writer, number) SETTINGS ${durable}`,
  // the key in words: there are few, and each is read by itself
  media: `(run UInt64, key String, step Int64 CODEC(DoubleDelta, ZSTD(1)), rank UInt32, attempt UInt16, place UInt32, version UInt64,
      among UInt32, time Int64, kind String CODEC(ZSTD(1)), mime String CODEC(ZSTD(1)), text String CODEC(ZSTD(3)),
      data String CODEC(ZSTD(1)), digest String CODEC(ZSTD(1)), size UInt64, caption String CODEC(ZSTD(1)), facts String CODEC(ZSTD(1)))
    ENGINE = ${engine('ReplacingMergeTree', 'version')} ORDER BY (run, key, step, rank, attempt, place) SETTINGS ${durable}`,
});

/** People filter by step, not by the block of it that the key has, and by rank: told from where to where each granule reaches, the engine reads what they ask for. */
const reachIndex = 'INDEX reach (step, rank) TYPE minmax GRANULARITY 1';

const engineAt =
  (placement: Placement): Engine =>
  (kind, ...args) =>
    engineOf(placement, kind, ...args);

/** Statements that make a generation's tables; each may be repeated. */
export function createTables(generation: number, placement: Placement): readonly string[] {
  const bodies = tables(engineAt(placement));
  return tableNames.map(
    (name) => `CREATE TABLE IF NOT EXISTS ${tableOf(generation, name)}${onCluster(placement)} ${bodies[name]}`,
  );
}

/** What tables of older programs lack and need not be filled anew for: parts of before get it as they are merged. */
export const amendTables = (generation: number, placement: Placement): readonly string[] => [
  `ALTER TABLE ${tableOf(generation, 'points')}${onCluster(placement)} ADD ${reachIndex.replace('INDEX', 'INDEX IF NOT EXISTS')}`,
];

export const dropTables = (generation: number, placement: Placement): readonly string[] =>
  [...tableNames.map((name) => tableOf(generation, name)), `g${generation}_${retiredTable}`].map(
    (name) => `DROP TABLE IF EXISTS ${name}${onCluster(placement)} SYNC`,
  );

/** Which generations there are and which one is live. `marker` tells a wiped and remade store from the one the checkpoints are about. */
export function createPointers(placement: Placement): readonly string[] {
  const engine = engineOf(placement, 'ReplacingMergeTree', 'version');
  const pointer = (name: string, columns: string, key: string): string =>
    `CREATE TABLE IF NOT EXISTS ${name}${onCluster(placement)} (${columns}, version UInt64)
     ENGINE = ${engine} ORDER BY ${key} SETTINGS ${durable}`;
  return [
    pointer('generations', 'generation UInt32, marker String, dropped UInt8', 'generation'),
    pointer('live_generation', 'one UInt8, generation UInt32', 'one'),
  ];
}

const clocks = `[${nameHash(clockKey)}, ${nameHash(systemClockKey)}]`;

/**
 * The friendly views over one generation: every point once (FINAL), attempts stitched, deleted runs left out. They run with the
 * rights of whoever asks, because the engine plans a DEFINER view on its own: a filter would cut its result but not its reading.
 */
export function createViews(generation: number, placement: Placement): readonly string[] {
  const table = (name: TableName): string => tableOf(generation, name);
  const view = (name: string, body: string): string =>
    `CREATE OR REPLACE VIEW ${name}${onCluster(placement)} SQL SECURITY INVOKER AS ${body}`;
  return [
    view(
      'metrics',
      `SELECT g.project AS project, g.run AS run, g.key AS key, g.rank AS rank, g.step AS step, g.value AS value,
         fromUnixTimestamp64Milli(if(g.time != 0, g.time, toInt64(c.value))) AS time, g.attempt AS attempt
       FROM (${newestPoints(table)}) AS g
       LEFT ANY JOIN (${clockTimes(table)}) AS c
         ON c.project = g.project AND c.id = g.run AND c.series = g.clock AND c.attempt = g.attempt AND c.rank = g.rank
           AND c.step = g.step AND c.ord = g.record`,
    ),
    view('points', `SELECT project, run, key, rank, step, value, attempt FROM (${newestPoints(table)})`),
    view('series', seriesView(table)),
    view('runs', runsView(table)),
    view(
      'lines',
      `SELECT r.project AS project, r.id AS run, l.rank AS rank, l.attempt AS attempt, l.number AS number, any(l.stream) AS stream,
         fromUnixTimestamp64Milli(l.time) AS time, any(l.text) AS text
       FROM ${table('lines')} AS l
       INNER JOIN ${names(table)} AS r ON l.run = r.run
       GROUP BY project, run, rank, attempt, l.writer, number, time`,
    ),
    view('media', mediaView(table, names(table))),
    ...nounViews(table, names(table)).map(([name, body]) => view(name, body)),
  ];
}

const names = (table: (name: TableName) => string): string =>
  `(SELECT run, id, project FROM ${table('run_names')} FINAL WHERE NOT deleted AND run NOT IN (SELECT run FROM ${table('deletions')} FINAL WHERE deleted))`;

/**
 * Points once: the newest version of each, by aggregation and not by FINAL, because only so the run and key that somebody filters by
 * reach the primary key, as runtime filters of the joins with the dictionaries. Each dictionary has one column in common with
 * the points and none with the other, or they would be joined with each other first and filter nothing. The aggregation's keys
 * are the table's order, so that it streams (`sqlSettings`) and needs no memory for what the points are many of.
 */
function newestPoints(table: (name: TableName) => string): string {
  const system = "(startsWith(s.key, 'system/') OR startsWith(s.key, '_'))";
  return `SELECT r.project AS project, r.id AS run, s.key AS key, p.attempt AS attempt, p.rank AS rank, p.step AS step,
      if(${system}, ${nameHash(systemClockKey)}, ${nameHash(clockKey)}) AS clock,
      p.newest AS value, p.own_time AS time, p.record AS record
    FROM (SELECT run, series, attempt, rank, step, ord, argMax(value, version) AS newest, argMax(time, version) AS own_time,
        bitShiftRight(max(version), 32) AS record
      FROM ${table('points')} GROUP BY run, series, attempt, ${blockOf(stepBlock)}, rank, step, ord) AS p
    INNER JOIN ${names(table)} AS r ON p.run = r.run
    INNER JOIN (SELECT DISTINCT series, key FROM ${table('series')} WHERE NOT startsWith(key, '_time')) AS s ON p.series = s.series
    LEFT JOIN (${cutoffs(table('attempts'))}) AS a ON p.run = a.run AND p.attempt = a.attempt
    WHERE (a.cut = 0 OR p.step < a.cutoff OR ${system})
      AND (p.ord != 0 OR (p.run, p.series, p.attempt, p.rank, p.step) NOT IN (SELECT run, series, attempt, rank, step FROM ${table('superseded')}))`;
}

/**
 * Rows of the clock, under the names of their runs: what filters the points by project or run filters these as well. The clocks are
 * joined, not listed, because run and series reach the primary key together only as runtime filters.
 */
function clockTimes(table: (name: TableName) => string): string {
  return `SELECT r.project AS project, r.id AS id, p.series AS series, p.attempt AS attempt, p.rank AS rank, p.step AS step, p.ord AS ord,
      p.value AS value
    FROM ${table('points')} AS p INNER JOIN ${names(table)} AS r ON p.run = r.run
    INNER JOIN (SELECT arrayJoin(${clocks}) AS series) AS k ON p.series = k.series`;
}

/** (run, attempt, cutoff): from which step on a later attempt of the run was said to take over; only attempts that have such a one. */
function cutoffs(attempts: string): string {
  const later = 'OVER (PARTITION BY run ORDER BY started_at, attempt ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)';
  return `SELECT run, attempt, 1 AS cut, min(from_step) ${later} AS cutoff, count() ${later} AS later
    FROM (SELECT run, attempt, max(started_at) AS started_at, min(from_step) AS from_step FROM ${attempts} GROUP BY run, attempt)
    QUALIFY later > 0`;
}

/**
 * How far each series of each rank reaches in each attempt, and how many steps of it hold a finite value: counted by the bits of rollups,
 * so that "is everything there?" is answered without reading every point. Null where a client keeps several values of a step.
 */
function seriesView(table: (name: TableName) => string): string {
  const counted = `SELECT r.project AS project, r.id AS id, b.series AS series, b.attempt AS attempt, b.rank AS rank, sum(bitCount(b.bits)) AS n
    FROM (SELECT run, series, attempt, rank, bucket, groupBitOr(mask) AS bits FROM ${table('rollup_256')}
      GROUP BY run, series, attempt, ${blockOf(rollupBlock)}, rank, bucket) AS b
    INNER JOIN ${names(table)} AS r ON b.run = r.run GROUP BY project, id, series, attempt, rank`;
  return `SELECT r.project AS project, r.id AS run, s.key AS key, p.attempt AS attempt, p.rank AS rank, p.first_step AS first_step,
      p.last_step AS last_step, if(c.n = 0, NULL, c.n) AS points
    FROM (SELECT run, series, attempt, rank, min(first_step) AS first_step, max(last_step) AS last_step FROM ${table('spans')}
      GROUP BY run, series, attempt, rank) AS p
    INNER JOIN ${names(table)} AS r ON p.run = r.run
    INNER JOIN (SELECT DISTINCT series, key FROM ${table('series')} WHERE NOT startsWith(key, '_time')) AS s ON p.series = s.series
    LEFT ANY JOIN (${counted}) AS c
      ON c.project = r.project AND c.id = r.id AND c.series = p.series AND c.attempt = p.attempt AND c.rank = p.rank`;
}

function runsView(table: (name: TableName) => string): string {
  const attribute = (key: string): string => `anyIf(f.value, f.kind = 'attribute' AND f.key = '${key}')`;
  const map = (kind: string, value = 'f.value'): string =>
    `mapFromArrays(groupArrayIf(f.key, f.kind = '${kind}' AND f.present), groupArrayIf(${value}, f.kind = '${kind}' AND f.present))`;
  const plain = plainText('f.value');
  const time = (key: string): string => `fromUnixTimestamp64Milli(toInt64OrNull(${attribute(key)}))`;
  return `SELECT r.project AS project, r.id AS run, ${attribute('name')} AS name, ${attribute('status')} AS status,
      ${attribute('group')} AS \`group\`, ${attribute('job_type')} AS job_type, ${attribute('user')} AS user, ${attribute('notes')} AS notes,
      ${time('started_at')} AS started_at, ${time('ended_at')} AS ended_at, toUInt32OrZero(${attribute('world_size')}) AS world_size,
      ${attribute('archived')} = '1' AS archived, ${map('param', plain)} AS params, ${map('tag')} AS tags,
      groupArrayIf(f.key, f.kind = 'label' AND f.present) AS labels, ${map('summary', plain)} AS summary,
      ${map('param')} AS params_json, ${map('summary')} AS summary_json
    FROM (SELECT run, kind, key, argMax(value, version) AS value, argMax(present, version) AS present
      FROM ${table('run_facts')} GROUP BY run, kind, key) AS f
    INNER JOIN ${names(table)} AS r ON f.run = r.run
    GROUP BY r.run, r.id, r.project`;
}
