import type { TableName } from './clickhouse-schema.js';

/** A text of JSON without its quotes; what is no text stays as it is written: numbers of all clients are read alike. */
export const plainText = (json: string): string => `if(startsWith(${json}, '"'), JSONExtractString(${json}), ${json})`;

const newest = (facts: string, kind: string): string =>
  `(SELECT id, field, key, argMax(value, version) AS value, argMax(present, version) AS present
    FROM ${facts} WHERE kind = '${kind}' GROUP BY id, field, key)`;
const attribute = (key: string): string => `anyIf(f.value, f.field = 'attribute' AND f.key = '${key}')`;
const map = (field: string, value = 'f.value'): string =>
  `mapFromArrays(groupArrayIf(f.key, f.field = '${field}' AND f.present), groupArrayIf(${value}, f.field = '${field}' AND f.present))`;
const timeOf = (ms: string): string => `fromUnixTimestamp64Milli(toInt64OrNull(${ms}))`;

/** Views of what runs read and made, and of traces, by name. `names`: the runs that are not deleted. */
export function nounViews(table: (name: TableName) => string, names: string): readonly (readonly [string, string])[] {
  const facts = table('facts');
  return [
    [
      'datasets',
      `SELECT r.project AS project, r.id AS run, JSONExtractString(f.key, 1) AS name, JSONExtractString(f.key, 2) AS digest,
         JSONExtractString(f.value, 'tags', 'mlflow.data.context') AS context, JSONExtractString(f.value, 'sourceType') AS source_type,
         JSONExtractString(f.value, 'source') AS source, JSONExtractString(f.value, 'schema') AS schema,
         JSONExtractString(f.value, 'profile') AS profile, JSONExtract(f.value, 'tags', 'Map(String, String)') AS tags,
         fromUnixTimestamp64Milli(JSONExtractInt(f.value, 'loggedAt')) AS logged_at
       FROM ${newest(facts, 'dataset')} AS f INNER JOIN ${names} AS r ON r.id = f.id`,
    ],
    [
      'model_io',
      `SELECT r.project AS project, r.id AS run, f.direction AS direction, f.key AS model, toInt64OrZero(f.value) AS step
       FROM (SELECT id, 'input' AS direction, key, value FROM ${newest(facts, 'input')}
         UNION ALL SELECT id, 'output' AS direction, key, value FROM ${newest(facts, 'output')}) AS f
       INNER JOIN ${names} AS r ON r.id = f.id`,
    ],
    [
      'logged_models',
      `SELECT ${attribute('project')} AS project, f.id AS model, ${attribute('name')} AS name, ${attribute('type')} AS type,
         ${attribute('run')} AS run, ${attribute('status')} AS status, ${timeOf(attribute('created_at'))} AS created_at,
         ${map('param', plainText('f.value'))} AS params, ${map('tag')} AS tags
       FROM ${newest(facts, 'model')} AS f GROUP BY f.id HAVING project != '' AND ${attribute('deleted')} = ''`,
    ],
    [
      'model_metrics',
      `SELECT m.project AS project, f.id AS model, JSONExtractString(f.key, 1) AS key, JSONExtractInt(f.key, 2) AS step,
         toFloat64OrNull(JSONExtractString(f.key, 4)) AS value, fromUnixTimestamp64Milli(JSONExtractInt(f.key, 3)) AS time,
         JSONExtractString(f.key, 5) AS run, JSONExtractString(f.key, 6) AS dataset, JSONExtractString(f.key, 7) AS digest
       FROM ${newest(facts, 'measured')} AS f INNER JOIN ${owners(facts, 'model')} AS m ON m.id = f.id`,
    ],
    ['traces', tracesView(facts)],
    ['spans', spansView(facts)],
  ];
}

/** Models or traces that are not deleted, and whose they are. */
function owners(facts: string, kind: 'model' | 'trace'): string {
  return `(SELECT f.id AS id, ${attribute('project')} AS project, ${attribute('trace')} AS trace FROM ${newest(facts, kind)} AS f
    WHERE f.field = 'attribute' GROUP BY f.id HAVING project != '' AND ${attribute('deleted')} = '')`;
}

function tracesView(facts: string): string {
  const start = `if(${attribute('started_at')} != '', ${attribute('started_at')}, ${attribute('first_at')})`;
  const end = `if(${attribute('started_at')} != '', ${attribute('ended_at')}, ${attribute('last_at')})`;
  const state = attribute('state');
  return `SELECT ${attribute('project')} AS project, ${attribute('trace')} AS trace, ${map('tag')}['mlflow.traceName'] AS name,
      if(${state} = '' AND ${attribute('started_at')} = '', 'IN_PROGRESS', ${state}) AS status, ${timeOf(start)} AS started_at,
      toInt64OrNull(${end}) - toInt64OrNull(${start}) AS duration_ms, ${attribute('request_preview')} AS request_preview,
      ${attribute('response_preview')} AS response_preview, ${attribute('client_request_id')} AS client_request_id,
      arrayDistinct(arrayFilter(r -> r != '', arrayConcat([${map('metadata')}['mlflow.sourceRun']],
        groupArrayIf(f.key, f.field = 'run')))) AS runs,
      ${map('tag')} AS tags, ${map('metadata')} AS metadata, ${map('assessment')} AS assessments
    FROM ${newest(facts, 'trace')} AS f GROUP BY f.id HAVING project != '' AND ${attribute('deleted')} = ''`;
}

/** From OTLP JSON. Of a span that is kept as a file there is what its row repeats: all but its long attributes. */
function spansView(facts: string): string {
  const nanoseconds = (field: string): string => `toInt64OrZero(JSONExtractString(f.value, '${field}'))`;
  const pairs = `JSONExtract(f.value, 'attributes', 'Array(Tuple(key String, value Map(String, String)))')`;
  return `SELECT project, trace, span, parent, name, attributes['mlflow.spanType'] AS type, status, status_message, started_at, duration_ms,
      attributes['mlflow.spanInputs'] AS inputs, attributes['mlflow.spanOutputs'] AS outputs, attributes, events
    FROM (SELECT t.project AS project, t.trace AS trace, f.key AS span, JSONExtractString(f.value, 'parentSpanId') AS parent,
        JSONExtractString(f.value, 'name') AS name,
        transform(JSONExtractInt(f.value, 'status', 'code'), [1, 2], ['OK', 'ERROR'], 'UNSET') AS status,
        JSONExtractString(f.value, 'status', 'message') AS status_message,
        fromUnixTimestamp64Nano(${nanoseconds('startTimeUnixNano')}) AS started_at,
        if(${nanoseconds('endTimeUnixNano')} = 0, NULL,
          (${nanoseconds('endTimeUnixNano')} - ${nanoseconds('startTimeUnixNano')}) / 1000000) AS duration_ms,
        mapFromArrays(arrayMap(a -> a.1, ${pairs} AS pairs), arrayMap(a -> ${plainText('(mapValues(a.2)[1])')}, pairs)) AS attributes,
        JSONExtractRaw(f.value, 'events') AS events
      FROM ${newest(facts, 'span')} AS f INNER JOIN ${owners(facts, 'trace')} AS t ON t.id = f.id WHERE f.key != '')`;
}
