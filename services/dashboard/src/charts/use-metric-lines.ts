import { useEffect, useState } from 'react';
import { readTrouble, reportTrouble, type Trouble } from '../data/client.js';
import { askColumns } from '../data/columns.js';
import { MetricFramesDocument, SeriesDocument, type SeriesQueryVariables, type XAxis } from '../generated/questions.js';
import type { Frame } from '../data/frame.js';
import { listen } from '../data/socket.js';
import { LineStore, type DrawnLine } from './line-store.js';
import { Together } from './together.js';

export interface LinesAsk {
  run: string;
  startedAt: number;
  metric: string;
  ranks: readonly number[] | null;
  x: XAxis;
  zoom: { from: number; to: number } | null;
  live: boolean;
  buckets: number;
}
export interface MetricLines {
  lines: DrawnLine[] | null;
  trouble: Trouble | null;
}

const framePointsMax = 2000;
/** Well below what one answer may hold (400,000): where no ranks are named, there may be some. */
const screenBucketsMax = 200_000;

/** All charts of a screen. */
const screen = new Together(
  (same: Omit<SeriesQueryVariables, 'keys'> & { buckets: number; ranks: number[] | null }, keys) =>
    askColumns(SeriesDocument, { ...same, keys: [...keys] }),
  ({ buckets, ranks }) => Math.min(100, Math.max(1, Math.floor(screenBucketsMax / (buckets * (ranks?.length || 1))))),
  ({ error }) => (error?.graphQLErrors.length ?? 0) > 0,
);

/**
 * History from the store, then frames. The history is asked for at once, and again when the first frame starts after
 * its end (points between would be missing) or when another attempt's points have to be put in their place.
 */
export function useMetricLines(ask: LinesAsk, visible: boolean): MetricLines {
  const asked = JSON.stringify(ask);
  const [held, setHeld] = useState<MetricLines & { asked: string }>({ asked: '', lines: null, trouble: null });

  useEffect(() => {
    if (!visible) return undefined;
    const { run, startedAt, metric, ranks, x, zoom, live, buckets } = JSON.parse(asked) as LinesAsk;
    const store = new LineStore(x, startedAt);
    let stopped = false;
    let frame = 0;
    let loading = false;
    let loadedAt = 0;
    let loaded = false;
    let staleAt = -Infinity;
    let retry: ReturnType<typeof setTimeout> | undefined;
    let mending: ReturnType<typeof setTimeout> | undefined;
    const show = (trouble: Trouble | null): void => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        setHeld({ asked, lines: store.draw(zoom, buckets), trouble });
      });
    };
    const load = async (): Promise<void> => {
      if (loading || stopped) return;
      loading = true;
      const askedAt = performance.now();
      const bounds = { from: zoom?.from ?? null, to: zoom?.to ?? null };
      const same = { id: run, ranks: ranks === null ? null : [...ranks], x, buckets, ...bounds };
      const answer = await screen.answer(same, metric);
      loading = false;
      if (stopped) return;
      loadedAt = performance.now();
      const trouble = answer.error === undefined ? null : readTrouble(answer.error);
      reportTrouble(trouble);
      if (trouble === null) {
        loaded = true;
        store.setHistory((answer.data?.run?.series ?? []).filter(({ key }) => key === metric));
        show(null);
        // the store is a moment behind the frames
        if (askedAt < staleAt + 1500) {
          clearTimeout(mending);
          mending = setTimeout(() => void load(), 1500);
        }
        return;
      }
      // The last picture stays: an outage must not look like an empty chart.
      setHeld((before) => ({ ...before, trouble }));
      if (trouble.kind === 'unreachable') retry = setTimeout(() => void load(), 2000);
    };
    const mend = (): void => {
      clearTimeout(mending);
      if (stopped || !(store.historyStale || (zoom === null && store.gap()))) return;
      const wait = loadedAt + 1000 - performance.now();
      if (wait <= 0) void load();
      // what made it stale may have been the last frame for long
      else mending = setTimeout(mend, wait);
    };
    void load();
    const stop = live
      ? listen({
          question: MetricFramesDocument,
          variables: {
            run,
            keys: [metric],
            ranks: ranks === null ? null : [...ranks],
            pointsMax: Math.max(200, Math.floor(framePointsMax / (ranks?.length ?? 1))),
          },
          cursorOf: (data) => data.metricFrames.cursor,
          onData: ({ metricFrames }) => {
            const { series: changed } = metricFrames.frame as unknown as Frame;
            for (const series of changed) if (series.key === metric) store.upsert(series);
            if (store.historyStale) staleAt = performance.now();
            if (!loaded) return;
            mend();
            show(null);
          },
        })
      : () => undefined;
    return () => {
      stopped = true;
      cancelAnimationFrame(frame);
      clearTimeout(retry);
      clearTimeout(mending);
      stop();
    };
  }, [asked, visible]);

  return { lines: held.lines, trouble: held.trouble };
}
