import { gql } from 'urql';
import type {
  Artifact,
  Band,
  Completeness,
  Environment,
  Line,
  Param,
  ModelVersion,
  Project,
  RankState,
  RegisteredModel,
  RegisteredModelDetail,
  RunHead,
  RunState,
  Series,
  SummaryValue,
  XAxis,
} from './types.js';

const runState = `id name project group user status statusReason startedAt endedAt durationMs worldSize archived`;
const runHead = `${runState} jobType notes heartbeatAt labels tags { key value } forkOf { run attempt step }
  attempts { number startedAt endedAt fromStep toStep worldSize state }`;

export const projectsQuestion = gql<{ projects: { nodes: Project[]; totalCount: number } }, Record<string, never>>`
  query Projects {
    projects(first: 200) {
      totalCount
      nodes {
        name
        title
        description
        createdAt
        runCount
        activeRunCount
        lastActivityAt
      }
    }
  }
`;

export const numberedProjectQuestion = gql<
  { experiment: { name: string } | null },
  { number: number; tenant: string }
>(`query NumberedProject($number: Int!, $tenant: String!) { experiment(number: $number, tenant: $tenant) { name } }`);

export type RunRow = RunState & Record<`m${number}`, SummaryValue | null> & { params?: Param[] };
export interface RunsPage {
  /** From where on changes of runs are not in this answer. */
  position: string;
  runs: { nodes: RunRow[]; totalCount: number; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
}
export interface RunsVariables {
  project: string | null;
  filter: string | null;
  orderBy: string | null;
  first: number;
  after: string | null;
  archived: boolean;
}

/** A page of runs with exactly the chosen metrics, as aliases m0, m1, …; their keys are inlined as GraphQL strings. */
export function runsQuestionText(metricKeys: readonly string[], withParams: boolean): string {
  const metrics = metricKeys.map((key, i) => `m${i}: metric(key: ${JSON.stringify(key)}) { key last min max lastStep }`);
  return `query Runs($project: String, $filter: String, $orderBy: String, $first: Int, $after: String, $archived: Boolean) {
    position
    runs(project: $project, filter: $filter, orderBy: $orderBy, first: $first, after: $after, archived: $archived) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { ${runState} ${withParams ? 'params { key value }' : ''} ${metrics.join(' ')} }
    }
  }`;
}
export const recentRunsQuestion = gql<RunsPage, Record<string, never>>(`query RecentRuns {
  position
  runs(first: 30, orderBy: "attributes.started_at desc") {
    totalCount pageInfo { hasNextPage endCursor } nodes { ${runState} }
  }
}`);
export const columnChoicesQuestion = gql<
  { runs: { nodes: { id: string; metricKeys: string[]; params: Param[] }[] } },
  { project: string }
>(`query ColumnChoices($project: String!) {
  runs(project: $project, first: 5, orderBy: "attributes.started_at desc") {
    nodes { id metricKeys(first: 300) params { key value } }
  }
}`);

export const projectQuestion = gql<{ project: { name: string; title: string } | null }, { name: string }>(
  `query Project($name: String!) { project(name: $name) { name title } }`,
);

const version = `name version stage description aliases source loggedModel runId createdAt`;
const registeredModel = `name description updatedAt versionCount aliases { alias version } latestVersion { ${version} }`;
export const modelsQuestion = gql<
  { registeredModels: { nodes: RegisteredModel[]; totalCount: number } },
  { match: string | null }
>(`query Models($match: String) {
  registeredModels(match: $match, first: 200) { totalCount nodes { ${registeredModel} } }
}`);
export const modelQuestion = gql<{ registeredModel: RegisteredModelDetail | null }, { name: string }>(
  `query Model($name: String!) { registeredModel(name: $name) { ${registeredModel} tags { key value }
    versions(first: 200) { ${version} tags { key value } run { id name project status } } } }`,
);
export const modelVersionsQuestion = gql<ById<{ id: string; modelVersions: ModelVersion[] }>, Id>(
  `query ModelVersions($id: ID!) { run(id: $id) { id modelVersions { ${version} } } }`,
);

type ById<T> = { run: T | null };
interface Id {
  id: string;
}
export const runHeadQuestion = gql<ById<RunHead>, Id>(`query RunHead($id: ID!) { run(id: $id) { ${runHead} } }`);
export const metricKeysQuestion = gql<ById<{ id: string; metricKeys: string[] }>, Id>(
  `query MetricKeys($id: ID!) { run(id: $id) { id metricKeys(first: 5000) } }`,
);
export interface SeriesVariables {
  id: string;
  keys: string[];
  ranks: number[] | null;
  x: XAxis;
  from: number | null;
  to: number | null;
  buckets: number;
}
export const seriesQuestion = gql<ById<{ id: string; series: Series[] }>, SeriesVariables>(`
  query Series($id: ID!, $keys: [String!]!, $ranks: [Int!], $x: XAxis, $from: Float, $to: Float, $buckets: Int) {
    run(id: $id) { id series(keys: $keys, ranks: $ranks, x: $x, from: $from, to: $to, buckets: $buckets) {
      key rank x min max last oddX oddValue
    } }
  }`);
export interface BandVariables {
  id: string;
  key: string;
  from: number | null;
  to: number | null;
  buckets: number;
}
export const bandQuestion = gql<ById<{ id: string; band: Band }>, BandVariables>(`
  query Band($id: ID!, $key: String!, $from: Float, $to: Float, $buckets: Int) {
    run(id: $id) { id band(key: $key, from: $from, to: $to, buckets: $buckets) {
      key x min p5 p50 p95 max minRank maxRank ranks worstRank worstScore
    } }
  }`);
/** Bands of several metrics at once, as aliases b0, b1, …: who is at their ends. */
export type Bands = ById<{ id: string } & Record<`b${number}`, Band>>;
export function bandsQuestionText(keys: readonly string[]): string {
  const bands = keys.map(
    (key, i) => `b${i}: band(key: ${JSON.stringify(key)}, from: $from, buckets: 60) {
      key x min p5 p50 p95 max minRank maxRank ranks worstRank worstScore
    }`,
  );
  return `query Bands($id: ID!, $from: Float) { run(id: $id) { id ${bands.join(' ')} } }`;
}
export const ranksQuestion = gql<ById<{ id: string; ranks: RankState[] }>, Id>(`query Ranks($id: ID!) {
  run(id: $id) { id ranks(first: 20000) { rank attempt host lastStep lastSeenAt lag stepMs state } }
}`);
export interface Settings {
  id: string;
  params: Param[];
  summary: SummaryValue[];
  summarySet: Param[];
}
export const settingsQuestion = gql<ById<Settings>, Id>(`query Settings($id: ID!) {
  run(id: $id) { id params { key value } summarySet { key value }
    summary { key last lastStep min minStep minRank max maxStep maxRank count } }
}`);
export const environmentQuestion = gql<ById<{ id: string; environment: Environment | null }>, Id>(`
  query Environment($id: ID!) { run(id: $id) { id environment {
    gitCommit gitBranch gitDirty gitRemote command host user os runtime cwd launcher cpu cpuCount memoryBytes gpus
    packages { key value } seeds { key value }
  } } }`);
export const completenessQuestion = gql<ById<{ id: string; completeness: Completeness }>, Id>(`
  query Completeness($id: ID!) { run(id: $id) { id completeness {
    complete ranksExpected ranksHeard writers writersFinished batchesReceived batchesMissing gaps { writer rank attempt topic fromSeq toSeq }
  } } }`);
const artifact = `name type digest sizeBytes mime step loggedAt run url usedBy`;
export const artifactsQuestion = gql<ById<{ id: string; artifacts: Artifact[]; usedArtifacts: Artifact[] }>, Id>(`
  query Artifacts($id: ID!) { run(id: $id) { id artifacts { ${artifact} } usedArtifacts { ${artifact} } } }`);
const line = `rank attempt writer number stream time text`;
export interface LinePage {
  lines: Line[];
  startCursor: string | null;
  hasPreviousPage: boolean;
}
export const linesQuestion = gql<
  ById<{ id: string; lines: LinePage }>,
  { id: string; rank: number | null; match: string | null; before: string | null; last: number }
>(`query Lines($id: ID!, $rank: Int, $match: String, $before: String, $last: Int) {
  run(id: $id) { id lines(rank: $rank, match: $match, before: $before, last: $last) {
    startCursor hasPreviousPage lines { ${line} }
  } }
}`);

export const runChangedSubscription = `subscription RunChanged($project: String, $ids: [ID!], $after: String) {
  runChanged(project: $project, ids: $ids, after: $after) { cursor run { ${runState} } }
}`;
export const runHeadSubscription = `subscription RunHead($ids: [ID!], $after: String) {
  runChanged(ids: $ids, after: $after) { cursor run { ${runHead} } }
}`;
export const metricFramesSubscription = `
  subscription Frames($run: ID!, $keys: [String!], $ranks: [Int!], $after: String, $pointsMax: Int) {
    metricFrames(run: $run, keys: $keys, ranks: $ranks, after: $after, pointsMax: $pointsMax) { cursor frame }
  }`;
export const linesSubscription = `subscription Lines($run: ID!, $rank: Int, $after: String) {
  lines(run: $run, rank: $rank, after: $after) { cursor skipped lines { ${line} } }
}`;
