import DataLoader from 'dataloader';
import type { Backend } from '#libs/backend/backend.js';
import type { ModelVersionState, RegisteredModelState } from '#libs/domain/registry-fold.js';
import { parsePositionToken } from '#libs/domain/position-token.js';
import type { ArtifactRow, ProjectRow, RunRow, SummaryRow } from '#libs/runs/run-table.js';
import type { EventAcceptor } from '../ingest/accept-events.js';

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

/** Made for each operation: loaders batch what the fields of one answer ask for. */
export interface GatewayContext {
  readonly backend: Backend;
  readonly acceptor: EventAcceptor;
  readonly authRequired: boolean;
  readonly version: string;
  readonly nowMs: number;
  readonly summaries: DataLoader<string, readonly SummaryRow[]>;
  readonly metric: DataLoader<{ readonly run: string; readonly key: string }, SummaryRow | null, string>;
  readonly signal: AbortSignal;
}

export interface GatewayParts {
  readonly backend: Backend;
  readonly acceptor: EventAcceptor;
  readonly authRequired: boolean;
  readonly version: string;
}

export function createGatewayContext(parts: GatewayParts, signal: AbortSignal): GatewayContext {
  const { runTable, clock } = parts.backend;
  return {
    ...parts,
    nowMs: clock(),
    signal,
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

/** How long a read waits for the position it asks for. */
export const readYourWritesTimeoutMs = 10_000;

/** Law 5: a read that names a position sees at least that. */
export async function reach(context: GatewayContext, at: string | null | undefined): Promise<void> {
  if (at === null || at === undefined || at === '') return;
  const { backend } = context;
  const names = backend.families.map((family) => family.name);
  await backend.progress.waitFor(names, parsePositionToken(at), readYourWritesTimeoutMs);
}
