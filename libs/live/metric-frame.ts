import type { PointBlock } from '#libs/domain/event.js';

/** JSON can't say NaN: such values travel as the strings "NaN", "Infinity", "-Infinity". */
export type JsonValue = number | 'NaN' | 'Infinity' | '-Infinity';
export const toJsonValue = (value: number): JsonValue =>
  Number.isFinite(value) ? value : (String(value) as JsonValue);

export interface FrameSeries {
  readonly key: string;
  readonly rank: number;
  readonly attempt: number;
  readonly step: number[];
  readonly value: JsonValue[];
  /** Unix ms. */
  readonly time: number[];
}
export interface MetricFrame {
  /** Where the next frame begins. */
  readonly cursor: string;
  readonly snapshot: boolean;
  readonly series: readonly FrameSeries[];
}

/** Which series a viewer wants; undefined: all. */
export interface SeriesFilter {
  readonly keys?: ReadonlySet<string> | undefined;
  readonly ranks?: ReadonlySet<number> | undefined;
}

/** Collects points into columns, one set per (key, rank, attempt). */
export class FrameBuilder {
  private readonly series = new Map<string, FrameSeries>();
  points = 0;

  constructor(private readonly filter: SeriesFilter) {}

  add(block: PointBlock, rank: number, attempt: number, timeMs: number): void {
    const { keys, ranks } = this.filter;
    if (ranks && !ranks.has(rank)) return;
    const rows = block.steps.length;
    block.keys.forEach((key, k) => {
      if (keys && !keys.has(key)) return;
      const columns = this.columns(key, rank, attempt);
      for (let i = 0; i < rows; i++) {
        columns.step.push(block.steps[i]!);
        columns.value.push(toJsonValue(block.values[k * rows + i]!));
        columns.time.push(block.times ? block.times[i]! : timeMs);
      }
      this.points += rows;
    });
  }

  append(series: readonly FrameSeries[]): void {
    for (const { key, rank, attempt, step, value, time } of series) {
      const columns = this.columns(key, rank, attempt);
      for (let i = 0; i < step.length; i++) {
        columns.step.push(step[i]!);
        columns.value.push(value[i]!);
        columns.time.push(time[i]!);
      }
      this.points += step.length;
    }
  }

  take(): readonly FrameSeries[] {
    const series = [...this.series.values()];
    this.series.clear();
    this.points = 0;
    return series;
  }

  private columns(key: string, rank: number, attempt: number): FrameSeries {
    const name = `${attempt} ${rank} ${key}`;
    let columns = this.series.get(name);
    if (!columns) this.series.set(name, (columns = { key, rank, attempt, step: [], value: [], time: [] }));
    return columns;
  }
}
