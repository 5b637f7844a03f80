import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { Call } from './call.js';
import { findKnownRun, withRows } from './find-runs.js';
import { defaultProject, tenantOf } from './entities.js';
import type { KnownRun } from './known-run.js';
import { projectAnswer } from './project-answers.js';
import { runAnswer } from './run-answers.js';
import type { World } from './world.js';

export const worldOf = (call: Call, entity: string | null | undefined): World => call.tenants.get(tenantOf(entity));

async function findRun(call: Call, id: string): Promise<KnownRun | null> {
  const project = await call.gateway.backend.runTable.run(id).then(async (row) => row && projectOf(call, row.project));
  if (!project) return null;
  const { world, state } = project;
  const found = await world.findRun(id);
  const [known] = found?.active ? await withRows(world, state, [found.run]) : [];
  return known ?? null;
}

/** A run by the id that this server gave it. */
export async function knownRun(call: Call, id: string): Promise<KnownRun> {
  const known = await findRun(call, id);
  if (!known) throw new Rejection('NOT_FOUND', `there is no run with the id ${id.slice(0, 200)}`, 'id');
  return known;
}

async function projectOf(call: Call, key: string): Promise<{ world: World; state: ProjectState } | null> {
  const row = await call.gateway.backend.runTable.project(key);
  if (!row) return null;
  const world = call.tenants.get(row.world);
  const state = await world.findProject(({ name }) => name === key);
  return state ? { world, state } : null;
}

export interface RunNamed {
  readonly entityName?: string | null;
  readonly projectName?: string | null;
  readonly runName: string;
}
/** A run by the id that its client gave it. */
export async function runNamed(call: Call, { entityName, projectName, runName }: RunNamed): Promise<KnownRun> {
  const world = worldOf(call, entityName);
  const project = await world.projectNamed(projectName || defaultProject);
  const known = project && (await findKnownRun(world, project, runName));
  if (!known) throw new Rejection('NOT_FOUND', `there is no run "${runName.slice(0, 200)}"`, 'runName');
  return known;
}

export const answerOf = (known: KnownRun) => runAnswer(known, () => projectAnswer(known.world, known.project));

/** null where it is gone. */
export async function knownRunAnswer(call: Call, id: string) {
  const known = await findRun(call, id);
  return known && answerOf(known);
}
