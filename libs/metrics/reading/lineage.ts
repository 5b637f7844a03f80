import type {
  BandColumns,
  BandQuery,
  MetricStore,
  PointColumns,
  PointsQuery,
  SeriesColumns,
  SeriesQuery,
} from '../metric-store.js';

/** A run that another one was forked from: what of it the fork has inherited. */
export interface Ancestor {
  readonly run: string;
  /** The attempt that was forked; later ones of the ancestor are not seen. Null: its newest. */
  readonly attempt: number | null;
  /** Last inherited step. Null: all of them. */
  readonly step: number | null;
  /** Unix ms when the fork began: where it leaves off in time. */
  readonly forkedAt: number;
}

/**
 * A forked run's metrics: what it inherited from its ancestors (oldest first), then its own. Everything else is the run's alone. One
 * query per ancestor; a chart's buckets are shared out evenly.
 */
export function withLineage(store: MetricStore, ancestors: readonly Ancestor[]): MetricStore {
  if (ancestors.length === 0) return store;
  const series = async (query: SeriesQuery, signal?: AbortSignal): Promise<readonly SeriesColumns[]> =>
    joinSeries((await store.seriesOf(seriesParts(query, ancestors), signal)).flat());
  return {
    series,
    seriesOf: (queries, signal) => Promise.all(queries.map((query) => series(query, signal))),
    band: async (query, signal) => {
      const parts = bandParts(query, ancestors);
      return joinBands(await Promise.all(parts.map((part) => store.band(part, signal))));
    },
    points: (query, signal) => pointsOf(store, query, ancestors, signal),
    keys: async (run, match, first, after) => {
      const found = await Promise.all(
        [run, ...ancestors.map((one) => one.run)].map((id) => store.keys(id, match, first, after)),
      );
      // by bytes, as the store orders and continues
      return [...new Set(found.flat())].sort(byBytes).slice(0, first);
    },
    history: (query, signal) => store.history(query, signal),
    moments: (queries, signal) => store.moments(queries, signal),
    latestPoints: (query, signal) => store.latestPoints(query, signal),
    ranks: (run) => store.ranks(run),
    lines: (query, signal) => store.lines(query, signal),
    mediaKeys: (run, signal) => store.mediaKeys(run, signal),
    media: (query, signal) => store.media(query, signal),
  };
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const lower = (a: number | undefined, b: number | null): number | undefined =>
  b === null ? a : Math.min(a ?? Infinity, b);
/** First step that is no longer inherited. */
const end = ({ step }: Ancestor): number | null => (step === null ? null : step + 1);
const attemptOf = ({ attempt }: Ancestor): { attemptMax?: number } => (attempt === null ? {} : { attemptMax: attempt });
const open = <Q extends { from?: number | undefined; to?: number | undefined }>({ from, to }: Q): boolean =>
  (from ?? -Infinity) < (to ?? Infinity);

function seriesParts(query: SeriesQuery, ancestors: readonly Ancestor[]): readonly SeriesQuery[] {
  // an attempt asked for is one of the run's own
  if (query.attempt !== undefined) return [query];
  const inherited = ancestors.map((one): SeriesQuery => {
    const to = lower(query.to, query.x === 'step' ? end(one) : one.forkedAt);
    return { ...query, ...attemptOf(one), run: one.run, to };
  });
  const parts = [...inherited.filter(open), query];
  return parts.map((part) => ({ ...part, buckets: Math.max(1, Math.floor(query.buckets / parts.length)) }));
}

function bandParts(query: BandQuery, ancestors: readonly Ancestor[]): readonly BandQuery[] {
  const inherited = ancestors.map((one): BandQuery => ({
    ...query,
    ...attemptOf(one),
    run: one.run,
    to: lower(query.to, end(one)),
  }));
  const parts = [...inherited.filter(open), query];
  return parts.map((part) => ({ ...part, buckets: Math.max(1, Math.floor(query.buckets / parts.length)) }));
}

function concat(arrays: readonly Float64Array[]): Float64Array {
  return Float64Array.from(arrays.flatMap((array) => [...array]));
}

function joinSeries(all: readonly SeriesColumns[]): readonly SeriesColumns[] {
  const groups = new Map<string, SeriesColumns[]>();
  for (const one of all) {
    const name = `${one.rank} ${one.key}`;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return [...groups.values()].map((parts) => {
    const { key, rank } = parts[0]!;
    const column = (name: Exclude<keyof SeriesColumns, 'key' | 'rank'>): Float64Array =>
      concat(parts.map((part) => part[name]));
    return {
      key,
      rank,
      x: column('x'),
      min: column('min'),
      max: column('max'),
      first: column('first'),
      last: column('last'),
      count: column('count'),
      oddX: column('oddX'),
      oddValue: column('oddValue'),
    };
  });
}

/** Who stands out is said of the run's own part: that is what can still be mended. */
function joinBands(parts: readonly BandColumns[]): BandColumns {
  const own = parts[parts.length - 1]!;
  const column = (name: 'x' | 'min' | 'p5' | 'p50' | 'p95' | 'max'): Float64Array =>
    concat(parts.map((part) => part[name]));
  const ranks = (name: 'minRank' | 'maxRank'): Int32Array => Int32Array.from(parts.flatMap((part) => [...part[name]]));
  return {
    ...own,
    x: column('x'),
    min: column('min'),
    p5: column('p5'),
    p50: column('p50'),
    p95: column('p95'),
    max: column('max'),
    minRank: ranks('minRank'),
    maxRank: ranks('maxRank'),
    ranks: Math.max(...parts.map((part) => part.ranks)),
  };
}

/** Pages run through the ancestors, then the run itself; a cursor says in which of them it is. */
async function pointsOf(
  store: MetricStore,
  query: PointsQuery,
  ancestors: readonly Ancestor[],
  signal?: AbortSignal,
): Promise<PointColumns> {
  if (query.attempt !== undefined) return store.points(query, signal);
  const inherited = ancestors.map((one): PointsQuery => ({
    ...query,
    ...attemptOf(one),
    run: one.run,
    to: lower(query.to, end(one)),
  }));
  const parts = [...inherited, query];
  const match = /^(\d{1,2})~(.*)$/.exec(query.after ?? '0~');
  // a cursor of a run before it was known to be a fork names no part: it is the run's own
  const start = match ? Math.min(Number(match[1]), parts.length - 1) : parts.length - 1;
  const pages: PointColumns[] = [];
  let wanted = query.first;
  let level = start;
  let after = match ? match[2] : query.after;
  for (;;) {
    const page = await store.points(
      { ...parts[level]!, first: wanted, after: after === '' ? undefined : after },
      signal,
    );
    pages.push(page);
    wanted -= page.step.length;
    after = page.endCursor ?? after;
    if (wanted === 0 || page.hasNextPage || level === parts.length - 1) break;
    level += 1;
    after = '';
  }
  const hasNextPage = pages[pages.length - 1]!.hasNextPage || level < parts.length - 1;
  return {
    ...joinPages(pages),
    endCursor: pages.every((page) => page.step.length === 0) ? null : `${level}~${after}`,
    hasNextPage,
  };
}

function joinPages(pages: readonly PointColumns[]): Omit<PointColumns, 'endCursor' | 'hasNextPage'> {
  const floats = (name: 'step' | 'value' | 'time'): Float64Array => concat(pages.map((page) => page[name]));
  const ints = (name: 'rank' | 'attempt'): Int32Array => Int32Array.from(pages.flatMap((page) => [...page[name]]));
  return {
    step: floats('step'),
    rank: ints('rank'),
    attempt: ints('attempt'),
    value: floats('value'),
    time: floats('time'),
  };
}
