import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Meta } from './batches.js';
import { energyUsed } from './energy.js';
import type { Gone } from './gone.js';
import type { JournalState } from './journal.js';
import { Sampler } from './sampler.js';
import { SpoolReader } from './spool.js';
import type { Message } from './wire.js';

const lookMs = 100;

export interface SaidOfSystem {
  readonly name: 'SummarySet';
  readonly data: Message;
  readonly timeMs: number;
  readonly energy?: boolean;
}

export interface SamplingOptions {
  readonly folder: string;
  readonly parentPid: number;
  readonly meta: Meta;
  readonly gone: Gone;
  readonly state: JournalState;
  readonly say: (said: SaidOfSystem) => void;
}

/** The part of a sender that has system metrics sampled, and says their last word before the run ends. */
export class Sampling {
  readonly #options: SamplingOptions;
  #sampler: Sampler | null = null;
  #over = false;
  #lookedAt = -Infinity;
  #reader: SpoolReader | null = null;

  constructor(options: SamplingOptions) {
    this.#options = options;
  }

  start(): void {
    const { folder, meta, parentPid, gone, state } = this.#options;
    // what a dead process left is delivered, it is not measured any more
    if (!meta.system || parentPid === 0 || state.finished || gone.looked()) return;
    const ended = (): boolean => gone.looked();
    const dropped = (count: number): void => this.#sayDropped(count);
    try {
      this.#sampler = new Sampler({ folder, meta, pid: parentPid, ended, dropped });
    } catch (error) {
      process.stderr.write(`system metrics are not sampled: ${String(error)}\n`);
    }
  }

  /** The run is over: no sample is later, and what its energy came to is known. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#sampler?.stop();
    const { folder, meta, gone, state, say } = this.#options;
    const used = state.energy || state.finished ? null : energyUsed(folder, meta);
    if (used) say({ name: 'SummarySet', data: { values: [used] }, timeMs: gone.atMs(), energy: true });
  }

  get reader(): SpoolReader | null {
    const folder = join(this.#options.folder, 'system');
    if (this.#reader === null && existsSync(folder)) this.#reader = new SpoolReader(folder);
    return this.#reader;
  }

  /** The samples when it is time to look for new ones: they come rarely, and looking costs. */
  news(): SpoolReader | null {
    const now = performance.now();
    if (this.#sampler !== null && !this.#over && now - this.#lookedAt < lookMs) return null;
    this.#lookedAt = now;
    return this.reader;
  }

  /** Samples are still to come, or to be delivered: the end of the run is said after them. */
  get open(): boolean {
    const { state } = this.#options;
    if (state.finished) return false;
    if (this.#sampler !== null && !this.#over) return true;
    return this.reader?.scan(state.system).next().done === false;
  }

  #sayDropped(count: number): void {
    const { state, say } = this.#options;
    state.unsampled += count;
    const values = [{ key: 'runstream.dropped_samples', json: String(state.unsampled) }];
    say({ name: 'SummarySet', data: { values }, timeMs: Date.now() });
  }
}
