/** Questions over the friendly views that work on any server, with or without data. */
export const examples: readonly { title: string; sql: string }[] = [
  {
    title: 'Newest runs',
    sql: `SELECT project, name, run, status, started_at, params
FROM runs
WHERE NOT archived
ORDER BY started_at DESC
LIMIT 50`,
  },
  {
    title: 'Best final loss',
    sql: `SELECT p.run, r.name, argMax(p.value, p.step) AS last_loss, min(p.value) AS best_loss, max(p.step) AS steps
FROM points AS p
INNER JOIN runs AS r ON r.run = p.run
WHERE p.key = 'loss'
GROUP BY p.run, r.name
ORDER BY last_loss
LIMIT 20`,
  },
  {
    title: 'Param against result',
    sql: `SELECT r.params['learningRate'] AS learning_rate, count() AS runs, round(avg(l.loss), 4) AS mean_loss
FROM runs AS r
INNER JOIN (SELECT run, argMax(value, step) AS loss FROM points WHERE key = 'loss' GROUP BY run) AS l ON l.run = r.run
GROUP BY learning_rate
ORDER BY mean_loss`,
  },
  {
    title: 'Slowest ranks',
    sql: `SELECT run, rank, round(avg(value), 2) AS mean_ms, count() AS steps
FROM points
WHERE key = 'compute_ms'
GROUP BY run, rank
ORDER BY mean_ms DESC
LIMIT 20`,
  },
  {
    title: 'Metrics by minute',
    sql: `SELECT toStartOfMinute(time) AS minute, key, count() AS points, avg(value) AS mean
FROM metrics
WHERE run IN (SELECT run FROM runs ORDER BY started_at DESC LIMIT 5)
GROUP BY minute, key
ORDER BY minute DESC, key
LIMIT 200`,
  },
  {
    title: 'Lines with an error',
    sql: `SELECT time, project, run, rank, text
FROM lines
WHERE positionCaseInsensitive(text, 'error') > 0
ORDER BY time DESC
LIMIT 100`,
  },
];

/** What can be asked, beside the examples. */
export const views: readonly { name: string; columns: string }[] = [
  { name: 'runs', columns: 'project, run, name, status, group, job_type, user, notes, started_at, ended_at, world_size, archived, params, tags, labels, summary' },
  { name: 'points', columns: 'project, run, key, rank, step, value, attempt' },
  { name: 'series', columns: 'project, run, key, attempt, rank, first_step, last_step, points' },
  { name: 'metrics', columns: 'points, and time' },
  { name: 'lines', columns: 'project, run, rank, attempt, number, stream, time, text' },
]; // prettier-ignore
