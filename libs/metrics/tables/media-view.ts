import type { TableName } from './clickhouse-schema.js';

/**
 * Values that are no numbers as they are seen: of a (key, step, rank) what the newest attempt logged there last, attempts in the order in
 * which they began, and nothing from the step on that a later attempt was said to go back to.
 */
export function visibleMedia(table: (name: TableName) => string, run = '1', which = '1'): string {
  const order = 'ORDER BY began, attempt ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING';
  const attempts = `SELECT run, attempt, began, min(from_step) OVER (PARTITION BY run ${order}) AS cutoff, count() OVER (PARTITION BY run ${order}) AS later
    FROM (SELECT run, attempt, max(started_at) AS began, min(from_step) AS from_step FROM ${table('attempts')} WHERE ${run} GROUP BY run, attempt)`;
  return `SELECT * FROM (
      SELECT m.*, argMax((m.attempt, m.among), (a.began, m.attempt, m.version)) OVER (PARTITION BY m.run, m.key, m.step, m.rank) AS top
      FROM (SELECT * FROM ${table('media')} FINAL WHERE ${run} AND ${which}) AS m LEFT JOIN (${attempts}) AS a ON a.run = m.run AND a.attempt = m.attempt
      WHERE a.later = 0 OR m.step < a.cutoff)
    WHERE attempt = top.1 AND place < top.2`;
}

/** The same under the names of runs. `names`: the runs that are not deleted. */
export const mediaView = (table: (name: TableName) => string, names: string): string =>
  `SELECT r.project AS project, r.id AS run, m.key AS key, m.rank AS rank, m.step AS step, m.attempt AS attempt, m.place AS index, m.kind AS kind,
     m.mime AS mime, m.caption AS caption, m.text AS text, m.digest AS digest, m.size AS size_bytes,
     JSONExtract(m.facts, 'Map(String, String)') AS facts, fromUnixTimestamp64Milli(m.time) AS time
   FROM (${visibleMedia(table)}) AS m INNER JOIN ${names} AS r ON m.run = r.run`;
