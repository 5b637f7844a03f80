/** One measured number; the note says what was run, so that it can be told from a scaled-down run. */
export interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  readonly note: string;
}

export interface Bench {
  /** Scaled-down sizes: minutes instead of a quarter of an hour. */
  readonly quick: boolean;
  print(figure: string, value: number, unit: string, note: string): void;
  /** What is going on, for a person who waits; not a figure. */
  say(line: string): void;
}

/** What docs/figures.md holds a figure against. */
const goals: Readonly<Record<string, readonly ['>=' | '<=', number]>> = {
  'ingest.ratio': ['>=', 0.5],
  'live.p99_ms': ['<=', 250],
  'poll.p95_ms': ['<=', 250],
  'log.p50_us': ['<=', 10],
  'log.p99_us': ['<=', 20],
  'sdk.points_per_s': ['>=', 500_000],
  'chart.p95_ms': ['<=', 50],
  'band.p95_ms': ['<=', 150],
  'screen.p95_ms': ['<=', 40],
  'overlay.p95_ms': ['<=', 40],
  'search.p95_ms': ['<=', 100],
  'metrics.bytes_per_point': ['<=', 3.2],
  'log.bytes_per_point': ['<=', 6],
  'rebuild.points_per_s': ['>=', 2_000_000],
  'start.ms': ['<=', 3_000],
  'idle.rss_mb': ['<=', 600],
  'runstream.batch1.cpu_s_per_m': ['<=', 5],
  'runstream.batch8.cpu_s_per_m': ['<=', 5],
  'wandb.one.cpu_s_per_m': ['<=', 2],
  'wandb.eight.cpu_s_per_m': ['<=', 2],
  'wandb.runs.p50_ms': ['<=', 100],
};

/** " (goal <= 250: met)", or nothing for a figure without a goal. */
export function verdictOn({ figure, value }: Figure): string {
  const goal = goals[figure];
  if (!goal) return '';
  const met = goal[0] === '>=' ? value >= goal[1] : value <= goal[1];
  return `goal ${goal[0]} ${goal[1].toLocaleString('en')}: ${met ? 'met' : 'missed'}`;
}

export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]!;
}
export const median = (values: readonly number[]): number => quantile(values, 0.5);
export const round = (value: number): number => Number(value.toPrecision(4));
