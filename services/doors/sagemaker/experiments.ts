import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { Tags } from '#libs/domain/event.js';
import { Rejection } from '#libs/domain/rejection.js';
import { seconds } from './arns.js';
import { stampOf, stillSaid, writeUser, type Answer, type Call } from './call.js';
import { pageOf, sortRows } from './pages.js';
import { invalid } from './read-input.js';
import type { Input } from './shapes.js';
import { componentsOf } from './membership.js';
import { createdAtOf, experimentName, ownOf, ownTag, tagsOf, type Own } from './experiment-facts.js';
import { trialsOf } from './trial-records.js';
import type { SageMakerWorld } from './world.js';

export function writeExperiment(call: Call, project: ProjectState): Answer {
  const own = ownOf(project);
  const name = experimentName(project);
  const description = own.description ?? project.description;
  return {
    ExperimentName: name,
    ExperimentArn: call.arnOf('experiment', name),
    DisplayName: own.displayName ?? name,
    ...(description === '' ? {} : { Description: description.slice(0, 3_072) }),
    CreationTime: seconds(createdAtOf(project)),
    CreatedBy: writeUser(call, own.createdBy ?? ''),
    LastModifiedTime: seconds(own.modifiedAt ?? project.updatedAt),
    LastModifiedBy: writeUser(call, own.modifiedBy ?? own.createdBy ?? ''),
  };
}

export async function createExperiment(call: Call, input: Input<'CreateExperiment'>): Promise<Answer> {
  const { world } = call;
  const { ExperimentName: title, DisplayName: displayName } = input;
  const arn = call.arnOf('experiment', title);
  const invocation = stillSaid(call);
  const { at, by } = stampOf(call);
  return world.inTurn('experiments', async () => {
    const known = await world.experimentNamed(title);
    if (known) return taken(call, known);
    const own: Own = {
      ...(displayName === undefined ? {} : { displayName }),
      invocation,
      createdBy: by,
      createdAt: at,
    };
    const tags = { ...tagsOf(input.Tags), [ownTag]: JSON.stringify({ ...own, modifiedAt: at }) };
    const deleted = await world.findProject((each) => each.title === title);
    if (deleted) {
      // its name is its for ever: it begins anew under it
      const removed = Object.keys(deleted.tags).filter((key) => !Object.hasOwn(tags, key));
      const described = { ...own, description: input.Description ?? '', modifiedAt: at };
      await world.log.command({ name: 'ProjectRestored', subject: deleted.name, data: {} });
      const data = { tags: { ...tags, [ownTag]: JSON.stringify(described) }, removed };
      await world.log.command({ name: 'ProjectTagsSet', subject: deleted.name, data });
    } else {
      const data = { description: input.Description ?? '', tags, world: world.name, title };
      try {
        await world.log.command({ name: 'ProjectCreated', subject: await world.keyFor(title), data });
      } catch (error) {
        if (!(error instanceof Rejection && error.code === 'ALREADY_EXISTS')) throw error;
        world.projectsChanged();
        return taken(call, await world.experiment(title));
      }
    }
    world.projectsChanged();
    return { ExperimentArn: arn };
  });
}

/** The client reads the end of this sentence. What a first try of this very call has made is its own. */
function taken(call: Call, known: ProjectState): Answer {
  const name = experimentName(known);
  const arn = call.arnOf('experiment', name);
  if (call.invocation !== '' && ownOf(known).invocation === call.invocation) return { ExperimentArn: arn };
  throw invalid(
    `Experiment names must be unique within an AWS account and region. Experiment with name (${name}) already exists.`,
  );
}

export async function describeExperiment(call: Call, input: Input<'DescribeExperiment'>): Promise<Answer> {
  return writeExperiment(call, await call.world.experiment(input.ExperimentName));
}

export async function updateExperiment(call: Call, input: Input<'UpdateExperiment'>): Promise<Answer> {
  const { world } = call;
  return world.inTurn('experiments', async () => {
    const project = await world.experiment(input.ExperimentName);
    await world.born(project);
    const own = ownOf(project);
    const { at, by } = stampOf(call);
    const next: Own = {
      ...own,
      ...(input.DisplayName === undefined ? {} : { displayName: input.DisplayName }),
      ...(input.Description === undefined ? {} : { description: input.Description }),
    };
    if (JSON.stringify(next) !== JSON.stringify(own))
      await setTags(world, project, { [ownTag]: JSON.stringify({ ...next, modifiedBy: by, modifiedAt: at }) });
    return { ExperimentArn: call.arnOf('experiment', experimentName(project)) };
  });
}

export async function setTags(
  world: SageMakerWorld,
  project: ProjectState,
  tags: Tags,
  removed: readonly string[] = [],
): Promise<void> {
  await world.log.command({ name: 'ProjectTagsSet', subject: project.name, data: { tags, removed } });
  world.projectsChanged();
}

export async function listExperiments(call: Call, input: Input<'ListExperiments'>): Promise<Answer> {
  const sorted = sortRows(await call.world.activeProjects(), input, { name: experimentName, createdAt: createdAtOf });
  const { rows, next } = pageOf(sorted, input, 'experiments');
  const summaries = rows.map((each) => {
    const { ExperimentArn, ExperimentName, DisplayName, CreationTime, LastModifiedTime } = writeExperiment(call, each);
    return { ExperimentArn, ExperimentName, DisplayName, CreationTime, LastModifiedTime };
  });
  return { ExperimentSummaries: summaries, ...next };
}

export async function deleteExperiment(call: Call, input: Input<'DeleteExperiment'>): Promise<Answer> {
  const { world } = call;
  return world.inTurn('experiments', async () => {
    const project = await world.experiment(input.ExperimentName);
    const name = experimentName(project);
    if ((await trialsOf(world, project)).length > 0)
      throw invalid(`Experiment '${name}' has associated trials. Delete all trials before the experiment.`);
    if ((await componentsOf(world, { kind: 'experiment', project }, 1)).length > 0)
      throw invalid(`Experiment '${name}' has trial components. Delete them before the experiment.`);
    await world.born(project);
    await world.log.command({ name: 'ProjectDeleted', subject: project.name, data: {} });
    world.projectsChanged();
    return { ExperimentArn: call.arnOf('experiment', name) };
  });
}
