import { createHash } from 'node:crypto';
import { limits } from '#libs/domain/limits.js';
import { isObject, type JsonObject } from '#libs/domain/plain-json.js';
import type { Row } from './history-blocks.js';
import { readLooseObject } from './loose-json.js';
import { wellFormed } from './well-formed.js';

/** How many lines of each file have come: hidden series, one point for each request, for a resume to go on behind them. */
export const lineCountKeys = {
  history: '_wandb/history_lines',
  events: '_wandb/events_lines',
  log: '_wandb/log_lines',
} as const;
/** A line's clock as the client has it, beside the time of the point: hidden series. */
export const runtimeKey = '_runtime';
export const timestampKey = '_timestamp';
/** System metrics have the same two under other names, for their steps are others. */
export const systemRuntimeKey = '_wandb/system_runtime';

const timeMsMax = 8.64e15;
/** Objects in each other: what lies deeper is one value. */
const depthMax = 20;

/** A cell that is no number: texts, lists, and what W&B calls media. */
export interface OddCell {
  readonly key: string;
  readonly step: number;
  readonly timeMs: number;
  readonly value: unknown;
}
export interface ReadLines {
  readonly rows: readonly Row[];
  readonly odd: readonly OddCell[];
  /** Lines that are no JSON objects, by their place in the request. */
  readonly unreadable: readonly number[];
}

/** Lines of wandb-history.jsonl. `first`: the number of the first one, the step of lines that say none. */
export function readHistory(lines: readonly string[], first: number, nowMs: number): ReadLines {
  const rows: Row[] = [];
  const odd: OddCell[] = [];
  const unreadable: number[] = [];
  lines.forEach((line, index) => {
    const json = readLooseObject(line);
    if (!json) {
      unreadable.push(index);
      return;
    }
    const { _step: said } = json;
    const counted = !(typeof said === 'number' && Number.isSafeInteger(said));
    const step = counted ? first + index : said;
    const timeMs = timeOf(json, nowMs);
    const keys: string[] = [];
    const values: number[] = [];
    const seen = new Set<string>();
    for (const [name, value] of Object.entries(json)) {
      if (name === '_step') continue;
      eachCell(name, value, depthMax, (key, cell) => {
        if (seen.has(key)) return;
        seen.add(key);
        const number = numberOf(cell);
        if (number === null) {
          if (cell !== null) odd.push({ key, step, timeMs, value: cell });
          return;
        }
        keys.push(key);
        values.push(number);
      });
    }
    rows.push({ step, timeMs, counted, keys, values });
  });
  return { rows, odd, unreadable };
}

/** Lines of wandb-events.jsonl: system metrics of the host, in the order in which they were taken. */
export function readSystemLines(lines: readonly string[], first: number, nowMs: number): ReadLines {
  const rows: Row[] = [];
  const unreadable: number[] = [];
  lines.forEach((line, index) => {
    const json = readLooseObject(line);
    if (!json) {
      unreadable.push(index);
      return;
    }
    const values = new Map<string, number>();
    for (const [name, value] of Object.entries(json)) {
      const number = typeof value === 'number' ? value : null;
      if (number === null || name === timestampKey) continue;
      if (name === runtimeKey) values.set(systemRuntimeKey, number);
      else values.set(systemSeries(name), number);
    }
    rows.push({
      step: first + index,
      timeMs: timeOf(json, nowMs),
      counted: false,
      keys: [...values.keys()],
      values: [...values.values()],
    });
  });
  return { rows, odd: [], unreadable };
}

const timeOf = (json: JsonObject, nowMs: number): number => {
  const said = json[timestampKey];
  const timeMs = typeof said === 'number' ? Math.round(said * 1_000) : NaN;
  return Math.abs(timeMs) <= timeMsMax ? timeMs : nowMs;
};

const numberOf = (value: unknown): number | null =>
  typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : null;

/** Objects by the path of their keys, as W&B's own server names them; what has a `_type` is one value. */
export function eachCell(
  name: string,
  value: unknown,
  depth: number,
  take: (key: string, value: unknown) => void,
): void {
  if (isObject(value) && depth > 0 && !Object.hasOwn(value, '_type')) {
    for (const [inner, each] of Object.entries(value)) eachCell(`${name}.${inner}`, each, depth - 1, take);
    return;
  }
  take(seriesName(name), value);
}

/** A key that series can have: none is empty, long, or holds what breaks a terminal. What had to be changed keeps apart from its likes. */
export function seriesName(key: string): string {
  const clean = wellFormed(key).replaceAll(/[\u0000-\u001f\u007f]/g, ' ');
  if (clean === key && key.length <= limits.keyCharsMax && key !== '') return key;
  const digest = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 8);
  return `${clean.slice(0, limits.keyCharsMax - 10)}~${digest}`;
}

/** Names that our own SDKs give to the same. */
const systemNames: Readonly<Record<string, string>> = {
  cpu: 'cpu_percent',
  memory_percent: 'memory_percent',
  'proc.memory.percent': 'process/memory_percent',
  'proc.memory.rssMB': 'process/memory_rss_mb',
  'proc.memory.availableMB': 'memory_available_mb',
  'proc.cpu.threads': 'process/threads',
  'network.sent': 'network_sent_bytes',
  'network.recv': 'network_received_bytes',
};
const gpuNames: Readonly<Record<string, string>> = {
  gpu: 'utilization_percent',
  memory: 'memory_busy_percent',
  memoryAllocated: 'memory_used_percent',
  memoryAllocatedBytes: 'memory_used_bytes',
  temp: 'temperature_celsius',
  powerWatts: 'power_watts',
  powerPercent: 'power_percent',
  smClock: 'sm_clock_mhz',
  memoryClock: 'memory_clock_mhz',
};

/** "system.gpu.0.temp" is "system/gpu/0/temperature_celsius"; the writer's own label is told by its rank already. */
export function systemSeries(name: string): string {
  const rest = name.replace(/^system\./, '').replace(/\/l:[^/]*$/, '');
  const gpu = /^gpu\.(\d+)\.(.+)$/.exec(rest);
  if (gpu) return seriesName(`system/gpu/${gpu[1]}/${gpuNames[gpu[2]!] ?? gpu[2]}`);
  return seriesName(`system/${Object.hasOwn(systemNames, rest) ? systemNames[rest] : rest}`);
}

const clientNames = new Map(Object.entries(systemNames).map(([theirs, ours]) => [`system/${ours}`, theirs]));
const clientGpuNames = new Map(Object.entries(gpuNames).map(([theirs, ours]) => [ours, theirs]));

/** The other way: what a client calls a series of the system. */
export function clientSystemName(key: string): string {
  if (key === systemRuntimeKey) return runtimeKey;
  const gpu = /^system\/gpu\/(\d+)\/(.+)$/.exec(key);
  if (gpu) return `system.gpu.${gpu[1]}.${clientGpuNames.get(gpu[2]!) ?? gpu[2]}`;
  return `system.${clientNames.get(key) ?? key.replace(/^system\//, '')}`;
}
