import { statfs } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { Meta } from './batches.js';
import { keepEnergy, sharedEnergyOf } from './energy.js';
import { Energy, NvidiaGpus, readAmdGpus } from './gpus.js';
import { HostSeat } from './host-seat.js';
import { machineFiles, type Pair } from './machine-files.js';
import { Host, ProcessTree, type Sample } from './machine.js';
import { SampleWriter, unitsOf } from './samples.js';

export interface SamplerOptions {
  readonly folder: string;
  readonly meta: Meta;
  /** The training process. */
  readonly pid: number;
  /** Whether the run is over. */
  readonly ended: () => boolean;
  /** Told how many samples could not be kept, when one could again. */
  readonly dropped: (count: number) => void;
}

/** System metrics, sampled in the sender: of the training's processes by every sender, of the host by one of them. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #intervalMs: number;
  readonly #writer: SampleWriter;
  readonly #tree: ProcessTree;
  readonly #seat: HostSeat;
  readonly #said = new Set<string>();
  #host: { readonly host: Host; readonly nvidia: NvidiaGpus; readonly energy: Energy } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #lost = 0;

  constructor(options: SamplerOptions) {
    const { folder, meta, pid } = options;
    this.#options = options;
    this.#intervalMs = meta.system!.intervalMs;
    this.#writer = new SampleWriter(join(folder, 'system'));
    this.#tree = new ProcessTree(machineFiles, { pid, without: process.pid, ...unitsOf() });
    this.#seat = new HostSeat(meta.run, meta.rank);
    // what the first sample is compared with; rank 0 is what people look at first: the others do not ask for the seat at once
    void this.#measure(meta.rank === 0).then(() => this.#wait(this.#intervalMs));
  }

  /** When it returns, nothing is written any more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#seat.leave();
    this.#host?.nvidia.close();
    if (this.#lost > 0) this.#options.dropped(this.#lost);
    this.#writer.close();
  }

  #wait(ms: number): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#sample(), ms);
  }

  async #sample(): Promise<void> {
    const dueMs = performance.now() + this.#intervalMs;
    const values = await this.#measure();
    if (!this.#stopped && this.#options.ended()) this.stop(); // the sender may be busy with a server that is away
    if (this.#stopped) return;
    if (Object.keys(values).length > 0) this.#keep(values);
    this.#wait(Math.max(0, dueMs - performance.now()));
  }

  async #measure(host = true): Promise<Sample> {
    try {
      const at = performance.now() / 1_000;
      const values = this.#tree.read(at);
      if (host && (await this.#seat.taken())) Object.assign(values, await this.#readHost());
      // a run that ended meanwhile has left the seat already
      if (this.#stopped) this.#seat.leave();
      return values;
    } catch (error) {
      this.#say(`not measured: ${String(error)}`); // an odd machine costs its metrics, not the delivery
      return {};
    }
  }

  async #readHost(): Promise<Sample> {
    const { meta } = this.#options;
    const disk = await spaceOf(meta.system!.cwd);
    const at = performance.now() / 1_000;
    if (this.#stopped) return {};
    this.#host ??= {
      host: new Host(machineFiles),
      nvidia: new NvidiaGpus(this.#intervalMs),
      energy: new Energy(sharedEnergyOf(meta) ?? 0),
    };
    const { host, nvidia, energy } = this.#host;
    const load = process.platform === 'win32' ? null : loadavg()[0]!;
    return { ...host.read(at, disk, load), ...energy.metrics([...nvidia.read(), ...readAmdGpus(machineFiles)], at) };
  }

  #keep(values: Sample): void {
    const now = Date.now();
    // Unix seconds, so that the steps of no attempt or process meet those of another; a clock that went back counts on
    const step = Math.max(Math.floor(now / 1_000), this.#writer.lastStep + 1);
    try {
      this.#writer.append(step, now, values);
      if (this.#lost > 0) this.#options.dropped(this.#lost);
      this.#lost = 0;
      const kwh = this.#host?.energy.kwh ?? null;
      if (kwh !== null) keepEnergy(this.#options.folder, this.#options.meta, kwh);
    } catch (error) {
      this.#lost += 1;
      this.#say(`samples are not kept: ${String(error)}`);
    }
  }

  #say(words: string): void {
    if (this.#said.has(words) || this.#said.size >= 20) return;
    this.#said.add(words);
    process.stderr.write(`system metrics: ${words}\n`);
  }
}

/** Bytes used and free of the file system of a folder; null: it was removed. */
async function spaceOf(folder: string): Promise<Pair | null> {
  try {
    const { blocks, bfree, bavail, bsize } = await statfs(folder);
    return [(blocks - bfree) * bsize, bavail * bsize];
  } catch {
    return null;
  }
}
