import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { Rejection } from '#libs/domain/rejection.js';
import { emptyBand, readBand, selectBand } from './band-columns.js';
import { bucketsByRank, planBuckets } from './bucket-plan.js';
import { readCharts } from './charts.js';
import { readHistory } from './history.js';
import { LiveGeneration } from '../tables/live-generation.js';
import { nameHash } from '../metric-names.js';
import type {
  BandColumns,
  BandQuery,
  HistoryColumns,
  HistoryQuery,
  LineColumns,
  LinesQuery,
  MediaKey,
  MediaPage,
  MediaQuery,
  Moments,
  MomentsQuery,
  MetricStore,
  PointColumns,
  PointsQuery,
  RankPace,
  SeriesColumns,
  SeriesQuery,
  LatestPoints,
  LatestPointsQuery,
} from '../metric-store.js';
import { readLinesPage, readPointsPage } from './pages.js';
import { readMoments } from './moments.js';
import { readMediaKeys, readMediaPage } from './media.js';
import { readLatestPoints } from './latest-points.js';
import { readRankPace } from './rank-pace.js';
import { readSeriesFacts, visibleRanges } from './visible-steps.js';

export const metricLimits = {
  bucketsMax: 10_000,
  keysMax: 1_000,
  pointsPageMax: 100_000,
  linesPageMax: 10_000,
  mediaPageMax: 1_000,
} as const;

export interface MetricStoreOptions {
  readonly client: ClickHouseClient;
  /** A monotonic clock in ms. */
  readonly now: () => number;
}

export function createClickHouseMetricStore(options: MetricStoreOptions): MetricStore {
  return new ClickHouseMetricStore(options.client, new LiveGeneration(options.client, options.now));
}

class ClickHouseMetricStore implements MetricStore {
  constructor(
    readonly client: ClickHouseClient,
    readonly live: LiveGeneration,
  ) {}

  async series(query: SeriesQuery, signal?: AbortSignal): Promise<readonly SeriesColumns[]> {
    return (await this.seriesOf([query], signal))[0]!;
  }

  async seriesOf(
    queries: readonly SeriesQuery[],
    signal?: AbortSignal,
  ): Promise<readonly (readonly SeriesColumns[])[]> {
    for (const { buckets, keys } of queries) {
      checkCount('buckets', buckets, metricLimits.bucketsMax);
      if (keys.length > metricLimits.keysMax)
        throw new Rejection('LIMIT_EXCEEDED', `keys: at most ${metricLimits.keysMax}`, 'keys');
    }
    return this.live.ask((table) => readCharts({ client: this.client, table, signal }, queries));
  }

  async band(query: BandQuery, signal?: AbortSignal): Promise<BandColumns> {
    checkCount('buckets', query.buckets, metricLimits.bucketsMax);
    return this.live.ask(async (table) => {
      const [facts] = await readSeriesFacts(this.client, table, { run: query.run, keys: [query.key] }, signal);
      const ranges = visibleRanges(facts!, query);
      if (ranges.length === 0) return emptyBand(query.key);
      // all ranks are read: rollups pay off as soon as they can be used
      const plan = planBuckets(ranges, query.buckets, facts!.rewritten, 1);
      const buckets = bucketsByRank({ table, facts: facts!, ranges, plan, finite: true });
      return readBand(query.key, await this.client.query(selectBand(buckets, plan.origin, plan.width), { signal }));
    });
  }

  async latestPoints(query: LatestPointsQuery, signal?: AbortSignal): Promise<readonly LatestPoints[]> {
    if (query.keys.length === 0) return [];
    return this.live.ask(async (table) => {
      const facts = await readSeriesFacts(this.client, table, query, signal);
      return (await Promise.all(facts.map((one) => readLatestPoints(this.client, table, one, query, signal)))).flat();
    });
  }

  async points(query: PointsQuery, signal?: AbortSignal): Promise<PointColumns> {
    checkCount('first', query.first, metricLimits.pointsPageMax);
    return this.live.ask(async (table) => {
      const ranks = query.rank === undefined ? undefined : [query.rank];
      const [facts] = await readSeriesFacts(this.client, table, { run: query.run, keys: [query.key], ranks }, signal);
      return readPointsPage(this.client, table, facts!, query, signal);
    });
  }

  async history(query: HistoryQuery, signal?: AbortSignal): Promise<HistoryColumns> {
    return this.live.ask(async (table) => {
      const [facts] = await readSeriesFacts(this.client, table, { run: query.run, keys: [query.key] }, signal);
      return readHistory(this.client, table, facts!, query, signal);
    });
  }

  async moments(queries: readonly MomentsQuery[], signal?: AbortSignal): Promise<readonly (readonly Moments[])[]> {
    if (queries.every(({ keys }) => keys.length === 0)) return queries.map(() => []);
    return this.live.ask((table) => readMoments(this.client, table, queries, signal));
  }

  async keys(run: string, match: string | undefined, first: number, after = ''): Promise<readonly string[]> {
    const condition = match ? 'positionCaseInsensitiveUTF8(key, {match:String}) > 0' : '1';
    return this.live.ask(async (table) => {
      const rows = await this.client.query(
        `SELECT DISTINCT key FROM ${table('series')} WHERE run = ${nameHash(run)} AND NOT startsWith(key, '_time') AND key > {after:String} AND ${condition}
         ORDER BY key LIMIT ${checkCount('first', first, 1_000_000)}`,
        { params: match ? { match, after } : { after } },
      );
      return rows.rows ? rows.texts('key') : [];
    });
  }

  ranks(run: string): Promise<readonly RankPace[]> {
    return this.live.ask((table) => readRankPace(this.client, table, run));
  }

  async lines(query: LinesQuery, signal?: AbortSignal): Promise<LineColumns> {
    checkCount('last', query.last, metricLimits.linesPageMax);
    return this.live.ask((table) => readLinesPage(this.client, table, query, signal));
  }

  mediaKeys(run: string, signal?: AbortSignal): Promise<readonly MediaKey[]> {
    return this.live.ask((table) => readMediaKeys(this.client, table, run, signal));
  }

  async media(query: MediaQuery, signal?: AbortSignal): Promise<MediaPage> {
    checkCount('first', query.first, metricLimits.mediaPageMax);
    return this.live.ask((table) => readMediaPage(this.client, table, query, signal));
  }
}

function checkCount(field: string, value: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < 1 || value > max) {
    throw new Rejection('INVALID_ARGUMENT', `${field}: ${value} is not a number from 1 to ${max}`, field);
  }
  return value;
}
