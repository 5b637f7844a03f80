import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import { Rejection } from '#libs/domain/rejection.js';
import { given } from '#libs/domain/run-fold-facts.js';
import { runsOfTrace } from '#libs/domain/trace-fold.js';
import { traceIdOf } from '#libs/domain/trace-id.js';
import { compareStarts, readSpanText, textOf, type SpanJson } from '#libs/runs/span-text.js';
import { breathe } from '../http/breathe.js';
import { loadAll } from './gateway-context.js';
import type { Assessment, AssessmentKind, TraceResolvers, TraceStatus } from './generated/resolver-types.js';
import { orNull, tagList, within } from './pages.js';
import { spanOf } from './span-answer.js';

const spansPageMax = 10_000;
const breathEvery = 200;

const statuses: Readonly<Record<string, TraceStatus>> = { IN_PROGRESS: 'IN_PROGRESS', OK: 'OK', ERROR: 'ERROR' };

export const traceResolvers: TraceResolvers = {
  id: ({ id, project }) => traceIdOf(project, id),
  world: async ({ project }, _, { projects }) => (await projects.load(project))?.world ?? '',
  name: ({ tags }) => tags['mlflow.traceName'] ?? null,
  status: ({ state }) => given(statuses, state) ?? 'UNSET',
  startedAt: ({ timeMs }) => timeMs,
  requestPreview: ({ requestPreview }) => orNull(requestPreview),
  responsePreview: ({ responsePreview }) => orNull(responsePreview),
  clientRequestId: ({ clientRequestId }) => orNull(clientRequestId),
  tags: ({ tags }) => tagList(tags),
  metadata: ({ metadata }) => tagList(metadata),
  tokenUsage: ({ metadata }) => tokenUsage(metadata['mlflow.trace.tokenUsage']),
  assessments: ({ assessments }) =>
    Object.entries(assessments).flatMap(([id, value]) => (isObject(value) ? [assessment(id, value)] : [])),
  runs: (trace, _, { runs }) => loadAll(runs, [...new Set(runsOfTrace(trace))]),
  spanCount: async ({ id }, _, { spans }) => (await spans.load(id)).length,
  spans: async ({ id }, { first, skip }, { backend, spans }) => {
    const count = within('first', first, 1_000, spansPageMax);
    const from = skip ?? 0;
    if (from < 0) throw new Rejection('INVALID_ARGUMENT', `skip: ${from} is less than 0`, 'skip');
    const read: SpanJson[] = [];
    for (const [index, text] of (await spans.load(id)).entries()) {
      const span = await readSpanText(text, (digest) => backend.artifactStore.get(digest));
      if (span) read.push(span);
      // thousands of them at once would hold everybody else
      if (index % breathEvery === breathEvery - 1) await breathe();
    }
    const [root] = read.sort(compareStarts);
    return read.slice(from, from + count).map((span) => spanOf(span, root!));
  },
};

function tokenUsage(text: string | undefined) {
  const value = jsonOf(text ?? '');
  if (!isObject(value)) return null;
  const tokens = (name: string): number | null => {
    const count = value[name];
    return typeof count === 'number' && Number.isSafeInteger(count) ? count : null;
  };
  return { input: tokens('input_tokens'), output: tokens('output_tokens'), total: tokens('total_tokens') };
}

const kinds: readonly (readonly [string, AssessmentKind])[] = [
  ['feedback', 'FEEDBACK'],
  ['expectation', 'EXPECTATION'],
  ['issue', 'ISSUE'],
];

/** They are kept as their client's JSON. */
function assessment(id: string, said: SpanJson): Assessment {
  const [name, kind] = kinds.find(([each]) => isObject(said[each])) ?? kinds[0]!;
  const held = isObject(said[name]) ? said[name] : {};
  const error = isObject(held['error']) ? held['error'] : null;
  const source = isObject(said['source']) ? said['source'] : {};
  const time = (value: unknown): number | null => {
    const ms = Date.parse(textOf(value));
    return Number.isNaN(ms) ? null : ms;
  };
  return {
    id,
    name: textOf(said['assessment_name']),
    kind,
    value: held['value'] ?? serialized(held['serialized_value']) ?? held['issue_name'] ?? null,
    error: error && orNull(textOf(error['error_message']) || textOf(error['error_code'])),
    rationale: orNull(textOf(said['rationale'])),
    sourceType: orNull(textOf(source['source_type'])),
    sourceId: orNull(textOf(source['source_id'])),
    spanId: orNull(textOf(said['span_id'])),
    valid: said['valid'] !== false,
    createdAt: time(said['create_time']),
    updatedAt: time(said['last_update_time']),
  };
}

/** Lists and objects come as JSON text. */
function serialized(value: unknown): unknown {
  if (!isObject(value)) return null;
  const text = textOf(value['value']);
  const held = jsonOf(text);
  return held === undefined ? text : held;
}
