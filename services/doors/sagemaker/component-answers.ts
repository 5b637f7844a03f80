import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { attemptStatus } from '#libs/domain/run-fold-attempts.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { seconds } from './arns.js';
import { writeUser, type Answer, type Call } from './call.js';
import { artifactPrefix, endTag, messageTag, readArtifact, startTag, statusTag } from './component-changes.js';
import { componentName, createdTag, findComponent, metadataTag, modifiedTag, stampIn } from './components.js';
import { experimentName } from './experiment-facts.js';
import { componentsOf, ownComponent } from './membership.js';
import { pageOf, sortRows } from './pages.js';
import { invalid } from './read-input.js';
import type { Input } from './shapes.js';
import { trialNamed } from './trial-records.js';
import { keyOf } from './arns.js';
import { metricSummaries } from './metric-summaries.js';

const limits = {
  parameters: 300,
  artifacts: 60,
  parameterKeyChars: 320,
  valueChars: 2_500,
  displayChars: 120,
} as const;
/** What was cut for the limits of the API says so. */
const cut = (text: string, charsMax: number): string =>
  text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text;
const statuses = { running: 'InProgress', finished: 'Completed', failed: 'Failed', killed: 'Stopped' } as const;

const tagOf = ({ state }: TrackedRun, key: string): string | undefined => state.tags[key]?.value;
const timeIn = (run: TrackedRun, key: string): number | null => {
  const text = tagOf(run, key);
  return text !== undefined && /^-?\d{1,16}$/.test(text) ? Number(text) : null;
};
export const componentCreatedAt = (run: TrackedRun): number =>
  stampIn(run.state.tags, createdTag)?.at ?? run.state.startedAt;

function statusOf(run: TrackedRun): Answer {
  const said = tagOf(run, statusTag);
  const newest = run.state.attempts.at(-1);
  const primary = said ?? (ownComponent(run) ? undefined : statuses[newest ? attemptStatus(newest) : run.state.status]);
  const message =
    tagOf(run, messageTag) ?? (run.state.statusReason === '' ? undefined : run.state.statusReason.slice(0, 1_024));
  if (primary === undefined && message === undefined) return {};
  return { Status: { PrimaryStatus: primary, Message: message } };
}

export function writeSummary(call: Call, run: TrackedRun): Answer {
  const own = ownComponent(run);
  const name = componentName(run);
  const created = stampIn(run.state.tags, createdTag) ?? { at: run.state.startedAt, by: run.state.facts.user.value };
  const modified = stampIn(run.state.tags, modifiedTag) ?? { ...created, at: run.state.endedAt ?? created.at };
  const start = timeIn(run, startTag) ?? (own ? null : run.state.startedAt);
  const end = timeIn(run, endTag) ?? (own ? null : run.state.endedAt);
  return {
    TrialComponentName: name,
    TrialComponentArn: call.arnOf('experiment-trial-component', name),
    DisplayName: run.state.facts.name.value.slice(0, limits.displayChars) || name,
    ...statusOf(run),
    ...(start === null ? {} : { StartTime: seconds(start) }),
    ...(end === null ? {} : { EndTime: seconds(end) }),
    CreationTime: seconds(created.at),
    CreatedBy: writeUser(call, created.by),
    LastModifiedTime: seconds(modified.at),
    LastModifiedBy: writeUser(call, modified.by),
  };
}

const oddNumbers = new Set(['NaN', 'Infinity', '-Infinity']);

function writeParameters({ state }: TrackedRun): Answer {
  const shown: Record<string, Answer> = Object.create(null) as Record<string, Answer>;
  for (const [key, { value: json }] of Object.entries(state.params).slice(0, limits.parameters)) {
    const value = jsonOf(json);
    if (value === null) continue;
    const odd = typeof value === 'string' && oddNumbers.has(value);
    shown[cut(key, limits.parameterKeyChars)] =
      typeof value === 'number' || odd
        ? { NumberValue: value }
        : { StringValue: cut(typeof value === 'string' ? value : json, limits.valueChars) };
  }
  return shown;
}

function writeArtifacts({ state }: TrackedRun, direction: 'in' | 'out'): Answer {
  const prefix = artifactPrefix[direction];
  const shown: Record<string, Answer> = Object.create(null) as Record<string, Answer>;
  for (const [key, { value }] of Object.entries(state.tags)) {
    const artifact = key.startsWith(prefix) ? readArtifact(value) : null;
    if (artifact) shown[key.slice(prefix.length)] = artifact;
  }
  return shown;
}

/** All that DescribeTrialComponent tells but the metrics. */
export function writeComponent(call: Call, run: TrackedRun): Answer {
  const said = jsonOf(tagOf(run, metadataTag) ?? '');
  const git = run.state.environment.value?.git;
  const metadata = isObject(said) ? said : git ? { CommitId: git.commit, Repository: git.remote } : null;
  return {
    ...writeSummary(call, run),
    Parameters: writeParameters(run),
    InputArtifacts: writeArtifacts(run, 'in'),
    OutputArtifacts: writeArtifacts(run, 'out'),
    ...(metadata ? { MetadataProperties: metadata } : {}),
  };
}

export async function describeComponent(call: Call, input: Input<'DescribeTrialComponent'>): Promise<Answer> {
  const run = await findComponent(call.world, input.TrialComponentName);
  const metrics = await metricSummaries(call, [run]);
  return { ...writeComponent(call, run), Metrics: metrics.get(run.state.id) ?? [] };
}

export async function listComponents(call: Call, input: Input<'ListTrialComponents'>): Promise<Answer> {
  const { world } = call;
  const { ExperimentName: experiment, TrialName: trial, SourceArn: origin } = input;
  if ([experiment, trial, origin].filter((given) => given !== undefined).length > 1)
    throw invalid('Only one of ExperimentName, TrialName and SourceArn can be given.');
  const project: ProjectState | null = experiment === undefined ? null : await world.experiment(experiment);
  const found =
    origin !== undefined
      ? [] // nothing here was made by a job of SageMaker
      : project
        ? await componentsOf(world, { kind: 'experiment', project })
        : trial !== undefined
          ? await componentsOf(world, { kind: 'trial', key: keyOf((await trialNamed(world, trial)).name) })
          : await componentsOf(world, { kind: 'all' });
  const sorted = sortRows(found, input, { name: componentName, createdAt: componentCreatedAt });
  const question = `components ${project ? experimentName(project) : ''} ${trial ?? ''} ${origin ?? ''}`;
  const { rows, next } = pageOf(sorted, input, question);
  return { TrialComponentSummaries: rows.map((run) => writeSummary(call, run)), ...next };
}
