import { useMemo, type ReactElement } from 'react';
import { BandDocument, SeriesDocument, type BandFragment, type SeriesFragment } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { formatterOf, ofTheMachine } from '../format/units.js';
import { useTheme, type Theme } from '../theme/theme.js';
import { align } from './align.js';
import { ChartFrame } from './chart-frame.js';
import type { ChartView } from './chart-view.js';
import { readFloat, readFloats, smooth } from './numbers.js';
import { lineColor, warnColor, withAlpha } from './palette.js';
import { Plot, type PlotData } from './plot.js';

interface Props {
  run: string;
  metric: string;
  live: boolean;
  visible: boolean;
  view: ChartView;
  zoom: (from: number, to: number) => void;
  reset: () => void;
}

function finite(values: (number | null)[]): (number | null)[] {
  return values.map((value) => (value !== null && Number.isFinite(value) ? value : null));
}

function plotDataOf(band: BandFragment, worst: SeriesFragment | undefined, smoothing: number, theme: Theme): PlotData {
  const column = (values: BandFragment['x']): (number | null)[] => finite(readFloats(values));
  const numbers = (values: BandFragment['x']): number[] => values.map((value) => readFloat(value) ?? 0);
  const lines = [{ x: numbers(band.x), columns: [band.min, band.p5, band.p50, band.p95, band.max].map(column) }];
  if (worst !== undefined) lines.push({ x: numbers(worst.x), columns: [column(worst.last)] });
  const aligned = align(lines);
  const [min = [], p5 = [], p50 = [], p95 = [], max = []] = aligned.columns[0] ?? [];
  const color = lineColor(theme, 0);
  const data: PlotData = {
    x: aligned.x,
    lines: [{ label: 'median', color, width: 1.75, values: smooth(p50, smoothing) }],
    shades: [
      { color: withAlpha(color, theme === 'dark' ? 0.14 : 0.1), upper: max, lower: min },
      { color: withAlpha(color, theme === 'dark' ? 0.3 : 0.22), upper: p95, lower: p5 },
    ],
    marks: [],
  };
  if (worst !== undefined) {
    const values = smooth(aligned.columns[1]?.[0] ?? [], smoothing);
    data.lines.push({ label: `rank ${worst.rank}`, color: warnColor[theme], width: 1.25, values });
  }
  return data;
}

/** On which side of the median the rank lies: at the upper or the lower end of the band in most buckets. */
function sideOf(band: BandFragment, rank: number): 'above' | 'below' {
  const ends = (ranks: readonly number[]): number => ranks.filter((each) => each === rank).length;
  return ends(band.minRank) > ends(band.maxRank) ? 'below' : 'above';
}

/** Some rank is always the farthest from the median; it is worth a name only when it is far. */
const outlierScoreMin = 3;
const unixSecondsMin = 1e9;

/** All ranks of a metric as one picture: min to max, p5 to p95, the median, and the rank that stands out by name. */
export function BandChart(props: Props): ReactElement {
  const { run, metric, live, visible, view } = props;
  const theme = useTheme();
  const from = view.zoom?.from ?? null;
  const to = view.zoom?.to ?? null;
  const everyMs = live ? 2000 : null;
  const scope = `${run}:${metric}`;
  const asked = useGraph(
    BandDocument,
    { id: run, key: metric, from, to, buckets: 300 },
    { everyMs, paused: !visible, scope },
  );
  const band = asked.data?.run?.band;
  const standsOut = (band?.worstScore ?? 0) >= outlierScoreMin;
  const worstRank = standsOut ? (band?.worstRank ?? null) : null;
  const worst = useGraph(
    SeriesDocument,
    { id: run, keys: [metric], ranks: worstRank === null ? [] : [worstRank], x: 'STEP', from, to, buckets: 300 },
    { everyMs, paused: !visible || worstRank === null, scope: `${scope}:${worstRank}` },
  );
  const series = worstRank === null ? undefined : worst.data?.run?.series[0];
  const data = useMemo(
    () => (band === undefined || band.x.length === 0 ? null : plotDataOf(band, series, view.smoothing, theme)),
    [band, series, view.smoothing, theme],
  );
  const note =
    band === undefined ? null : (
      <span className="band-note">
        {worstRank === null ? (
          <span className="faint">{band.ranks === 1 ? 'one rank' : `${band.ranks} ranks, none stands out`}</span>
        ) : (
          <span
            className="worst"
            data-testid="worst-rank"
            data-rank={worstRank}
            title="The rank farthest from the median over this window"
          >
            <i aria-hidden="true" />
            rank {worstRank} is {sideOf(band, worstRank)} the rest
            {band.worstScore !== null && <span className="faint"> {band.worstScore.toFixed(1)}σ</span>}
          </span>
        )}
      </span>
    );
  // the SDKs count the steps of the machine's metrics in Unix seconds
  const ms = ofTheMachine(metric) && (data?.x[0] ?? 0) > unixSecondsMin ? 1000 : 1;
  const timed = useMemo(
    () => (data === null || ms === 1 ? data : { ...data, x: data.x.map((x) => x * ms) }),
    [data, ms],
  );
  const x = ms === 1 ? 'STEP' : 'TIME';
  const shown = view.zoom === null ? null : { from: view.zoom.from * ms, to: view.zoom.to * ms };
  return (
    <ChartFrame
      metric={metric}
      note={note}
      trouble={asked.trouble}
      loading={asked.data === undefined}
      empty={asked.data !== undefined && data === null}
    >
      {timed !== null && props.visible && (
        <Plot
          data={timed}
          x={x}
          log={view.log}
          height={view.height}
          syncKey={`run-${x}`}
          label={`Band of ${metric} across ${band?.ranks ?? 0} ranks`}
          format={formatterOf(metric)}
          window={shown}
          zoom={(start, end) => props.zoom(start / ms, end / ms)}
          reset={props.reset}
        />
      )}
    </ChartFrame>
  );
}
