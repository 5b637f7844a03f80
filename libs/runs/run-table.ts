import type { Environment, RunStatus, Tags, Topic } from '#libs/domain/event.js';
import type { Rejection } from '#libs/domain/rejection.js';

export interface ProjectRow {
  /** What runs call it. */
  readonly name: string;
  /** What people call it: the name, until it is renamed. */
  readonly title: string;
  /** Whose project it is: "" for everybody's, else a tenant's. */
  readonly world: string;
  /** From the catalog's total order, from 1; what a client that wants numeric ids (MLflow) is given. */
  readonly number: number;
  readonly description: string;
  readonly tags: Tags;
  readonly createdAt: number;
  readonly runCount: number;
  readonly activeRunCount: number;
  readonly lastActivityAt: number | null;
}

export interface AttemptRow {
  readonly number: number;
  readonly launch: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** First step it wrote (or said it would go on from). */
  readonly fromStep: number | null;
  readonly toStep: number | null;
  readonly worldSize: number;
  /** As told by its writers; `run-standing.ts` says how it is now. */
  readonly state: Exclude<RunStatus, 'lost'>;
  /** Unix ms of its last heartbeat, by the log's clock. */
  readonly beatAt: number | null;
}

export interface SummaryRow {
  readonly key: string;
  readonly last: number;
  readonly lastStep: number;
  /** Unix ms of it. */
  readonly lastTime: number;
  readonly min: number | null;
  readonly minStep: number | null;
  readonly minRank: number | null;
  readonly max: number | null;
  readonly maxStep: number | null;
  readonly maxRank: number | null;
  /** Points received, duplicates not counted. */
  readonly count: number;
}

/** One writer's accounting: everything up to `contiguousSeq` has arrived, `gaps` are inclusive ranges missing below `maxSeq`. */
export interface WriterRow {
  readonly writer: string;
  readonly attempt: number;
  readonly rank: number;
  readonly host: string;
  readonly topics: readonly {
    readonly topic: Topic;
    readonly contiguousSeq: number;
    readonly maxSeq: number;
    /** What the writer said its last one was, when it finished. */
    readonly lastSeq: number | null;
    readonly gaps: readonly (readonly [from: number, to: number])[];
  }[];
  readonly lastStep: number | null;
  /** Unix ms by the log's clock. */
  readonly lastSeenAt: number;
  readonly state: 'running' | 'finished' | 'failed' | 'killed';
}

export interface ArtifactRow {
  readonly run: string;
  readonly name: string;
  readonly type: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly mime: string;
  readonly metadata: Tags;
  readonly step: number | null;
  readonly loggedAt: number;
}

export interface RunRow {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly group: string;
  readonly jobType: string;
  readonly user: string;
  readonly notes: string;
  readonly tags: Tags;
  readonly labels: readonly string[];
  /** As told by its writers, and so are reason and end; `run-standing.ts` says how it is now. */
  readonly status: Exclude<RunStatus, 'lost'>;
  readonly statusReason: string;
  readonly archived: boolean;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** Last sign of life of any writer, by the log's clock. */
  readonly heartbeatAt: number;
  readonly worldSize: number;
  readonly shards: number;
  readonly costPerHour: number;
  readonly params: Readonly<Record<string, unknown>>;
  readonly summarySet: Readonly<Record<string, unknown>>;
  readonly environment: Environment | null;
  /** In the order of the training. */
  readonly attempts: readonly AttemptRow[];
  readonly forkOf: { readonly run: string; readonly attempt: number | null; readonly step: number | null } | null;
}

export interface RunSearch {
  readonly project?: string | undefined;
  readonly filter?: string | undefined;
  readonly orderBy?: string | undefined;
  readonly first: number;
  readonly after?: string | undefined;
  readonly archived?: boolean | undefined;
  /** Now, for `attributes.status = 'LOST'` and durations of running runs. */
  readonly nowMs: number;
}
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** One cursor per row. */
  readonly cursors: readonly string[];
  readonly hasNextPage: boolean;
  readonly totalCount: number;
}

/** Runs counted by what they have in common. */
export interface RunGrouping extends Pick<RunSearch, 'project' | 'filter' | 'archived' | 'nowMs'> {
  /** Fields of the search language; none: all runs are one group. */
  readonly by: readonly string[];
  /** Metrics whose last values are summed up in each group. */
  readonly metrics: readonly string[];
  readonly first: number;
}
/** A metric's last values within a group; NaN counts as no value. */
export interface GroupedMetric {
  readonly key: string;
  /** Runs that have a number there. */
  readonly count: number;
  readonly mean: number | null;
  /** Of a sample; null for a single value. */
  readonly std: number | null;
  readonly min: number | null;
  readonly max: number | null;
}
export interface RunGroup {
  /** As texts, one per field; null for runs without it. */
  readonly values: readonly (string | null)[];
  readonly count: number;
  readonly metrics: readonly GroupedMetric[];
  /** Finds the runs of this group and no other, within the same project; null where it would be longer than a filter may be. */
  readonly filter: string | null;
}
export interface RunGroups {
  /** Exact, however many. */
  readonly runCount: number;
  readonly groupCount: number;
  /** The largest first. */
  readonly groups: readonly RunGroup[];
}
export type RunKeyKind = 'metrics' | 'params' | 'tags';

export type Verdict =
  | {
      readonly accepted: true;
      readonly attempt: number | null;
      readonly attemptStartedAtMs?: number;
      readonly number?: number;
    }
  | { readonly accepted: false; readonly rejection: Rejection };

/** Reading the run tables. Refuses a bad filter or cursor with a `Rejection`; deleted runs are not there. */
export interface RunTable {
  project(name: string): Promise<ProjectRow | null>;
  projects(query: {
    first: number;
    after?: string | undefined;
    match?: string | undefined;
    nowMs: number;
  }): Promise<Page<ProjectRow>>;
  run(id: string): Promise<RunRow | null>;
  runs(ids: readonly string[]): Promise<readonly RunRow[]>;
  search(query: RunSearch): Promise<Page<RunRow>>;
  groups(query: RunGrouping): Promise<RunGroups>;
  /** Keys of a project's newest runs (of all projects' without one), those of the most runs first. */
  keys(query: {
    project?: string | undefined;
    kind: RunKeyKind;
    match?: string | undefined;
    first: number;
  }): Promise<readonly string[]>;
  /** Forks of a run, and runs nested in it. */
  children(id: string, first: number): Promise<readonly RunRow[]>;
  summaries(runs: readonly string[], keys?: readonly string[]): Promise<ReadonlyMap<string, readonly SummaryRow[]>>;
  writers(run: string): Promise<readonly WriterRow[]>;
  artifacts(run: string, kind: 'logged' | 'used'): Promise<readonly ArtifactRow[]>;
  artifactLineage(
    digest: string,
  ): Promise<{ sizeBytes: number | null; loggedBy: readonly string[]; usedBy: readonly string[] }>;
  /** Verdict of an event sent with `reply`, null while the fold has not reached it. */
  verdict(eventId: string): Promise<Verdict | null>;
  /** API keys that are not revoked: hash -> key. */
  apiKeys(): Promise<
    readonly { keyId: string; name: string; hash: string; scopes: readonly string[]; createdAt: number }[]
  >;
}
