import { useEffect, useState } from 'react';
import type { ChartView } from '../charts/chart-view.js';
import { LineStore, type DrawnLine } from '../charts/line-store.js';
import { Together } from '../charts/together.js';
import { readTrouble, reportTrouble, type Trouble } from '../data/client.js';
import { askColumns } from '../data/columns.js';
import { OverlayDocument, type OverlayQueryVariables, type XAxis } from '../generated/questions.js';

export interface OverlayAsk {
  /** With when each started, which times are counted from. */
  runs: readonly { readonly id: string; readonly startedAt: number }[];
  metric: string;
  x: XAxis;
  zoom: ChartView['zoom'];
  live: boolean;
}
export interface Overlay {
  /** By run; without those that have no point of the metric here. */
  lines: ReadonlyMap<string, DrawnLine> | null;
  trouble: Trouble | null;
}

const buckets = 500;
/** Well below what one question may cost (500,000): a chart costs some 400 a run. */
const screenBucketsMax = 500_000;
const liveMs = 2_000;

/** All charts of a screen. */
const screen = new Together(
  (same: Omit<OverlayQueryVariables, 'keys'> & { ids: string[] }, keys) =>
    askColumns(OverlayDocument, { ...same, keys: [...keys] }),
  ({ ids }) => Math.min(100, Math.max(1, Math.floor(screenBucketsMax / (buckets * ids.length)))),
  ({ error }) => (error?.graphQLErrors.length ?? 0) > 0,
);

/** One metric of several runs, asked for again while one of them goes on. */
export function useOverlay(ask: OverlayAsk, visible: boolean): Overlay {
  const asked = JSON.stringify(ask);
  const [held, setHeld] = useState<Overlay & { asked: string }>({ asked: '', lines: null, trouble: null });

  useEffect(() => {
    if (!visible) return undefined;
    const { runs, metric, x, zoom, live } = JSON.parse(asked) as OverlayAsk;
    const started = new Map(runs.map(({ id, startedAt }) => [id, startedAt]));
    let stopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      const same = { ids: [...started.keys()], x, from: zoom?.from ?? null, to: zoom?.to ?? null, buckets };
      const answer = await screen.answer(same, metric);
      if (stopped) return;
      const trouble = answer.error === undefined ? null : readTrouble(answer.error);
      reportTrouble(trouble);
      // the last picture stays: an outage must not look like an empty chart
      if (trouble !== null) setHeld((before) => ({ ...before, trouble }));
      else {
        const lines = new Map<string, DrawnLine>();
        for (const run of answer.data?.runsById ?? []) {
          const series = run?.series.find(({ key }) => key === metric);
          if (!run || !series) continue;
          const store = new LineStore(x, started.get(run.id) ?? 0);
          store.setHistory([series]);
          const [line] = store.draw(zoom, buckets);
          if (line !== undefined) lines.set(run.id, line);
        }
        setHeld({ asked, lines, trouble: null });
      }
      if (live || trouble?.kind === 'unreachable') timer = setTimeout(() => void load(), liveMs);
    };
    void load();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [asked, visible]);

  return { lines: held.lines, trouble: held.trouble };
}
