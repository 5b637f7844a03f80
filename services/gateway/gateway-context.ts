import DataLoader from 'dataloader';
import type { Backend } from '#libs/backend/backend.js';
import type { Dataset, ModelMetric } from '#libs/domain/event.js';
import type { LoggedModelState } from '#libs/domain/logged-model-fold.js';
import type { TraceState } from '#libs/domain/trace-fold.js';
import type { MetricStore, SeriesColumns } from '#libs/metrics/metric-store.js';
import type { ModelVersionState, RegisteredModelState } from '#libs/domain/registry-fold.js';
import { parsePositionToken } from '#libs/domain/position-token.js';
import type { ArtifactRow, Page, ProjectRow, RunRow, SummaryRow } from '#libs/runs/run-table.js';
import type { DatasetRow, RunInputs } from '#libs/runs/tracking-tables.js';
import type { EventAcceptor } from '../ingest/accept-events.js';
import { gatherMetrics } from './gathered-metrics.js';

export type RunParent = RunRow;
export type ProjectParent = ProjectRow;
export type ArtifactParent = ArtifactRow & { readonly version?: number };
export interface RegisteredModelParent {
  readonly model: RegisteredModelState;
  /** By number. */
  readonly versions: readonly ModelVersionState[];
}
export interface ModelVersionParent {
  readonly version: ModelVersionState;
  readonly aliases: readonly string[];
}

export type LoggedModelParent = LoggedModelState;
export interface ModelOutputParent {
  readonly model: string;
  readonly step: number;
}
export type DatasetFactsParent = Dataset;
export type DatasetParent = DatasetRow;
export type TraceParent = TraceState;
export interface TraceConnectionParent extends Omit<Page<TraceState>, 'totalCount'> {
  /** Asked only where somebody wants to know. */
  readonly count: () => Promise<number>;
}

export interface ServerParent {
  readonly version: string;
}
/** Columns are made into lists where they are asked for. */
export interface SeriesParent {
  readonly columns: SeriesColumns;
  /** What x counts from. */
  readonly origin: number;
}

/** Made for each operation: loaders batch what the fields of one answer ask for. */
export interface GatewayContext {
  readonly backend: Backend;
  readonly acceptor: EventAcceptor;
  readonly authRequired: boolean;
  readonly version: string;
  readonly nowMs: number;
  readonly metrics: MetricStore;
  readonly summaries: DataLoader<string, readonly SummaryRow[]>;
  readonly metric: DataLoader<{ readonly run: string; readonly key: string }, SummaryRow | null, string>;
  /** What runs read and made. */
  readonly inputs: DataLoader<string, RunInputs | null>;
  readonly runs: DataLoader<string, RunRow | null>;
  readonly loggedModels: DataLoader<string, LoggedModelState | null>;
  readonly modelMetrics: DataLoader<string, readonly ModelMetric[]>;
  /** By the subject of a trace: its spans as texts. */
  readonly spans: DataLoader<string, readonly string[]>;
  readonly projects: DataLoader<string, ProjectRow | null>;
  readonly signal: AbortSignal;
}

/** Of a request over HTTP. */
export interface RequestContext extends GatewayContext {
  /** Where the answer is put when its columns are to be binary; null: they are not. */
  readonly columns: { answer?: Buffer } | null;
}

export interface GatewayParts {
  readonly backend: Backend;
  readonly acceptor: EventAcceptor;
  readonly authRequired: boolean;
  readonly version: string;
}

export function createGatewayContext(parts: GatewayParts, signal: AbortSignal): GatewayContext {
  const { runTable, metricStore, progress, tracking, clock } = parts.backend;
  return {
    ...parts,
    nowMs: clock(),
    signal,
    metrics: gatherMetrics(metricStore, signal, () => progress.look()),
    inputs: byKey(async (runs) => tracking.inputs(runs)),
    runs: byKey(async (ids) => new Map((await runTable.runs(ids)).map((run) => [run.id, run]))),
    loggedModels: byKey(async (ids) => {
      const models = await tracking.models.byId(ids);
      return new Map(models.filter(({ deleted }) => !deleted).map((model) => [model.id, model]));
    }),
    modelMetrics: new DataLoader(async (ids) => {
      const found = await tracking.models.metrics(ids);
      return ids.map((id) => found.get(id) ?? []);
    }),
    spans: new DataLoader(async (ids) => {
      const found = await tracking.traces.spans(ids);
      return ids.map((id) => found.get(id) ?? []);
    }),
    projects: new DataLoader(async (names) => Promise.all(names.map((name) => runTable.project(name)))),
    summaries: new DataLoader(async (runs) => {
      const found = await runTable.summaries(runs);
      return runs.map((run) => found.get(run) ?? []);
    }),
    metric: new DataLoader<{ run: string; key: string }, SummaryRow | null, string>(
      async (wanted) => {
        const found = await runTable.summaries(
          [...new Set(wanted.map(({ run }) => run))],
          [...new Set(wanted.map(({ key }) => key))],
        );
        return wanted.map(({ run, key }) => found.get(run)?.find((row) => row.key === key) ?? null);
      },
      { cacheKeyFn: ({ run, key }) => `${run} ${key}` },
    ),
  };
}

/** What is not there is null. */
const byKey = <T>(load: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>): DataLoader<string, T | null> =>
  new DataLoader(async (keys) => {
    const found = await load(keys);
    return keys.map((key) => found.get(key) ?? null);
  });

/** Those that are there; an outage is not one that is not there. */
export async function loadAll<T>(loader: DataLoader<string, T | null>, keys: readonly string[]): Promise<T[]> {
  const found: T[] = [];
  for (const value of await loader.loadMany(keys)) {
    if (value instanceof Error) throw value;
    if (value !== null) found.push(value);
  }
  return found;
}

/** How long a read waits for the position it asks for. */
export const readYourWritesTimeoutMs = 10_000;

/** Law 5: a read that names a position sees at least that. */
export async function reach(context: GatewayContext, at: string | null | undefined): Promise<void> {
  if (at === null || at === undefined || at === '') return;
  const { backend } = context;
  const names = backend.families.map((family) => family.name);
  await backend.progress.waitFor(names, parsePositionToken(at), readYourWritesTimeoutMs);
}
