import type { RunRow, WriterRow } from '../run-table.js';

/** Writers send a heartbeat every 5 s; three missed ones are silence. */
export const silentAfterMs = 15_000;
/** A rank whose steps take this many times the median of the ranks is slow. */
const slowFactor = 1.5;
/** Or one that is this many steps, and this share of the job's steps, behind the foremost. */
const lagStepsMin = 10;
const lagShare = 0.05;

export type RankHealth = 'OK' | 'SLOW' | 'SILENT' | 'FINISHED' | 'FAILED';

/** What the metrics tell of a rank's progress. */
export interface Pace {
  readonly rank: number;
  readonly lastStep: number;
  /** Median ms between steps; null with fewer than two steps. */
  readonly stepMs: number | null;
}
export interface RankState {
  readonly rank: number;
  readonly attempt: number;
  readonly writer: string;
  readonly host: string | null;
  readonly lastStep: number | null;
  /** Unix ms. */
  readonly lastSeenAt: number;
  /** Steps behind the foremost rank. */
  readonly lag: number | null;
  readonly stepMs: number | null;
  readonly state: RankHealth;
}

/** Per rank of the run: its newest writer, how far it is, and how it is doing. In order of rank. */
export function rankStates(
  run: Pick<RunRow, 'attempts'>,
  writers: readonly WriterRow[],
  paces: readonly Pace[],
  nowMs: number,
): RankState[] {
  const newest = new Map<number, WriterRow>();
  const order = new Map(run.attempts.map(({ number }, index) => [number, index]));
  const newer = (a: WriterRow, b: WriterRow): boolean =>
    a.attempt !== b.attempt ? (order.get(a.attempt) ?? -1) > (order.get(b.attempt) ?? -1) : a.lastSeenAt > b.lastSeenAt;
  for (const writer of writers) {
    const known = newest.get(writer.rank);
    if (!known || newer(writer, known)) newest.set(writer.rank, writer);
  }
  const paceOf = new Map(paces.map((pace) => [pace.rank, pace]));
  const running = [...newest.values()].filter((writer) => writer.state === 'running');
  const medianStepMs = median(running.flatMap((writer) => paceOf.get(writer.rank)?.stepMs ?? []));
  const lastStepOf = (writer: WriterRow): number | null => writer.lastStep ?? paceOf.get(writer.rank)?.lastStep ?? null;
  const foremost = Math.max(...[...newest.values()].map((writer) => lastStepOf(writer) ?? -Infinity));
  return [...newest.values()]
    .sort((a, b) => a.rank - b.rank)
    .map((writer) => {
      const pace = paceOf.get(writer.rank);
      const lastStep = lastStepOf(writer);
      const lag = lastStep === null ? null : foremost - lastStep;
      const stepMs = pace?.stepMs ?? null;
      const slow =
        (stepMs !== null && medianStepMs !== null && stepMs > slowFactor * medianStepMs) ||
        (lag !== null && lag >= lagStepsMin && lag > lagShare * Math.abs(foremost));
      return {
        rank: writer.rank,
        attempt: writer.attempt,
        writer: writer.writer,
        host: writer.host === '' ? null : writer.host,
        lastStep,
        lastSeenAt: writer.lastSeenAt,
        lag,
        stepMs,
        state: health(writer, nowMs, slow),
      };
    });
}

function health(writer: WriterRow, nowMs: number, slow: boolean): RankHealth {
  switch (writer.state) {
    case 'finished':
      return 'FINISHED';
    case 'failed':
    case 'killed':
      return 'FAILED';
    case 'running':
      if (nowMs - writer.lastSeenAt > silentAfterMs) return 'SILENT';
      return slow ? 'SLOW' : 'OK';
  }
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
