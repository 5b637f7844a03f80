import { isObject } from '#libs/domain/plain-json.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { keyOf } from './arns.js';
import type { Answer, Call } from './call.js';
import { componentName, findComponent } from './components.js';
import { writeComponent } from './component-answers.js';
import { experimentName, publicTags } from './experiment-facts.js';
import { writeExperiment } from './experiments.js';
import { componentsOf, experimentNumbersOf, ownComponent, trialKeysOf } from './membership.js';
import { metricSummaries } from './metric-summaries.js';
import { pageOf } from './pages.js';
import { invalid } from './read-input.js';
import { matcherOf, orderBy, readPlain, type Found, type Reader } from './search-filter.js';
import type { Expression, Input } from './shapes.js';
import { allTrials } from './trial-records.js';
import { writeTrial } from './trials.js';
import { AwsError } from '../../http/aws-error.js';

type Asked = Input<'Search'>;
const resources: Readonly<Record<string, (call: Call, asked: Asked) => Promise<Answer>>> = {
  Experiment: searchExperiments,
  ExperimentTrial: searchTrials,
  ExperimentTrialComponent: searchComponents,
};
/** What AWS searches and nobody can make here. */
const others = new Set(
  (
    'TrainingJob Endpoint Model ModelPackage ModelPackageGroup Pipeline PipelineExecution PipelineVersion FeatureGroup FeatureMetadata ' +
    'Image ImageVersion Project HyperParameterTuningJob ModelCard Job'
  ).split(' '),
);

export async function search(call: Call, asked: Asked): Promise<Answer> {
  const found = Object.hasOwn(resources, asked.Resource) ? resources[asked.Resource]! : null;
  if (found) return found(call, asked);
  if (others.has(asked.Resource)) return { Results: [], TotalHits: { Value: 0, Relation: 'EqualTo' } };
  throw invalid(
    `1 validation error detected: Value '${asked.Resource}' at 'resource' failed to satisfy constraint: Member must satisfy enum value set: [${[...Object.keys(resources), ...others].join(', ')}]`,
  );
}

/** "Tags.team", "Parents.TrialName", "Parameters.lr", "Metrics.loss.Max": the first word says which part, the rest what of it. */
const readRecord: Reader = (record, name) => {
  const [part = '', rest = ''] = name.split(/\.(.*)/s);
  if (!known.has(part)) throw invalid(`'${name}' is not a property that can be searched.`);
  const value = Object.hasOwn(record, part) ? record[part] : undefined;
  if (value === undefined) return [];
  if (rest === '') return Array.isArray(value) || isObject(value) ? (empty(value) ? [] : [value]) : [value];
  switch (part) {
    case 'Tags':
      return (value as readonly Found[]).flatMap((tag) => (tag['Key'] === rest ? [tag['Value']] : []));
    case 'Parents':
      return (value as readonly Found[]).flatMap((parent) => readPlain(parent, rest));
    case 'Metrics':
      return readMetric(value as readonly Found[], rest);
    case 'Parameters': {
      const [parameter] = readPlain(value as Found, rest) as readonly Found[];
      if (parameter) return Object.values(parameter);
      const [plain] = readPlain(value as Found, rest.replace(/\.(Number|String)Value$/, '')) as readonly Found[];
      return plain ? Object.values(plain) : [];
    }
    default:
      return deep(value, rest);
  }
};
const known = new Set(
  (
    'ExperimentName ExperimentArn TrialName TrialArn TrialComponentName TrialComponentArn DisplayName Description Status StartTime EndTime ' +
    'CreationTime CreatedBy LastModifiedTime LastModifiedBy Parameters InputArtifacts OutputArtifacts MetadataProperties Metrics Tags Parents ' +
    'Source SourceDetail Sources LineageGroupArn RunName TrialComponentSummaries'
  ).split(' '),
);
const empty = (value: object): boolean => Object.keys(value).length === 0;
const statistics = new Set(['Min', 'Max', 'Avg', 'Last', 'Count', 'StdDev', 'TimeStamp', 'SourceArn', 'MetricName']);

function readMetric(metrics: readonly Found[], rest: string): readonly unknown[] {
  if (statistics.has(rest)) return metrics.flatMap((metric) => readPlain(metric, rest));
  const whole = metrics.find((metric) => metric['MetricName'] === rest);
  if (whole) return readPlain(whole, 'Last');
  const [, key, stat = ''] = /^(.*)\.(\w+)$/s.exec(rest) ?? [];
  const metric = statistics.has(stat) && metrics.find((each) => each['MetricName'] === key);
  return metric ? readPlain(metric, stat) : [];
}

function deep(value: unknown, rest: string): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap((item) => deep(item, rest));
  if (!isObject(value)) return [];
  const whole = readPlain(value, rest);
  if (whole.length > 0) return whole;
  const [first = '', more = ''] = rest.split(/\.(.*)/s);
  return more === '' ? [] : readPlain(value, first).flatMap((inner) => deep(inner, more));
}

const names = (expression: Expression | undefined): readonly string[] =>
  !expression
    ? []
    : [
        ...(expression.Filters ?? []).map(({ Name }) => Name),
        ...(expression.NestedFilters ?? []).map(({ NestedPropertyName }) => NestedPropertyName),
        ...(expression.SubExpressions ?? []).flatMap(names),
      ];

/** The value that a property must have for anything to be found: what every part asks for. */
function needed(expression: Expression | undefined, name: string): string | null {
  if (!expression || (expression.Operator === 'Or' && partsOf(expression) > 1)) return null;
  const filter = expression.Filters?.find((each) => each.Name === name && each.Operator === 'Equals');
  return (
    filter?.Value ??
    expression.SubExpressions?.map((each) => needed(each, name)).find((value) => value !== null) ??
    null
  );
}
const partsOf = ({ Filters = [], NestedFilters = [], SubExpressions = [] }: Expression): number =>
  Filters.length + NestedFilters.length + SubExpressions.length;

function answer(
  asked: Asked,
  records: readonly Found[],
  kind: string,
): { readonly rows: readonly Found[]; readonly rest: Answer } {
  const matches = matcherOf(asked.SearchExpression, readRecord);
  const matching = records.filter(matches);
  const sorted = orderBy(matching, asked.SortBy ?? 'CreationTime', asked.SortOrder !== 'Ascending', readRecord);
  const { SearchExpression, SortBy, SortOrder } = asked;
  const question = JSON.stringify([kind, SearchExpression, SortBy, SortOrder]);
  const { rows, next } = pageOf(sorted, asked, digestOf(question));
  return { rows, rest: { ...next, TotalHits: { Value: sorted.length, Relation: 'EqualTo' } } };
}
/** Tokens are short; they only have to tell questions apart. */
function digestOf(text: string): string {
  let hash = 0;
  for (const char of text) hash = (Math.imul(hash, 31) + char.codePointAt(0)!) >>> 0;
  return hash.toString(36);
}

const writeTags = (pairs: readonly (readonly [string, string])[]): readonly Answer[] =>
  pairs.map(([Key, Value]) => ({ Key, Value }));

async function searchExperiments(call: Call, asked: Asked): Promise<Answer> {
  const records = (await call.world.activeProjects()).map((project) => ({
    ...writeExperiment(call, project),
    Tags: writeTags(publicTags(project.tags)),
  }));
  const { rows, rest } = answer(asked, records, 'Experiment');
  return { Results: rows.map((Experiment) => ({ Experiment })), ...rest };
}

async function searchTrials(call: Call, asked: Asked): Promise<Answer> {
  const records: Found[] = [];
  for (const trial of await allTrials(call.world)) {
    const written = await writeTrial(call, trial);
    const parents = { Parents: [{ ExperimentName: written['ExperimentName'], TrialName: trial.name }] };
    records.push({ ...written, ...parents, Tags: writeTags(Object.entries(trial.tags)) });
  }
  const { rows, rest } = answer(asked, records, 'ExperimentTrial');
  return { Results: rows.map(({ Parents: _, ...Trial }) => ({ Trial })), ...rest };
}

async function searchComponents(call: Call, asked: Asked): Promise<Answer> {
  const { world } = call;
  const runs = await candidates(call, asked.SearchExpression);
  const trials = new Map((await allTrials(world)).map((trial) => [keyOf(trial.name), trial]));
  const projects = await world.projects();
  const parentsOf = (run: TrackedRun): readonly Answer[] => {
    if (!ownComponent(run)) {
      const project = projects.find(({ name }) => name === run.state.facts.project.value);
      return project ? [{ ExperimentName: experimentName(project) }] : [];
    }
    const by = trialKeysOf(run).flatMap((key) => {
      const trial = trials.get(key);
      const project = trial && projects.find(({ number }) => number === trial.experiment);
      return trial && project ? [{ TrialName: trial.name, ExperimentName: experimentName(project) }] : [];
    });
    const left = experimentNumbersOf(run).filter(
      (number) => !trialKeysOf(run).some((key) => trials.get(key)?.experiment === number),
    );
    const alone = projects
      .filter(({ number }) => left.includes(number))
      .map((project) => ({ ExperimentName: experimentName(project) }));
    return [...by, ...alone];
  };
  const asksMetrics = [...names(asked.SearchExpression), asked.SortBy ?? ''].some((name) => name.startsWith('Metrics'));
  const before = asksMetrics ? await metricSummaries(call, runs) : new Map<string, readonly Answer[]>();
  const byName = new Map(runs.map((run) => [componentName(run), run]));
  const records = runs.map((run) => ({
    ...writeComponent(call, run),
    Metrics: before.get(run.state.id) ?? [],
    Tags: writeTags(
      publicTags(Object.fromEntries(Object.entries(run.state.tags).map(([key, { value }]) => [key, value]))),
    ),
    Parents: parentsOf(run),
    RunName: run.state.facts.name.value,
  }));
  const { rows, rest } = answer(asked, records, 'ExperimentTrialComponent');
  const runOf = (row: Found): TrackedRun => byName.get(String(row['TrialComponentName']))!;
  const metrics = asksMetrics ? before : await metricSummaries(call, rows.map(runOf));
  const results = rows.map((row) => ({ TrialComponent: { ...row, Metrics: metrics.get(runOf(row).state.id) ?? [] } }));
  return { Results: results, ...rest };
}

/** As few runs as can be told from the expression alone. */
async function candidates(call: Call, expression: Expression | undefined): Promise<readonly TrackedRun[]> {
  const { world } = call;
  // said wrong is refused whatever there is
  matcherOf(expression, readRecord);
  const name = needed(expression, 'TrialComponentName');
  if (name !== null) {
    try {
      return [await findComponent(world, name)];
    } catch (error) {
      if (error instanceof AwsError) return [];
      throw error;
    }
  }
  const trial = needed(expression, 'Parents.TrialName');
  if (trial !== null) return componentsOf(world, { kind: 'trial', key: keyOf(trial) });
  const experiment = needed(expression, 'Parents.ExperimentName');
  if (experiment === null) return componentsOf(world, { kind: 'all' });
  const project = await world.experimentNamed(experiment);
  return project ? componentsOf(world, { kind: 'experiment', project }) : [];
}
