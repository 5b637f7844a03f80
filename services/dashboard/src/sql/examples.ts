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
    title: 'Slowest spans',
    sql: `SELECT project, name, type, count() AS spans, round(quantile(0.95)(duration_ms)) AS p95_ms, countIf(status = 'ERROR') AS failed
FROM spans
GROUP BY project, name, type
ORDER BY p95_ms DESC
LIMIT 50`,
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
  { name: 'runs', columns: 'project, run, name, status, group, job_type, user, notes, started_at, ended_at, world_size, archived, params, tags, labels, summary, params_json, summary_json' },
  { name: 'points', columns: 'project, run, key, rank, step, value, attempt' },
  { name: 'series', columns: 'project, run, key, attempt, rank, first_step, last_step, points' },
  { name: 'metrics', columns: 'points, and time' },
  { name: 'lines', columns: 'project, run, rank, attempt, number, stream, time, text' },
  { name: 'media', columns: 'project, run, key, rank, step, attempt, index, kind, mime, caption, text, digest, size_bytes, facts, time' },
  { name: 'datasets', columns: 'project, run, name, digest, context, source_type, source, schema, profile, tags, logged_at' },
  { name: 'model_io', columns: 'project, run, direction, model, step' },
  { name: 'logged_models', columns: 'project, model, name, type, run, status, created_at, params, tags' },
  { name: 'model_metrics', columns: 'project, model, key, step, value, time, run, dataset, digest' },
  { name: 'traces', columns: 'project, trace, name, status, started_at, duration_ms, request_preview, response_preview, client_request_id, runs, tags, metadata, assessments' },
  { name: 'spans', columns: 'project, trace, span, parent, name, type, status, status_message, started_at, duration_ms, inputs, outputs, attributes, events' },
]; // prettier-ignore
