import { artifactLocation, locationBelow } from '#libs/domain/artifact-location.js';
import { isOwnTag } from '#libs/domain/own-tags.js';
import { attemptStatus } from '#libs/domain/run-fold-attempts.js';
import { wholeDataset } from '#libs/runs/dataset-texts.js';
import { paramText } from '#libs/runs/search/logged-models.js';
import type { LatestMetric, TrackedRun } from '#libs/runs/tracking-tables.js';
import { writeNumber, type Answer } from './call.js';
import type { Experiment, World } from './world.js';

/** Tags of MLflow that are fields of a run here. They are not kept twice. */
export const nameTag = 'mlflow.runName';
export const noteTag = 'mlflow.note.content';
/** What MLflow says of a run's status that a run here can't say. */
export const statusTag = 'runstream.mlflow.status';
/** Unix ms of an end that its client told of a run that has not ended. */
export const endTag = 'runstream.mlflow.endTime';

export const runArtifacts = (experiment: Experiment, run: string): string =>
  locationBelow(artifactLocation(experiment), `${run}/artifacts`);

const statusOf = { running: 'RUNNING', finished: 'FINISHED', failed: 'FAILED', killed: 'KILLED' } as const;

export function writeRunInfo({ state }: TrackedRun, experiment: Experiment): Answer {
  const newest = state.attempts.at(-1);
  const said = state.tags[endTag]?.value;
  const endedAt = said === undefined ? state.endedAt : Number(said);
  const status = state.tags[statusTag]?.value ?? statusOf[newest ? attemptStatus(newest) : state.status];
  return {
    run_uuid: state.id,
    experiment_id: String(experiment.number),
    run_name: state.facts.name.value,
    user_id: state.facts.user.value,
    status,
    start_time: state.startedAt,
    ...(endedAt === null ? {} : { end_time: endedAt }),
    artifact_uri: runArtifacts(experiment, state.id),
    lifecycle_stage: state.deleted || experiment.deleted ? 'deleted' : 'active',
    run_id: state.id,
  };
}

/** The tags that MLflow's clients see. */
export function tagsOf({ state }: TrackedRun): readonly (readonly [string, string])[] {
  const own = Object.entries(state.tags).flatMap(([key, { value }]) =>
    key.startsWith('runstream.mlflow.') || isOwnTag(key) ? [] : [[key, value] as const],
  );
  const { name, notes } = state.facts;
  return [
    ...own,
    ...(name.value === '' ? [] : [[nameTag, name.value] as const]),
    ...(notes.value === '' ? [] : [[noteTag, notes.value] as const]),
  ];
}

const some = <T>(name: string, items: readonly T[]): Record<string, readonly T[]> =>
  items.length > 0 ? { [name]: items } : {};
export const writePairs = (pairs: readonly (readonly [string, string])[]): readonly Answer[] =>
  pairs.map(([key, value]) => ({ key, value }));

const writeMetric = ({ key, value, timeMs, step }: LatestMetric): Answer => ({
  key,
  value: writeNumber(value),
  timestamp: timeMs,
  step,
});

export async function writeRun(world: World, run: TrackedRun, experiment: Experiment): Promise<Answer> {
  const params = Object.entries(run.state.params).map(([key, { value }]) => ({ key, value: paramText(value) }));
  const whole = await Promise.all(
    run.datasets.map((each) => wholeDataset(each, (digest) => world.backend.artifactStore.get(digest))),
  );
  const datasets = whole.map(({ name, digest, sourceType, source, schema, profile, tags }) => ({
    ...some('tags', writePairs(Object.entries(tags))),
    dataset: {
      name,
      digest,
      source_type: sourceType,
      source,
      ...(schema === '' ? {} : { schema }),
      ...(profile === '' ? {} : { profile }),
    },
  }));
  return {
    info: writeRunInfo(run, experiment),
    data: {
      ...some('metrics', run.metrics.map(writeMetric)),
      ...some('params', params),
      ...some('tags', writePairs(tagsOf(run))),
    },
    inputs: {
      ...some('dataset_inputs', datasets),
      ...some(
        'model_inputs',
        run.modelsUsed.map((model) => ({ model_id: model })),
      ),
    },
    outputs: some(
      'model_outputs',
      run.modelsMade.map(({ model, step }) => ({ model_id: model, step })),
    ),
  };
}
