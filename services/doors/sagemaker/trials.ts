import { keyOf, seconds } from './arns.js';
import { stampOf, stillSaid, writeUser, type Answer, type Call } from './call.js';
import { experimentName, tagsOf } from './experiment-facts.js';
import { allTrials, findTrial, removeTrial, saveTrial, trialNamed, type Trial } from './trial-records.js';
import { componentsOf, trialKeysOf } from './membership.js';
import { findComponent } from './components.js';
import { pageOf, sortRows } from './pages.js';
import { invalid } from './read-input.js';
import { metadataTexts, type Input } from './shapes.js';

export async function writeTrial(call: Call, trial: Trial): Promise<Answer> {
  const project = await call.world.findProject(({ number }) => number === trial.experiment);
  return {
    TrialName: trial.name,
    TrialArn: call.arnOf('experiment-trial', trial.name),
    DisplayName: trial.displayName,
    ...(project ? { ExperimentName: experimentName(project) } : {}),
    CreationTime: seconds(trial.createdAt),
    CreatedBy: writeUser(call, trial.createdBy),
    LastModifiedTime: seconds(trial.modifiedAt),
    LastModifiedBy: writeUser(call, trial.modifiedBy),
    ...(Object.keys(trial.metadata).length > 0 ? { MetadataProperties: trial.metadata } : {}),
  };
}

export async function createTrial(call: Call, input: Input<'CreateTrial'>): Promise<Answer> {
  const { world } = call;
  const { TrialName: name } = input;
  return world.inTurn(`trial ${keyOf(name)}`, async () => {
    const project = await world.experiment(input.ExperimentName);
    const known = await findTrial(world, name);
    if (known && known.invocation === call.invocation) return { TrialArn: call.arnOf('experiment-trial', known.name) };
    if (known)
      throw invalid(
        `Trial names must be unique within an AWS account and region. Trial with name (${known.name}) already exists.`,
      );
    await world.born(project);
    const { at, by } = stampOf(call);
    await saveTrial(world, {
      ...{
        name,
        displayName: input.DisplayName ?? name,
        experiment: (await world.experiment(input.ExperimentName)).number,
      },
      metadata: metadataTexts(input.MetadataProperties),
      tags: tagsOf(input.Tags),
      ...{ createdAt: at, createdBy: by, modifiedAt: at, modifiedBy: by, invocation: stillSaid(call) },
    });
    return { TrialArn: call.arnOf('experiment-trial', name) };
  });
}

export async function describeTrial(call: Call, input: Input<'DescribeTrial'>): Promise<Answer> {
  return writeTrial(call, await trialNamed(call.world, input.TrialName));
}

export async function updateTrial(call: Call, input: Input<'UpdateTrial'>): Promise<Answer> {
  const { world } = call;
  return world.inTurn(`trial ${keyOf(input.TrialName)}`, async () => {
    const trial = await trialNamed(world, input.TrialName);
    const { at, by } = stampOf(call);
    if (input.DisplayName !== undefined && input.DisplayName !== trial.displayName)
      await saveTrial(world, { ...trial, displayName: input.DisplayName, modifiedAt: at, modifiedBy: by });
    return { TrialArn: call.arnOf('experiment-trial', trial.name) };
  });
}

export async function listTrials(call: Call, input: Input<'ListTrials'>): Promise<Answer> {
  const { world } = call;
  if (input.ExperimentName !== undefined && input.TrialComponentName !== undefined)
    throw invalid('Only one of ExperimentName and TrialComponentName can be given.');
  let trials = await allTrials(world);
  if (input.ExperimentName !== undefined) {
    const { number } = await world.experiment(input.ExperimentName);
    trials = trials.filter(({ experiment }) => experiment === number);
  }
  if (input.TrialComponentName !== undefined) {
    const keys = new Set(trialKeysOf(await findComponent(world, input.TrialComponentName)));
    trials = trials.filter(({ name }) => keys.has(keyOf(name)));
  }
  const sorted = sortRows(trials, input, { name: ({ name }) => name, createdAt: ({ createdAt }) => createdAt });
  const { rows, next } = pageOf(
    sorted,
    input,
    `trials ${input.ExperimentName ?? ''} ${input.TrialComponentName ?? ''}`,
  );
  const summaries = rows.map((trial) => ({
    TrialArn: call.arnOf('experiment-trial', trial.name),
    TrialName: trial.name,
    DisplayName: trial.displayName,
    CreationTime: seconds(trial.createdAt),
    LastModifiedTime: seconds(trial.modifiedAt),
  }));
  return { TrialSummaries: summaries, ...next };
}

export async function deleteTrial(call: Call, input: Input<'DeleteTrial'>): Promise<Answer> {
  const { world } = call;
  return world.inTurn(`trial ${keyOf(input.TrialName)}`, async () => {
    const trial = await trialNamed(world, input.TrialName);
    if ((await componentsOf(world, { kind: 'trial', key: keyOf(trial.name) }, 1)).length > 0)
      throw invalid(
        `Trial '${trial.name}' has associated trial components. Disassociate them before the trial is deleted.`,
      );
    await removeTrial(world, trial);
    return { TrialArn: call.arnOf('experiment-trial', trial.name) };
  });
}
