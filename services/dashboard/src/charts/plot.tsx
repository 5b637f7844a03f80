import { useEffect, useLayoutEffect, useRef, useState, type ReactElement } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { XAxis } from '../generated/questions.js';
import { useTheme } from '../theme/theme.js';
import { formatX, plotOptions } from './plot-options.js';

export interface PlotLine {
  label: string;
  color: string;
  width: number;
  dash?: number[];
  /** Left out of the readout: the raw line behind a smoothed one. */
  silent?: boolean;
  values: (number | null)[];
}
export interface PlotShade {
  color: string;
  upper: (number | null)[];
  lower: (number | null)[];
}
export interface PlotData {
  x: number[];
  lines: PlotLine[];
  shades: PlotShade[];
  marks: { x: number; value: number }[];
}
interface Props {
  data: PlotData;
  x: XAxis;
  log: boolean;
  height: number;
  syncKey: string;
  label: string;
  /** How values are written. */
  format: (value: number | null) => string;
  window: { from: number; to: number } | null;
  zoom: (from: number, to: number) => void;
  reset: () => void;
}

const readoutRowsMax = 10;

function positive(values: (number | null)[]): (number | null)[] {
  return values.map((value) => (value !== null && value > 0 ? value : null));
}

function columnsOf(data: PlotData, log: boolean): uPlot.AlignedData {
  const kept = (values: (number | null)[]): (number | null)[] => (log ? positive(values) : values);
  return [
    data.x,
    ...data.lines.map((line) => kept(line.values)),
    ...data.shades.flatMap((shade) => [kept(shade.upper), kept(shade.lower)]),
  ];
}

/** What does not change while points stream in: when it does, the plot is made anew. */
function shapeOf(data: PlotData, log: boolean, x: XAxis, theme: string, height: number): string {
  const lines = data.lines.map((line) => `${line.label}${line.color}${line.width}${line.dash?.join() ?? ''}`);
  return [log, x, theme, height, ...lines, '|', ...data.shades.map((shade) => shade.color)].join(';');
}

function fillReadout(box: HTMLElement, plot: uPlot, { data, x, format }: Props): void {
  const index = plot.cursor.idx;
  const left = plot.cursor.left ?? -1;
  const hovered = plot.root.matches(':hover');
  if (index === null || index === undefined || left < 0 || !hovered) {
    box.hidden = true;
    return;
  }
  const nearest = (values: (number | null)[]): number | null => {
    for (let d = 0; d < 40; d += 1) {
      const value = values[index - d] ?? values[index + d];
      if (value !== null && value !== undefined) return value;
    }
    return null;
  };
  const rows = data.lines.filter((line) => line.silent !== true).map((line) => ({ line, value: nearest(line.values) }));
  const title = document.createElement('div');
  title.className = 'readout-x';
  title.textContent = formatX(x, data.x[index] ?? 0);
  const shown = rows.slice(0, readoutRowsMax).map(({ line, value }) => {
    const row = document.createElement('div');
    const swatch = document.createElement('i');
    swatch.style.background = line.color;
    const number = document.createElement('b');
    number.textContent = format(value);
    row.append(swatch, line.label, number);
    return row;
  });
  box.replaceChildren(title, ...shown);
  if (rows.length > readoutRowsMax) box.append(`and ${rows.length - readoutRowsMax} more`);
  box.hidden = false;
  const room = plot.over.clientWidth;
  const offset = plot.over.offsetLeft;
  box.style.left = `${left > room / 2 ? left + offset - box.offsetWidth - 12 : left + offset + 12}px`;
}

export function Plot(props: Props): ReactElement {
  const host = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  const [width, setWidth] = useState(0);
  const theme = useTheme();
  const log = props.log && props.data.lines.some((line) => line.values.some((value) => value !== null && value > 0));
  const window = props.window === null ? '' : `${props.window.from}:${props.window.to}`;
  const shape = `${window};${shapeOf(props.data, log, props.x, theme, props.height)}`;

  useLayoutEffect(() => {
    latest.current = props;
  });
  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    setWidth(Math.floor(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const element = host.current;
    if (element === null || width === 0) return undefined;
    const now = latest.current;
    const { height, x, syncKey, window: shown, format } = now;
    const look = { width, height, x, log, syncKey, window: shown, format };
    const made = new uPlot(
      plotOptions(() => latest.current.data, look, {
        zoom: (from, to) => latest.current.zoom(from, to),
        reset: () => latest.current.reset(),
        hover: (u) => readout.current !== null && fillReadout(readout.current, u, latest.current),
      }),
      columnsOf(now.data, log),
      element,
    );
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
  }, [shape, log, width]);

  useEffect(() => {
    const frame = requestAnimationFrame(() => plot.current?.setData(columnsOf(props.data, log)));
    return () => cancelAnimationFrame(frame);
  }, [props.data, log]);

  const first = props.data.lines.find((line) => line.silent !== true)?.values ?? [];
  return (
    <div
      className="plot"
      ref={host}
      style={{ height: props.height }}
      role="img"
      aria-label={props.label}
      data-x-last={props.data.x.at(-1)}
      data-first={first.find((value) => value !== null)}
      data-last={first.findLast((value) => value !== null)}
    >
      <div className="readout" ref={readout} hidden />
    </div>
  );
}
