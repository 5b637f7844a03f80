import DataLoader from 'dataloader';
import type { MetricStore, SeriesColumns, SeriesQuery } from '#libs/metrics/metric-store.js';

/**
 * The store for one operation: charts that its fields ask for in the same turn, of whatever runs, are asked for together. `look` is told of each
 * read of telemetry, for who polls is shown what has just come.
 */
export function gatherMetrics(store: MetricStore, signal: AbortSignal, look: () => void): MetricStore {
  const charts = new DataLoader<SeriesQuery, readonly SeriesColumns[]>(
    (queries) => {
      look();
      return store.seriesOf(queries, signal);
    },
    { cache: false },
  );
  const looking = <Args extends unknown[], Answer>(read: (...args: Args) => Answer) => {
    return (...args: Args): Answer => {
      look();
      return read(...args);
    };
  };
  return {
    series: (query) => charts.load(query),
    seriesOf: (queries) => Promise.all(queries.map((query) => charts.load(query))),
    band: looking((query, leaving) => store.band(query, leaving)),
    latestPoints: looking((query, leaving) => store.latestPoints(query, leaving)),
    points: looking((query, leaving) => store.points(query, leaving)),
    history: looking((query, leaving) => store.history(query, leaving)),
    moments: looking((queries, leaving) => store.moments(queries, leaving)),
    keys: (run, match, first, after) => store.keys(run, match, first, after),
    ranks: (run) => store.ranks(run),
    lines: looking((query, leaving) => store.lines(query, leaving)),
    mediaKeys: looking((run, leaving) => store.mediaKeys(run, leaving)),
    media: looking((query, leaving) => store.media(query, leaving)),
  };
}
