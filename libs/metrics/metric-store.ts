import type { RichKind } from '#libs/domain/event.js';

/**
 * Questions to the metric store. Runs and keys are given by name; hashing is the adapter's business. All results show a point once,
 * also before any merge, and attempts stitched: of steps that a later attempt ran again only the later one's points are seen
 * (unless `attempt` asks for one attempt). Every value is an IEEE double: NaN and infinities come back as what they were.
 */
export interface Window {
  readonly x: 'step' | 'time';
  /** Inclusive; Unix ms for x = 'time'. */
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
}

export interface SeriesQuery extends Window {
  readonly run: string;
  readonly keys: readonly string[];
  /** All ranks when absent. */
  readonly ranks?: readonly number[] | undefined;
  readonly attempt?: number | undefined;
  /** As if no later attempt had been made. */
  readonly attemptMax?: number | undefined;
  /** Upper bound of buckets per (key, rank). */
  readonly buckets: number;
  /** Counts are not asked for, and are not to be relied on: to count without counting twice takes a query of its own. */
  readonly countless?: boolean | undefined;
}

/** Columns of equal length, one entry per non-empty bucket, in order of x. Finite values only; others are in `odd…`. */
export interface SeriesColumns {
  readonly key: string;
  readonly rank: number;
  readonly x: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
  readonly count: Float64Array;
  readonly oddX: Float64Array;
  readonly oddValue: Float64Array;
}

export interface BandQuery {
  readonly run: string;
  readonly key: string;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly attemptMax?: number | undefined;
  readonly buckets: number;
}
export interface BandColumns {
  readonly key: string;
  readonly x: Float64Array;
  readonly min: Float64Array;
  readonly p5: Float64Array;
  readonly p50: Float64Array;
  readonly p95: Float64Array;
  readonly max: Float64Array;
  readonly minRank: Int32Array;
  readonly maxRank: Int32Array;
  readonly ranks: number;
  readonly worstRank: number | null;
  readonly worstScore: number | null;
}

export interface PointsQuery {
  readonly run: string;
  readonly key: string;
  readonly rank?: number | undefined;
  readonly attempt?: number | undefined;
  readonly attemptMax?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
  readonly after?: string | undefined;
  readonly first: number;
}
export interface PointColumns {
  readonly step: Float64Array;
  readonly rank: Int32Array;
  readonly attempt: Int32Array;
  readonly value: Float64Array;
  /** Unix ms. */
  readonly time: Float64Array;
  readonly endCursor: string | null;
  readonly hasNextPage: boolean;
}

export interface HistoryQuery {
  readonly run: string;
  readonly key: string;
  readonly offset: number;
  readonly limit: number;
}
/** Columns of equal length. */
export interface HistoryColumns {
  readonly step: Float64Array;
  readonly value: Float64Array;
  /** Unix ms. */
  readonly time: Float64Array;
}

export interface MomentsQuery {
  readonly run: string;
  readonly keys: readonly string[];
}
/** Of all values of a key that its history has, as they are: the deviation is that of the whole, not of a sample. */
export interface Moments {
  readonly key: string;
  readonly count: number;
  /** Of those that are numbers; NaN where none is. */
  readonly min: number;
  readonly max: number;
  /** NaN as soon as one value is NaN. */
  readonly mean: number;
  readonly deviation: number;
}

export interface LatestPointsQuery {
  readonly run: string;
  readonly keys: readonly string[];
  readonly ranks?: readonly number[] | undefined;
  /** Upper bound of points per (key, rank). */
  readonly pointsMax: number;
}
/** Columns of equal length in order of step. */
export interface LatestPoints {
  readonly key: string;
  readonly rank: number;
  readonly attempt: number;
  readonly step: Float64Array;
  readonly value: Float64Array;
  /** Unix ms. */
  readonly time: Float64Array;
}

export interface RankPace {
  readonly rank: number;
  readonly attempt: number;
  readonly lastStep: number;
  /** Unix ms of that step. */
  readonly lastTimeMs: number;
  /** Median ms between steps over the recent window; null with fewer than two steps. */
  readonly stepMs: number | null;
}

export interface LinesQuery {
  readonly run: string;
  readonly rank?: number | undefined;
  /** Substring, case-insensitive. */
  readonly match?: string | undefined;
  readonly before?: string | undefined;
  readonly last: number;
}
export interface StoredLine {
  readonly rank: number;
  readonly attempt: number;
  readonly writer: string;
  readonly number: number;
  readonly stream: string;
  readonly timeMs: number;
  readonly text: string;
}
export interface LineColumns {
  /** Oldest first. */
  readonly lines: readonly StoredLine[];
  readonly startCursor: string | null;
  readonly hasPreviousPage: boolean;
}

export interface MediaKey {
  readonly key: string;
  /** Of the newest value. */
  readonly kind: RichKind;
  /** In order, at most 10,000 of them. */
  readonly steps: readonly number[];
  readonly stepCount: number;
  readonly ranks: readonly number[];
}
export interface MediaQuery {
  readonly run: string;
  /** All when absent. */
  readonly keys?: readonly string[] | undefined;
  readonly ranks?: readonly number[] | undefined;
  /** Inclusive. */
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
  readonly after?: string | undefined;
  readonly first: number;
}
export interface StoredMedia {
  readonly key: string;
  readonly step: number;
  readonly rank: number;
  readonly attempt: number;
  readonly index: number;
  readonly timeMs: number;
  readonly kind: RichKind;
  readonly mime: string;
  /** What it holds is in one of these three: text, bytes in base64, digest of a file in the artifact store. */
  readonly text: string;
  readonly data: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly caption: string;
  readonly facts: Readonly<Record<string, string>>;
}
export interface MediaPage {
  readonly values: readonly StoredMedia[];
  readonly endCursor: string | null;
  readonly hasNextPage: boolean;
}

/** Reading metrics and console lines. Writing is the points projection's business; permissions are the gateway's. */
export interface MetricStore {
  series(query: SeriesQuery, signal?: AbortSignal): Promise<readonly SeriesColumns[]>;
  /** What `series` answers to each of these, with as few questions to the store as can be: charts of many runs. */
  seriesOf(queries: readonly SeriesQuery[], signal?: AbortSignal): Promise<readonly (readonly SeriesColumns[])[]>;
  band(query: BandQuery, signal?: AbortSignal): Promise<BandColumns>;
  /** The newest raw points of each series: what a live viewer begins with. */
  latestPoints(query: LatestPointsQuery, signal?: AbortSignal): Promise<readonly LatestPoints[]>;
  points(query: PointsQuery, signal?: AbortSignal): Promise<PointColumns>;
  /** A slice of all values of a key in the order of their times, then steps, then values: a tracker's history. */
  history(query: HistoryQuery, signal?: AbortSignal): Promise<HistoryColumns>;
  /** Of each of these runs, in the order of its keys, those that have values; with as few questions to the store as can be. */
  moments(queries: readonly MomentsQuery[], signal?: AbortSignal): Promise<readonly (readonly Moments[])[]>;
  /** Names of the run's series, in order; `match` is a substring, case-insensitive. Hidden ones ("_time") are left out. */
  keys(run: string, match: string | undefined, first: number, after?: string): Promise<readonly string[]>;
  /** Per rank of the newest attempt it has written to. */
  ranks(run: string): Promise<readonly RankPace[]>;
  lines(query: LinesQuery, signal?: AbortSignal): Promise<LineColumns>;
  /** Keys of values that are no numbers: images, histograms, tables. */
  mediaKeys(run: string, signal?: AbortSignal): Promise<readonly MediaKey[]>;
  media(query: MediaQuery, signal?: AbortSignal): Promise<MediaPage>;
}
