import { Rejection } from '#libs/domain/rejection.js';
import type { Answer, Call } from './call.js';
import type { World } from './world.js';
import { invalid, missing } from './mlflow-error.js';
import { readAssessment, readValue, type Assessment } from './read-assessment.js';
import { writeTime } from './trace-answers.js';
import { checkTraceId, findTrace, traceCommand } from './traces.js';

const keep = (...said: readonly Assessment[]) =>
  said.map((each) => ({ key: each.assessment_id, json: JSON.stringify(each) }));
const notFound = (trace: string, id: string) =>
  missing(`Assessment with ID '${id.slice(0, 200)}' not found for trace '${trace}'`);

interface Found {
  readonly trace: string;
  /** What the log calls it. */
  readonly subject: string;
  readonly assessments: Readonly<Record<string, Assessment>>;
}
async function assessmentsOf(world: World, id: string): Promise<Found> {
  const { trace } = await findTrace(world, checkTraceId(id));
  return { trace: id, subject: trace.id, assessments: trace.assessments as Found['assessments'] };
}
function pick({ trace, assessments }: Found, id: string): Assessment {
  if (!Object.hasOwn(assessments, id)) throw notFound(trace, id);
  return assessments[id]!;
}

export async function createAssessment({ world, fields, path }: Call): Promise<Answer> {
  const found = await assessmentsOf(world, path[0]!);
  const assessment = readAssessment(world, fields.object('assessment') ?? fields, found.trace);
  const { assessment_id: id, overrides } = assessment;
  if (Object.hasOwn(found.assessments, id)) throw invalid(`Assessment with ID '${id}' already exists.`);
  const before = typeof overrides === 'string' ? [{ ...pick(found, overrides), valid: false }] : [];
  const data = { assessments: keep(...before, assessment), removed: [] };
  await traceCommand(world, { name: 'TraceAssessed', subject: found.subject, data });
  return { assessment };
}

export async function getAssessment({ world, path }: Call): Promise<Answer> {
  return { assessment: pick(await assessmentsOf(world, path[0]!), path[1]!) };
}

/** Only what the mask names is changed; metadata are added to. Who said it, of what, stays. */
export async function updateAssessment({ world, fields, path }: Call): Promise<Answer> {
  const found = await assessmentsOf(world, path[0]!);
  const known = pick(found, path[1]!);
  const change = fields.object('assessment') ?? fields;
  const mask = fields.text('update_mask').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const named = new Set(mask === '' ? [] : mask.split(',').map((name) => name.trim().split('.')[0]!));
  const wanted = (name: string): boolean => (mask === '' ? change.has(name) : named.has(name));
  const value = readValue(change);
  for (const kind of ['feedback', 'expectation'] as const)
    if (wanted(kind) && value[kind] && !known[kind])
      throw invalid(`Cannot update ${kind} value on an assessment that has none.`);
  const assessment: Assessment = {
    ...known,
    ...(wanted('assessment_name') ? { assessment_name: change.required('assessment_name') } : {}),
    ...(wanted('feedback') && value.feedback ? { feedback: value.feedback } : {}),
    ...(wanted('expectation') && value.expectation ? { expectation: value.expectation } : {}),
    ...(wanted('rationale') ? { rationale: change.text('rationale') } : {}),
    ...(wanted('metadata') ? { metadata: { ...(known['metadata'] as object), ...change.map('metadata') } } : {}),
    last_update_time: writeTime(world.backend.clock()),
  };
  const data = { assessments: keep(assessment), removed: [] };
  await traceCommand(world, { name: 'TraceAssessed', subject: found.subject, data });
  return { assessment };
}

/** What it had overridden holds again. */
export async function deleteAssessment({ world, path }: Call): Promise<Answer> {
  const found = await assessmentsOf(world, path[0]!);
  const { overrides, assessment_id: id } = pick(found, path[1]!);
  const known = typeof overrides === 'string' ? found.assessments[overrides] : undefined;
  const data = { assessments: known ? keep({ ...known, valid: true }) : [], removed: [id] };
  try {
    await traceCommand(world, { name: 'TraceAssessed', subject: found.subject, data });
  } catch (error) {
    if (error instanceof Rejection && error.code === 'NOT_FOUND') throw notFound(found.trace, id);
    throw error;
  }
  return {};
}
