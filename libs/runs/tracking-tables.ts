import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { Dataset, ModelMetric } from '#libs/domain/event.js';
import type { LoggedModelState } from '#libs/domain/logged-model-fold.js';
import type { RunState } from '#libs/domain/run-fold.js';
import type { TraceState } from '#libs/domain/trace-fold.js';
import type { Page } from './run-table.js';
import type { Filter, Order } from './search/ast.js';
import type { Clause } from './search/comparisons.js';
import type { Shown } from './search/compile.js';

/** Which of the deleted ones are asked for. */
export type View = 'active' | 'deleted' | 'all';

/** The last value of a metric: of the highest step, then time, then value. */
export interface LatestMetric {
  readonly key: string;
  readonly value: number;
  readonly step: number;
  readonly timeMs: number;
}

/** What a run read and made, beside files. */
export interface RunInputs {
  readonly datasets: readonly Dataset[];
  readonly modelsUsed: readonly string[];
  readonly modelsMade: readonly { readonly model: string; readonly step: number }[];
}

/** A run with everything that a tracker's client can ask of it, deleted or not. */
export interface TrackedRun extends RunInputs {
  readonly state: RunState;
  readonly metrics: readonly LatestMetric[];
}

/** A data set, whichever runs read it; what is said of it is what its first run said. */
export interface DatasetRow extends Dataset {
  /** What it was read for, by the tag that clients set: "training", "eval". */
  readonly contexts: readonly string[];
  /** Newest first, the first hundred of them. */
  readonly runs: readonly string[];
  readonly runCount: number;
  readonly loggedAt: number;
}
export interface DatasetSearch {
  /** null: of all projects that are not deleted. */
  readonly projects: readonly string[] | null;
  /** Part of the name. */
  readonly match: string;
  readonly first: number;
  readonly after: string | undefined;
}

export interface TrackedSearch {
  /** Runs of these projects; those of the second list count as deleted, for their project is. */
  readonly projects: readonly string[];
  readonly deletedProjects: readonly string[];
  readonly view: View;
  readonly filter: Filter | null;
  /** The text of the filter, for refusals that point at a place. */
  readonly source: string;
  /** For filters and orders that name what is shown; null: none does. */
  readonly shown: Shown | null;
  /** Then newest first, then by id. */
  readonly orders: readonly Order[];
  readonly limit: number;
  readonly offset: number;
}

export interface StoredFile {
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly mime: string;
}
export interface FileEntry {
  /** Name within the folder. */
  readonly name: string;
  readonly folder: boolean;
  readonly sizeBytes: number;
}

/**
 * Reading what clients of other trackers address: projects by world, number and title, runs whether deleted or not, logged models,
 * files by path, traces. Translating words and refusing commands is not its business.
 */
export interface TrackingTables {
  /** All projects of a world, deleted ones included, in order of their numbers. */
  projects(world: string): Promise<readonly ProjectState[]>;
  /** In the order asked for; unknown ones are left out. */
  runs(ids: readonly string[]): Promise<readonly TrackedRun[]>;
  /** One row more than `limit` tells that there are more. */
  search(query: TrackedSearch): Promise<readonly TrackedRun[]>;
  /** Without the metrics, which may be many; runs that read and made nothing are left out. */
  inputs(runs: readonly string[]): Promise<ReadonlyMap<string, RunInputs>>;
  /** Of runs that are not deleted, the last read first. */
  datasets(search: DatasetSearch): Promise<Page<DatasetRow>>;
  readonly models: LoggedModels;
  readonly files: FileTable;
  readonly traces: TraceTable;
}

export interface LoggedModels {
  /** Deleted ones included. */
  byId(ids: readonly string[]): Promise<readonly LoggedModelState[]>;
  /** Those that are not deleted, newest first; null: of all projects that are not deleted. */
  ofProjects(projects: readonly string[] | null): Promise<readonly LoggedModelState[]>;
  /** Those that are not deleted and name one of these runs as their source, newest first. */
  ofRuns(runs: readonly string[]): Promise<readonly LoggedModelState[]>;
  metrics(ids: readonly string[]): Promise<ReadonlyMap<string, readonly ModelMetric[]>>;
}

export interface FileTable {
  file(world: string, path: string): Promise<StoredFile | null>;
  /** Those of these paths that are there, in no order. */
  some(world: string, paths: readonly string[]): Promise<readonly StoredFile[]>;
  /** What lies directly in a folder ("" is the root), by name; empty when there is no such folder. */
  list(world: string, folder: string): Promise<readonly FileEntry[]>;
  /** Every file below a folder, and the file of that name itself. */
  below(world: string, path: string): Promise<readonly StoredFile[]>;
}

/** What a trace can be asked about. Assessments by name: feedback of people and judges, expectations. */
export type TraceField =
  | {
      readonly kind: 'column';
      readonly name: 'id' | 'project' | 'timeMs' | 'durationMs' | 'endMs' | 'state' | 'clientRequestId';
    }
  | { readonly kind: 'tag' | 'metadata' | 'feedback' | 'expectation'; readonly key: string }
  /** Of any of its spans: name, type, status, or an attribute by its key. */
  | { readonly kind: 'span'; readonly field: 'name' | 'type' | 'status' | 'attribute'; readonly key: string }
  /** The run it was made in, or one that it was linked to; the text of its spans: names, values of attributes and events. */
  | { readonly kind: 'run' | 'spans' };
export interface TraceSearch {
  /** null: of all projects that are not deleted. */
  readonly projects: readonly string[] | null;
  readonly clauses: readonly (Pick<Clause, 'operator' | 'values'> & { readonly of: TraceField })[];
  /** Then newest first, then by id. */
  readonly orders: readonly { readonly of: TraceField; readonly descending: boolean }[];
  readonly limit: number;
  readonly offset: number;
  /** Behind this one, in the usual order: newest first. */
  readonly after?: { readonly timeMs: number; readonly id: string };
}

export interface TraceTable {
  /** Those that are not deleted, in no order. */
  byId(ids: readonly string[]): Promise<readonly TraceState[]>;
  /** One more than `limit` tells that there are more. */
  search(search: TraceSearch): Promise<readonly TraceState[]>;
  /** How many there are, counted to `max`. */
  count(search: Pick<TraceSearch, 'projects' | 'clauses'>, max: number): Promise<number>;
  /** Spans of each trace as OTLP JSON texts, in order of their ids. */
  spans(ids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
}
