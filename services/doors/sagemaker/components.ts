import { createHash } from 'node:crypto';
import type { Tags } from '#libs/domain/event.js';
import { limits } from '#libs/domain/limits.js';
import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { emptyEnvironment } from '../shared/empty-environment.js';
import { keyOf, readArn, validName } from './arns.js';
import { stampOf, stillSaid, type Answer, type Call, type Stamp } from './call.js';
import { unplaced } from './unplaced.js';
import { changesOf, tagged } from './component-changes.js';
import { componentsOf, experimentTag, nameTag, ownComponent, trialKeysOf, trialTag } from './membership.js';
import { experimentName, tagsOf } from './experiment-facts.js';
import { invalid } from './read-input.js';
import type { Input } from './shapes.js';
import { findTrial } from './trial-records.js';
import { missing, ownPrefix, type SageMakerWorld } from './world.js';

export const createdTag = `${ownPrefix}created`;
export const modifiedTag = `${ownPrefix}modified`;
export const metadataTag = `${ownPrefix}metadata`;
const invocationTag = `${ownPrefix}invocation`;
/** Metadata that are known of a run are looked at this many names deep: each deletion of a name leaves one behind. */
const namesakesMax = 1_000;

export function stampIn(tags: TrackedRun['state']['tags'], key: string): Stamp | null {
  const said = jsonOf(tags[key]?.value ?? '');
  if (!isObject(said) || typeof said['at'] !== 'number' || typeof said['by'] !== 'string') return null;
  return { at: said['at'], by: said['by'] };
}

export const componentName = ({ state }: TrackedRun): string => state.tags[nameTag]?.value ?? validName(state.id);

/** The id of the run of that name; of later ones of the same name, after earlier ones were deleted, there is a number behind it. */
function runIdOf(world: SageMakerWorld, name: string, number: number): string {
  const id = `${world.name === '' ? '' : `${world.name}.`}${keyOf(name)}${number > 1 ? `.${number}` : ''}`;
  return id.length <= limits.runIdCharsMax ? id : `sm.${createHash('sha256').update(id).digest('hex')}`;
}

interface Place {
  readonly run: TrackedRun | null;
  /** The id that is free, where there is no such run. */
  readonly free: string;
}

async function placeOf(world: SageMakerWorld, name: string): Promise<Place> {
  for (let number = 1; number <= namesakesMax; number++) {
    const id = runIdOf(world, name, number);
    const found = await world.findRun(id);
    // somebody else's run has this id: it is not the one, and stays as it is
    if (!found && (await world.backend.tracking.runs([id])).length > 0) continue;
    if (!found) return { run: (await foreignRun(world, name)) ?? null, free: id };
    if (found.active) return { run: found.run, free: id };
  }
  throw invalid(`TrialComponent '${name}' was deleted ${namesakesMax} times; take another name.`);
}

/** A run of another client whose id is no name as AWS has them, asked for by the name it is shown under. */
async function foreignRun(world: SageMakerWorld, name: string): Promise<TrackedRun | null> {
  const found = await world.findRun(name);
  return found?.active === true ? found.run : null;
}

export async function findComponent(world: SageMakerWorld, nameOrArn: string): Promise<TrackedRun> {
  const name = nameOrArn.startsWith('arn:') ? readArn(nameOrArn).name : nameOrArn;
  const run = (await placeOf(world, name)).run ?? (await shownAs(world, name));
  if (!run) throw missing(`TrialComponent '${name}' does not exist.`);
  return run;
}

/** The first that is shown under a name that is not its own. */
async function shownAs(world: SageMakerWorld, name: string): Promise<TrackedRun | null> {
  const all = await componentsOf(world, { kind: 'all' });
  return all.find((run) => !ownComponent(run) && keyOf(componentName(run)) === keyOf(name)) ?? null;
}

export async function createComponent(call: Call, input: Input<'CreateTrialComponent'>): Promise<Answer> {
  const { world } = call;
  const { TrialComponentName: name } = input;
  const arn = call.arnOf('experiment-trial-component', name);
  return world.inTurn(`component ${keyOf(name)}`, async () => {
    const { run, free } = await placeOf(world, name);
    if (run) return taken(call, run);
    const stamp = stampOf(call);
    const invocation = stillSaid(call);
    const home = await homeOf(world, input);
    const own: Tags = {
      ...tagsOf(input.Tags),
      [nameTag]: name,
      [createdTag]: JSON.stringify(stamp),
      [invocationTag]: invocation,
      ...(input.MetadataProperties ? { [metadataTag]: JSON.stringify(input.MetadataProperties) } : {}),
    };
    const { tags, params, ends } = changesOf(free, null, input, stamp);
    const { CommitId: commit = '', Repository: remote = '' } = input.MetadataProperties ?? {};
    const git =
      commit === '' ? null : { commit: commit.slice(0, 500), branch: '', remote, dirty: false, diffDigest: '' };
    const data = {
      ...{
        project: home.project,
        group: home.group,
        name: input.DisplayName ?? name,
        jobType: '',
        user: stamp.by,
        notes: '',
      },
      tags: { ...own, ...tags },
      params,
      environment: git && { ...emptyEnvironment, git },
      ...{ worldSize: 0, launch: '', fromStep: 0, hasFromStep: false, costPerHour: 0, labels: [] },
    };
    // the id is the name's: who comes second is told by whose invocation is kept
    const id = `sagemaker:component:${free}`.slice(0, 128);
    await world.log.command({ name: 'RunStarted', subject: free, id, timeMs: input.StartTime ?? stamp.at, data });
    await world.log.tell(...ends);
    const made = await findComponent(world, name);
    return made.state.tags[invocationTag]?.value === invocation ? { TrialComponentArn: arn } : taken(call, made);
  });
}

function taken(call: Call, run: TrackedRun): Answer {
  const name = componentName(run);
  if (call.invocation !== '' && run.state.tags[invocationTag]?.value === call.invocation)
    return { TrialComponentArn: call.arnOf('experiment-trial-component', name) };
  throw invalid(
    `TrialComponent names must be unique within an AWS account and region. TrialComponent with name (${name}) already exists.`,
  );
}

/** What a client that makes a Run says of its component. */
const runSource = { Key: 'sagemaker:trial-component-source', Value: 'run' } as const;

/**
 * Where a new component is at home before it is associated. The name of a Run begins with that of its experiment; others wait in a
 * project of their own until their first trial takes them.
 */
async function homeOf(
  world: SageMakerWorld,
  { TrialComponentName: name, Tags: tags = [] }: Input<'CreateTrialComponent'>,
): Promise<{ readonly project: string; readonly group: string }> {
  const ofRun = tags.some(({ Key, Value }) => Key === runSource.Key && Value === runSource.Value);
  const begins = (await world.activeProjects()).filter((each) =>
    keyOf(name).startsWith(`${keyOf(experimentName(each))}-`),
  );
  const [closest] = begins.toSorted((a, b) => b.title.length - a.title.length);
  return { project: ofRun && closest ? closest.name : await unplaced(world), group: '' };
}

export async function updateComponent(call: Call, input: Input<'UpdateTrialComponent'>): Promise<Answer> {
  const { world } = call;
  return world.inTurn(`component ${keyOf(input.TrialComponentName)}`, async () => {
    const run = await findComponent(world, input.TrialComponentName);
    const { id } = run.state;
    const stamp = stampOf(call);
    const { tags, removed, params, ends } = changesOf(id, run, input, stamp);
    const { DisplayName: shown } = input;
    const renamed = shown !== undefined && shown !== run.state.facts.name.value;
    const changed =
      renamed || params.length > 0 || ends.length > 0 || removed.length > 0 || Object.keys(tags).length > 0;
    if (changed) {
      if (renamed) await world.log.tell({ name: 'RunRenamed', subject: id, data: { name: shown } });
      if (params.length > 0)
        await world.log.tell({ name: 'ParamsLogged', subject: id, data: { params, immutable: false } });
      await world.log.tell(...ends);
      // the last word waits for its verdict, and so for those before it
      await world.log.command(tagged(id, { ...tags, [modifiedTag]: JSON.stringify(stamp) }, removed));
    }
    return { TrialComponentArn: call.arnOf('experiment-trial-component', componentName(run)) };
  });
}

export async function deleteComponent(call: Call, input: Input<'DeleteTrialComponent'>): Promise<Answer> {
  const { world } = call;
  return world.inTurn(`component ${keyOf(input.TrialComponentName)}`, async () => {
    const run = await findComponent(world, input.TrialComponentName);
    const name = componentName(run);
    if (trialKeysOf(run).length > 0)
      throw invalid(
        `TrialComponent '${name}' is associated with a trial. Disassociate it from all trials before it is deleted.`,
      );
    await world.log.command({ name: 'RunDeleted', subject: run.state.id, data: {} });
    world.remember(run.state.id, false);
    return { TrialComponentArn: call.arnOf('experiment-trial-component', name) };
  });
}

export async function associate(call: Call, input: Input<'AssociateTrialComponent'>): Promise<Answer> {
  const { world } = call;
  return world.inTurn(`component ${keyOf(input.TrialComponentName)}`, async () => {
    const trial = await findTrial(world, input.TrialName);
    if (!trial) throw missing(`Trial '${input.TrialName}' does not exist.`);
    const run = await findComponent(world, input.TrialComponentName);
    const { id, facts } = run.state;
    const key = keyOf(trial.name);
    if (!Object.hasOwn(run.state.tags, trialTag(key))) {
      const project = await world.findProject(({ number }) => number === trial.experiment);
      if (
        project &&
        ownComponent(run) &&
        trialKeysOf(run).length === 0 &&
        (facts.project.value !== project.name || facts.group.value !== trial.name)
      )
        await world.log.tell({ name: 'RunMoved', subject: id, data: { project: project.name, group: trial.name } });
      const home = ownComponent(run) ? null : await world.findProject(({ name }) => name === facts.project.value);
      // a run of another client stays in the experiment that it is at home in
      const own = home ? { [nameTag]: componentName(run), [experimentTag(home.number)]: '' } : {};
      const tags = { ...own, [trialTag(key)]: String(trial.experiment), [experimentTag(trial.experiment)]: '' };
      await world.log.command(tagged(id, tags));
    }
    return pair(call, run, trial.name);
  });
}

export async function disassociate(call: Call, input: Input<'DisassociateTrialComponent'>): Promise<Answer> {
  const { world } = call;
  return world.inTurn(`component ${keyOf(input.TrialComponentName)}`, async () => {
    const trial = await findTrial(world, input.TrialName);
    if (!trial) throw missing(`Trial '${input.TrialName}' does not exist.`);
    const run = await findComponent(world, input.TrialComponentName);
    const { id, tags, facts } = run.state;
    const key = keyOf(trial.name);
    if (!Object.hasOwn(tags, trialTag(key)))
      throw missing(`TrialComponent '${componentName(run)}' is not associated with trial '${trial.name}'.`);
    const left = trialKeysOf(run).filter((each) => each !== key);
    const stays = left.some((each) => tags[trialTag(each)]!.value === String(trial.experiment));
    const next = left.length > 0 ? await findTrial(world, left[0]!) : null;
    const project = next && (await world.findProject(({ number }) => number === next.experiment));
    if (facts.group.value === trial.name) {
      const data = { project: project?.name ?? facts.project.value, group: next?.name ?? '' };
      await world.log.tell({ name: 'RunMoved', subject: id, data });
    }
    await world.log.command(tagged(id, {}, [trialTag(key), ...(stays ? [] : [experimentTag(trial.experiment)])]));
    return pair(call, run, trial.name);
  });
}

const pair = (call: Call, run: TrackedRun, trial: string): Answer => ({
  TrialComponentArn: call.arnOf('experiment-trial-component', componentName(run)),
  TrialArn: call.arnOf('experiment-trial', trial),
});
