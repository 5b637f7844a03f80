import { gql } from 'urql';
import type { Float64, Json, Param, RunStatus, Tag } from './types.js';

export type TraceStatus = 'IN_PROGRESS' | 'OK' | 'ERROR' | 'UNSET';
export interface TraceRow {
  id: string;
  world: string;
  project: string;
  name: string | null;
  status: TraceStatus;
  startedAt: number;
  durationMs: number | null;
  requestPreview: string | null;
  responsePreview: string | null;
}
export interface Span {
  id: string;
  parentId: string | null;
  name: string;
  type: string | null;
  status: TraceStatus;
  statusMessage: string | null;
  offsetMs: number;
  durationMs: number | null;
  inputs: Json;
  outputs: Json;
  attributes: Param[];
  events: { name: string; time: number; attributes: Param[] }[];
}
export interface Assessment {
  id: string;
  name: string;
  kind: string;
  value: Json;
  error: string | null;
  rationale: string | null;
  sourceId: string | null;
  valid: boolean;
}
export interface Trace extends TraceRow {
  tags: Tag[];
  metadata: Tag[];
  tokenUsage: { input: number | null; output: number | null; total: number | null } | null;
  assessments: Assessment[];
  runs: { id: string; name: string }[];
  spanCount: number;
  spans: Span[];
}
interface PageInfo {
  hasNextPage: boolean;
  endCursor: string | null;
}

const traceRow = 'id world project name status startedAt durationMs requestPreview responsePreview';
export interface TracesVariables {
  project: string | null;
  run: string | null;
  filter: string | null;
  after: string | null;
}
export const tracesQuestion = gql<{ traces: { nodes: TraceRow[]; pageInfo: PageInfo } }, TracesVariables>(
  `query Traces($project: String, $run: ID, $filter: String, $after: String) {
    traces(project: $project, run: $run, filter: $filter, first: 50, after: $after) {
      pageInfo { hasNextPage endCursor } nodes { ${traceRow} }
    }
  }`,
);
export const spansShownMax = 1_000;
export const traceQuestion = gql<{ trace: Trace | null }, { id: string; world: string }>(
  `query Trace($id: ID!, $world: String) { trace(id: $id, world: $world) { ${traceRow}
    tags { key value } metadata { key value } tokenUsage { input output total } spanCount runs { id name }
    assessments { id name kind value error rationale sourceId valid }
    spans(first: ${spansShownMax}) { id parentId name type status statusMessage offsetMs durationMs inputs outputs
      attributes { key value } events { name time attributes { key value } } }
  } }`,
);

export interface LoggedModel {
  id: string;
  project: string;
  name: string;
  modelType: string | null;
  status: string;
  createdAt: number;
  run: { id: string; name: string; status: RunStatus } | null;
  params: Param[];
  metrics: { key: string; value: Float64; step: number; datasetName: string | null }[];
  files: { path: string; sizeBytes: number; url: string }[];
}
const loggedModel = `id project name modelType status createdAt run { id name status } params { key value }
  metrics(first: 50) { key value step datasetName } files(first: 50) { path sizeBytes url }`;
export interface RunInputs {
  id: string;
  inputs: {
    context: string | null;
    dataset: {
      name: string;
      digest: string;
      sourceType: string;
      source: string;
      schema: string | null;
      profile: string | null;
    };
  }[];
  modelInputs: LoggedModel[];
  loggedModels: LoggedModel[];
}
export const inputsQuestion = gql<{ run: RunInputs | null }, { id: string }>(
  `query Inputs($id: ID!) { run(id: $id) { id
    inputs { context dataset { name digest sourceType source schema profile } }
    modelInputs { ${loggedModel} } loggedModels { ${loggedModel} }
  } }`,
);
export const loggedModelsQuestion = gql<
  { loggedModels: { nodes: LoggedModel[]; totalCount: number; pageInfo: PageInfo } },
  { project: string; filter: string | null; after: string | null }
>(
  `query LoggedModels($project: String, $filter: String, $after: String) {
    loggedModels(project: $project, filter: $filter, first: 50, after: $after) {
      totalCount pageInfo { hasNextPage endCursor } nodes { ${loggedModel} }
    }
  }`,
);
