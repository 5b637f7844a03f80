import { readExactJson } from '#libs/domain/exact-json.js';
import { attemptStatus, inTrainingOrder } from '#libs/domain/run-fold-attempts.js';
import type { RunState } from '#libs/domain/run-fold.js';
import { telemetryShards } from '#libs/log/event-record.js';
import type { RunRow } from '../run-table.js';

export interface AttemptSteps {
  readonly run: string;
  readonly attempt: number;
  readonly first: number | null;
  readonly last: number | null;
}

/** Unix ms of an attempt's last heartbeat. */
export interface AttemptBeat {
  readonly run: string;
  readonly attempt: number;
  readonly at: number;
}

const parsed = (entries: readonly (readonly [string, string])[]): Record<string, unknown> =>
  Object.fromEntries(entries.map(([key, json]) => [key, readExactJson(json)]));

/** The stored state of a run as readers see it. */
export function readRunRow(
  state: RunState,
  heartbeatAt: number,
  steps: readonly AttemptSteps[],
  beats: readonly AttemptBeat[],
): RunRow {
  const { facts } = state;
  const ranks = Math.max(1, state.worldSize, ...state.attempts.map(({ worldSize }) => worldSize));
  return {
    id: state.id,
    project: facts.project.value,
    name: facts.name.value,
    group: facts.group.value,
    jobType: facts.jobType.value,
    user: facts.user.value,
    notes: facts.notes.value,
    tags: Object.fromEntries(Object.entries(state.tags).map(([key, { value }]) => [key, value])),
    labels: state.labels,
    status: state.status,
    statusReason: state.statusReason,
    archived: state.archived,
    startedAt: state.startedAt,
    endedAt: state.endedAt,
    heartbeatAt,
    worldSize: state.worldSize,
    shards: Math.min(ranks, telemetryShards),
    costPerHour: state.costPerHour.value,
    params: parsed(Object.entries(state.params).map(([key, { value }]) => [key, value])),
    summarySet: parsed(Object.entries(state.summarySet)),
    environment: state.environment.value,
    attempts: inTrainingOrder(state.attempts).map((attempt) => {
      const status = attemptStatus(attempt);
      const written = steps.find((row) => row.attempt === attempt.number);
      return {
        number: attempt.number,
        launch: attempt.launch ?? '',
        startedAt: attempt.startedAt ?? state.startedAt,
        endedAt: status === 'running' ? null : attempt.endedAt,
        fromStep: attempt.fromStep ?? written?.first ?? null,
        toStep: written?.last ?? null,
        worldSize: attempt.worldSize,
        state: status,
        beatAt: beats.find((beat) => beat.attempt === attempt.number)?.at ?? null,
      };
    }),
    forkOf: state.forkOf,
  };
}
