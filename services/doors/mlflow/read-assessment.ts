import type { Answer } from './call.js';
import type { World } from './world.js';
import type { Fields } from './fields.js';
import { invalid } from './mlflow-error.js';
import { writeTime } from './trace-answers.js';

export function readTime(fields: Fields, name: string, absent: number): number {
  const text = fields.text(name);
  if (text === '') return absent;
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms)) throw invalid(`Invalid value '${text.slice(0, 100)}' for parameter '${name}' supplied.`);
  return ms;
}
/** A verdict on a trace in Protobuf's JSON, which is how it is kept. */
export interface Assessment extends Answer {
  readonly assessment_id: string;
  readonly assessment_name: string;
  readonly feedback?: Answer;
  readonly expectation?: Answer;
  readonly issue?: Answer;
}

const sources = ['SOURCE_TYPE_UNSPECIFIED', 'HUMAN', 'LLM_JUDGE', 'CODE'];
const some = (fields: Fields, ...names: readonly string[]): Answer =>
  Object.fromEntries(names.flatMap((name) => (fields.text(name) === '' ? [] : [[name, fields.text(name)]])));

/** Every field is read as what it is, so that whoever asks can read the answer. */
export function readAssessment(world: World, fields: Fields, trace: string): Assessment {
  const now = world.backend.clock();
  const id = fields.text('assessment_id');
  if (id !== '' && !/^[\w-]{1,100}$/.test(id)) throw invalid(`Invalid assessment ID: '${id.slice(0, 200)}'`);
  const value = readValue(fields);
  if (Object.keys(value).length !== 1)
    throw invalid('Exactly one of `expectation`, `feedback`, or `issue` should be specified.');
  const source = fields.object('source');
  return {
    assessment_id: id || `a-${world.backend.newId().replaceAll('-', '')}`,
    assessment_name: fields.required('assessment_name'),
    trace_id: trace,
    ...some(fields, 'span_id', 'rationale', 'overrides'),
    source: { source_type: sourceType(source), source_id: source?.text('source_id') ?? '' },
    create_time: writeTime(readTime(fields, 'create_time', now)),
    last_update_time: writeTime(readTime(fields, 'last_update_time', now)),
    ...value,
    metadata: fields.map('metadata'),
    valid: !fields.has('valid') || fields.flag('valid'),
  };
}

function sourceType(source: Fields | null): string {
  if (!source?.has('source_type')) return sources[0]!;
  let type: string | undefined;
  try {
    type = source.text('source_type');
  } catch {
    type = sources[source.whole('source_type') ?? 0];
  }
  if (type === undefined || !sources.includes(type))
    throw invalid(
      `Invalid value '${type ?? ''}' for parameter 'source_type' supplied. Must be one of ${sources.join(', ')}`,
    );
  return type;
}

export function readValue(fields: Fields): { feedback?: Answer; expectation?: Answer; issue?: Answer } {
  const [feedback, expectation, issue] = ['feedback', 'expectation', 'issue'].map((name) => fields.object(name));
  const error = feedback?.object('error');
  const serialized = expectation?.object('serialized_value');
  return {
    ...(feedback
      ? {
          feedback: {
            ...(feedback.has('value') ? { value: feedback.raw('value') } : {}),
            ...(error ? { error: some(error, 'error_code', 'error_message', 'stack_trace') } : {}),
          },
        }
      : {}),
    ...(expectation
      ? {
          expectation: serialized
            ? { serialized_value: some(serialized, 'serialization_format', 'value') }
            : writeExpected(expectation.has('value') ? expectation.raw('value') : null),
        }
      : {}),
    ...(issue ? { issue: some(issue, 'issue_name') } : {}),
  };
}

/** Lists and objects are kept as JSON text, as MLflow's server keeps them. */
const writeExpected = (value: unknown): Answer =>
  typeof value === 'object' && value !== null
    ? { serialized_value: { serialization_format: 'JSON_FORMAT', value: JSON.stringify(value) } }
    : { value };
