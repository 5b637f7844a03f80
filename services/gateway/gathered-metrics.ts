import DataLoader from 'dataloader';
import type { MetricStore, SeriesColumns, SeriesQuery } from '#libs/metrics/metric-store.js';

/** The store for one operation: charts that its fields ask for in the same turn, of whatever runs, are asked for together. */
export function gatherCharts(store: MetricStore, signal: AbortSignal): MetricStore {
  const charts = new DataLoader<SeriesQuery, readonly SeriesColumns[]>((queries) => store.seriesOf(queries, signal), {
    cache: false,
  });
  return {
    series: (query) => charts.load(query),
    seriesOf: (queries) => Promise.all(queries.map((query) => charts.load(query))),
    band: (query, leaving) => store.band(query, leaving),
    latestPoints: (query, leaving) => store.latestPoints(query, leaving),
    points: (query, leaving) => store.points(query, leaving),
    history: (query, leaving) => store.history(query, leaving),
    keys: (run, match, first, after) => store.keys(run, match, first, after),
    ranks: (run) => store.ranks(run),
    lines: (query, leaving) => store.lines(query, leaving),
  };
}
