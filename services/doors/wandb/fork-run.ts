import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { Param } from '#libs/domain/event.js';
import { hiddenParam } from '#libs/domain/hidden-param.js';
import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import { Rejection } from '#libs/domain/rejection.js';
import { inTrainingOrder } from '#libs/domain/run-fold-attempts.js';
import { randomRunName } from '../shared/run-names.js';
import { subjectOf } from './entities.js';
import { inEvents, ownParam } from './run-config.js';
import type { World } from './world.js';

interface Forking {
  readonly subject: string;
  readonly name: string;
  readonly displayName: string;
}

/** A client tells of a fork in its config alone: where it branches off from. The fork has its parent's history up to there, and config. */
export async function forkIfAsked(
  world: World,
  project: ProjectState,
  { subject, name, displayName }: Forking,
  params: readonly Param[],
): Promise<void> {
  const own = jsonOf(params.find(({ key }) => key === ownParam)?.json ?? 'null');
  const branch = isObject(own) ? own['branch_point'] : undefined;
  if (!isObject(branch)) return;
  const { run_id: from, step } = branch;
  if (typeof from !== 'string' || from === name) return;
  if (typeof step !== 'number' || !Number.isSafeInteger(step))
    throw new Rejection('INVALID_ARGUMENT', 'fork_from: the step must be a whole number', 'config');
  const parent = await world.findRun(subjectOf(world.name, project.title, from));
  if (!parent?.active)
    throw new Rejection(
      'NOT_FOUND',
      `fork_from: there is no run "${from.slice(0, 100)}" in ${project.title}`,
      'config',
    );
  const { state } = parent.run;
  await world.log.decide({
    name: 'RunForked',
    subject,
    data: {
      fromRun: state.id,
      fromAttempt: inTrainingOrder(state.attempts).at(-1)?.number ?? 1,
      fromStep: step,
      project: project.name,
      name: displayName || randomRunName(world.backend.newId().replaceAll('-', '')),
    },
  });
  const given = new Set(params.map(({ key }) => key));
  const inherited = Object.entries(state.params)
    .filter(([key]) => !given.has(key) && !hiddenParam(key))
    .map(([key, { value: json }]) => ({ key, json }));
  for (const list of inEvents(inherited))
    await world.log.tell({ name: 'ParamsLogged', subject, data: { params: list, immutable: false } });
}
