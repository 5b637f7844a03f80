/** The answers of services/gateway/schema.graphql that the pages ask for. */
export type Float64 = number | 'NaN' | 'Infinity' | '-Infinity' | null;
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type RunStatus = 'RUNNING' | 'FINISHED' | 'FAILED' | 'KILLED' | 'LOST';
export type RankHealth = 'OK' | 'SLOW' | 'SILENT' | 'FINISHED' | 'FAILED';
export type XAxis = 'STEP' | 'TIME' | 'RELATIVE';

export interface Tag {
  key: string;
  value: string;
}
export interface Param {
  key: string;
  value: Json;
}
export interface Project {
  name: string;
  title: string;
  description: string;
  createdAt: number;
  runCount: number;
  activeRunCount: number;
  lastActivityAt: number | null;
}
export interface ModelVersion {
  name: string;
  version: number;
  stage: string;
  description: string;
  aliases: string[];
  source: string;
  loggedModel: string | null;
  runId: string | null;
  createdAt: number;
}
export interface ModelVersionOfRun extends ModelVersion {
  run: { id: string; name: string; project: string; status: RunStatus } | null;
  tags: Tag[];
}
export interface RegisteredModel {
  name: string;
  description: string;
  updatedAt: number;
  versionCount: number;
  aliases: { alias: string; version: number }[];
  latestVersion: ModelVersion | null;
}
export interface RegisteredModelDetail extends RegisteredModel {
  tags: Tag[];
  versions: ModelVersionOfRun[];
}
export interface RunState {
  id: string;
  name: string;
  project: string;
  group: string | null;
  user: string | null;
  status: RunStatus;
  statusReason: string | null;
  startedAt: number;
  endedAt: number | null;
  durationMs: number | null;
  worldSize: number;
  archived: boolean;
}
export interface SummaryValue {
  key: string;
  last: Float64;
  lastStep: number | null;
  min: Float64;
  minStep: number | null;
  minRank: number | null;
  max: Float64;
  maxStep: number | null;
  maxRank: number | null;
  count: number;
}
export interface Attempt {
  number: number;
  startedAt: number;
  endedAt: number | null;
  fromStep: number | null;
  toStep: number | null;
  worldSize: number;
  state: string;
}
export interface RunHead extends RunState {
  jobType: string | null;
  notes: string;
  tags: Tag[];
  labels: string[];
  heartbeatAt: number | null;
  attempts: Attempt[];
  forkOf: { run: string; attempt: number | null; step: number | null } | null;
}
export interface Environment {
  gitCommit: string | null;
  gitBranch: string | null;
  gitDirty: boolean | null;
  gitRemote: string | null;
  command: string | null;
  host: string | null;
  user: string | null;
  os: string | null;
  runtime: string | null;
  cwd: string | null;
  launcher: string | null;
  cpu: string | null;
  cpuCount: number | null;
  memoryBytes: number | null;
  gpus: string[];
  packages: Tag[];
  seeds: Tag[];
}
export interface Series {
  key: string;
  rank: number;
  x: Float64[];
  min: Float64[];
  max: Float64[];
  last: Float64[];
  oddX: Float64[];
  oddValue: Float64[];
}
export interface Band {
  key: string;
  x: Float64[];
  min: Float64[];
  p5: Float64[];
  p50: Float64[];
  p95: Float64[];
  max: Float64[];
  minRank: number[];
  maxRank: number[];
  ranks: number;
  worstRank: number | null;
  worstScore: number | null;
}
export interface RankState {
  rank: number;
  attempt: number;
  host: string | null;
  lastStep: number | null;
  lastSeenAt: number | null;
  lag: number | null;
  stepMs: number | null;
  state: RankHealth;
}
export interface Completeness {
  ranksExpected: number;
  ranksHeard: number;
  complete: boolean;
  writers: number;
  writersFinished: number;
  batchesReceived: number;
  batchesMissing: number;
  gaps: { writer: string; rank: number; attempt: number; topic: string; fromSeq: number; toSeq: number }[];
}
export interface Artifact {
  name: string;
  type: string;
  digest: string;
  sizeBytes: number;
  mime: string | null;
  step: number | null;
  loggedAt: number;
  run: string;
  url: string;
  usedBy: string[];
}
export interface Line {
  rank: number;
  attempt: number;
  writer: string;
  number: number;
  stream: string;
  time: number;
  text: string;
}
export interface FrameSeries {
  key: string;
  rank: number;
  attempt: number;
  step: number[];
  value: Float64[];
  time: number[];
}
export interface Frame {
  cursor: string;
  snapshot: boolean;
  series: FrameSeries[];
}
export interface CommandResult {
  position: string | null;
  run: RunHead | null;
  error: { code: string; message: string; field: string | null } | null;
}
