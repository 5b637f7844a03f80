import uPlot from 'uplot';
import type { XAxis } from '../generated/questions.js';
import { formatDuration } from '../format/format.js';
import { rangeOf } from './numbers.js';
import type { PlotData } from './plot.js';

const second = 1000;
const durationIncrements = [
  ...[0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * 60 * second),
  ...[1, 2, 3, 6, 12, 24, 48, 120, 240, 720, 2400].map((n) => n * 3600 * second),
];

export interface PlotLook {
  width: number;
  height: number;
  x: XAxis;
  log: boolean;
  syncKey: string;
  window: { from: number; to: number } | null;
  /** How values are written. */
  format: (value: number | null) => string;
}
export interface PlotEvents {
  zoom: (from: number, to: number) => void;
  reset: () => void;
  hover: (plot: uPlot) => void;
}

function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function formatX(x: XAxis, value: number): string {
  if (x === 'STEP') return `step ${Math.round(value).toLocaleString('en-US')}`;
  return x === 'RELATIVE' ? formatDuration(value) : new Date(value).toLocaleTimeString();
}

function shortStep(value: number): string {
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
  return Math.abs(value) >= 10_000 ? `${Number((value / 1000).toPrecision(4))}k` : String(value);
}

/** NaN and infinities have no place on the scale: a mark on the edge tells where they were and which. */
function drawMarks(plot: uPlot, data: PlotData): void {
  const { ctx, bbox } = plot;
  const size = 4 * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = cssColor('--bad');
  ctx.strokeStyle = cssColor('--bad');
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const mark of data.marks) {
    const x = plot.valToPos(mark.x, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    const up = mark.value > 0;
    const y = up ? bbox.top + size : bbox.top + bbox.height - size;
    ctx.beginPath();
    if (Number.isNaN(mark.value)) {
      ctx.moveTo(x - size, y - size);
      ctx.lineTo(x + size, y + size);
      ctx.moveTo(x + size, y - size);
      ctx.lineTo(x - size, y + size);
      ctx.stroke();
    } else {
      ctx.moveTo(x - size, y + (up ? size : -size));
      ctx.lineTo(x + size, y + (up ? size : -size));
      ctx.lineTo(x, y + (up ? -size : size));
      ctx.fill();
    }
  }
  ctx.restore();
}

function yRange(data: PlotData, log: boolean): [number, number] {
  const columns = [
    ...data.lines.map((line) => line.values),
    ...data.shades.flatMap((shade) => [shade.upper, shade.lower]),
  ];
  const range = rangeOf(columns, log);
  if (range === null) return log ? [1, 10] : [0, 1];
  // The ticks of a log axis are counted from its lower end: that must be a round number.
  return log ? (uPlot.rangeLog(range[0], range[1], 10, false) as [number, number]) : range;
}

function xRange(look: PlotLook, min: number | null, max: number | null): [number, number] {
  if (look.window !== null) return [look.window.from, look.window.to];
  if (min === null || max === null) return [0, 1];
  return min === max ? [min - 1, max + 1] : [min, max];
}

export function plotOptions(data: () => PlotData, look: PlotLook, events: PlotEvents): uPlot.Options {
  const first = data();
  const lines = first.lines.length;
  const axis = {
    stroke: cssColor('--ink-3'),
    font: `11px ${cssColor('--font')}`,
    grid: { stroke: cssColor('--grid'), width: 1 },
    ticks: { stroke: cssColor('--grid'), width: 1, size: 4 },
  };
  const shadeSeries = first.shades.flatMap(() => [
    { width: 0, points: { show: false }, spanGaps: true },
    { width: 0, points: { show: false }, spanGaps: true },
  ]);
  const xValues: Partial<uPlot.Axis> =
    look.x === 'TIME'
      ? {}
      : {
          values: (_, splits) => splits.map((v) => (look.x === 'STEP' ? shortStep(v) : formatDuration(v))),
          ...(look.x === 'RELATIVE' ? { incrs: durationIncrements } : {}),
        };
  return {
    width: look.width,
    height: look.height,
    ms: 1,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: {
      points: { size: 6 },
      drag: { x: true, y: false, setScale: false, dist: 5 },
      sync: { key: look.syncKey, filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' } },
      bind: {
        dblclick: () => () => {
          events.reset();
          return null;
        },
      },
    },
    scales: {
      x: { time: look.x === 'TIME', range: (_, min, max) => xRange(look, min, max) },
      y: {
        // uPlot's own enum exists in its types only: 3 is logarithmic, 1 linear
        distr: look.log ? 3 : 1,
        range: () => yRange(data(), look.log),
      },
    },
    axes: [
      { ...axis, ...xValues, size: 28, space: 60 },
      { ...axis, size: 58, space: 34, values: (_, splits) => splits.map((v) => (v === null ? '' : look.format(v))) },
    ],
    series: [
      {},
      ...first.lines.map((line) => ({
        label: line.label,
        stroke: line.color,
        width: line.width,
        ...(line.dash === undefined ? {} : { dash: line.dash }),
        points: { show: line.values.length < 2, size: 5 },
        spanGaps: true,
      })),
      ...shadeSeries,
    ],
    bands: first.shades.map((shade, i) => ({
      series: [lines + 1 + i * 2, lines + 2 + i * 2] as [number, number],
      fill: shade.color,
    })),
    hooks: {
      draw: [(plot) => drawMarks(plot, data())],
      setCursor: [events.hover],
      setSelect: [
        (plot) => {
          if (plot.select.width < 4) return;
          const from = plot.posToVal(plot.select.left, 'x');
          const to = plot.posToVal(plot.select.left + plot.select.width, 'x');
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          events.zoom(from, to);
        },
      ],
    },
  };
}
