import type { ArtifactStore } from '#libs/artifacts/artifact-store.js';
import type { Configuration } from '#libs/config/configuration.js';
import type { LogTail } from '#libs/live/log-tail.js';
import type { MetricFrames } from '#libs/live/metric-frames.js';
import type { EventLog } from '#libs/log/event-log.js';
import type { MetricStore } from '#libs/metrics/metric-store.js';
import type { SqlDoor } from '#libs/metrics/sql/sql-door.js';
import type { Notices } from '#libs/observability/notices.js';
import type { Progress } from '#libs/projecting/progress.js';
import type { ProjectionFamily } from '#libs/projecting/projection.js';
import type { ModelRegistry } from '#libs/registry/model-registry.js';
import type { RunTable, Verdict } from '#libs/runs/run-table.js';
import type { NextStep } from './next-step.js';
import type { TrackingTables } from '#libs/runs/tracking-tables.js';

export interface BrokenTables {
  readonly projection: 'runs' | 'points';
  /** What the store said; null: tables are missing, which a look tells. */
  readonly damage: string | null;
}

/** The opened ports: all that a role needs. Built once from the configuration; nothing reads global state. */
export interface Backend {
  readonly configuration: Configuration;
  readonly log: EventLog;
  readonly runTable: RunTable;
  readonly tracking: TrackingTables;
  readonly registry: ModelRegistry;
  readonly metricStore: MetricStore;
  readonly sqlDoor: SqlDoor;
  readonly artifactStore: ArtifactStore;
  readonly families: readonly ProjectionFamily[];
  readonly progress: Progress;
  readonly tail: LogTail;
  readonly frames: MetricFrames;
  /** Verdict of an event sent with `reply`; null when it did not come in time. */
  readonly verdict: (eventId: string) => Promise<Verdict | null>;
  readonly nextStep: NextStep;
  /** Other processes work on the same stores: projectors are paused through the checkpoints, and switches are watched for. */
  readonly shared: boolean;
  /** What an operator should know: shown by readiness. */
  readonly notices: Notices;
  readonly clock: () => number;
  readonly newId: () => string;
  /** Who is told when a store says that its tables are missing, or damaged. */
  onBrokenTables(handler: (broken: BrokenTables) => void): void;
  close(): Promise<void>;
}
