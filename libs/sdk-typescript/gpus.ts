import { spawn, type ChildProcess } from 'node:child_process';
import { numberIn, toNumber, type Files } from './machine-files.js';
import type { Sample } from './machine.js';

const joulesPerKwh = 3_600_000;
const mib = 1_048_576;

/** What is known of one GPU, by the names of metrics. */
export type Gpu = Readonly<Record<string, number>>;

const columns = [
  ['utilization_percent', 'utilization.gpu', 1],
  ['memory_used_bytes', 'memory.used', mib],
  ['memory_total_bytes', 'memory.total', mib],
  ['power_watts', 'power.draw', 1],
  ['temperature_celsius', 'temperature.gpu', 1],
  ['sm_clock_mhz', 'clocks.sm', 1],
] as const;

/** A line of nvidia-smi: the number of the GPU and what it tells; null: no such line. */
export function readSmiLine(line: string): readonly [number, Gpu] | null {
  const words = line.split(',');
  const index = toNumber(words[0]);
  if (index === null || words.length !== columns.length + 1) return null;
  const said = columns.flatMap(([key, , factor], column) => {
    const value = toNumber(words[column + 1]);
    return value === null ? [] : [[key, value * factor] as const];
  });
  return [index, Object.fromEntries(said)];
}

/** NVIDIA's GPUs as nvidia-smi tells them, one child that prints by itself and is never waited for; where it is not there, there are none. */
export class NvidiaGpus {
  readonly #told = new Map<number, { readonly gpu: Gpu; readonly at: number }>();
  readonly #child: ChildProcess;

  constructor(
    readonly intervalMs: number,
    command = 'nvidia-smi',
  ) {
    const query = `--query-gpu=index,${columns.map(([, name]) => name).join(',')}`;
    const every = ['-l', String(Math.max(1, Math.round(intervalMs / 1_000)))];
    this.#child = spawn(command, [query, '--format=csv,noheader,nounits', ...every], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child.on('error', () => undefined); // not there
    this.#child.unref();
    let rest = '';
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!.slice(-10_000);
      for (const line of lines) this.take(line);
    });
  }

  take(line: string): void {
    const told = readSmiLine(line);
    if (told) this.#told.set(told[0], { gpu: told[1], at: performance.now() });
  }

  /** By number; of one that fell silent nothing. */
  read(): readonly Gpu[] {
    const since = performance.now() - 3 * this.intervalMs - 2_000;
    const count = Math.max(0, ...[...this.#told.keys()].map((index) => index + 1));
    return Array.from({ length: count }, (_, index) => {
      const told = this.#told.get(index);
      return told && told.at >= since ? told.gpu : {};
    });
  }

  close(): void {
    this.#child.kill('SIGKILL');
    this.#child.stdout!.destroy();
  }
}

/** AMD's (Documentation/gpu/amdgpu of the kernel): files of the driver beside the card, its sensors under hwmon. */
export function readAmdGpus(files: Files): readonly Gpu[] {
  const cards = files.names('/sys/class/drm').filter((name) => /^card\d+$/.test(name));
  return cards
    .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
    .map((card) => `/sys/class/drm/${card}/device`)
    .filter((folder) => files.read(`${folder}/gpu_busy_percent`) !== null)
    .map((folder) => readAmdGpu(files, folder));
}

function readAmdGpu(files: Files, folder: string): Gpu {
  const sensors = [...files.names(`${folder}/hwmon`)].sort().map((name) => `${folder}/hwmon/${name}`);
  const sensed = (...names: string[]): string[] =>
    sensors.flatMap((sensor) => names.map((name) => `${sensor}/${name}`));
  const told: readonly (readonly [string, number, readonly string[]])[] = [
    ['utilization_percent', 1, [`${folder}/gpu_busy_percent`]],
    ['memory_used_bytes', 1, [`${folder}/mem_info_vram_used`]],
    ['memory_total_bytes', 1, [`${folder}/mem_info_vram_total`]],
    ['power_watts', 1e-6, sensed('power1_average', 'power1_input')],
    ['temperature_celsius', 1e-3, sensed('temp1_input')],
    ['sm_clock_mhz', 1e-6, sensed('freq1_input')],
  ];
  const known = told.flatMap(([key, factor, paths]) => {
    const value = paths.map((path) => numberIn(files, path)).find((said) => said !== null) ?? null;
    return value === null ? [] : [[key, value * factor] as const];
  });
  return Object.fromEntries(known);
}

/** What the GPUs have used since this began, by their power. */
export class Energy {
  kwh: number | null = null;
  readonly #before = new Map<number, readonly [number, number]>();

  constructor(readonly begunWith = 0) {}

  /** `at` in seconds. */
  metrics(gpus: readonly Gpu[], at: number): Sample {
    const values: Sample = {};
    for (const [index, gpu] of gpus.entries()) {
      const watts = gpu['power_watts'];
      if (watts !== undefined) this.#add(index, watts, at);
      for (const [key, value] of Object.entries(gpu)) values[`system/gpu/${index}/${key}`] = value;
    }
    if (this.kwh !== null) values['system/energy_kwh'] = this.kwh;
    return values;
  }

  #add(index: number, watts: number, at: number): void {
    const [beforeAt, before] = this.#before.get(index) ?? [at, watts];
    this.#before.set(index, [at, watts]);
    this.kwh = (this.kwh ?? this.begunWith) + (((watts + before) / 2) * (at - beforeAt)) / joulesPerKwh;
  }
}
