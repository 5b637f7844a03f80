import {
  cpuLimit,
  cpuTimes,
  diskBytes,
  memoryLimit,
  networkBytes,
  numbersByName,
  processOf,
  wordsOf,
  type Files,
  type Pair,
} from './machine-files.js';

export type Sample = Record<string, number>;

const treeCostMs = 5;

/** How fast counters grow. One that went back, or was not there, says nothing this time. */
class Rates {
  readonly #before = new Map<string, Pair>();

  /** At times in seconds. */
  of(name: string, value: number, at: number): number | null {
    const before = this.#before.get(name);
    this.#before.set(name, [value, at]);
    return before === undefined || value < before[0] || at <= before[1] ? null : (value - before[0]) / (at - before[1]);
  }
}

/** The container where it has limits, else the machine. A reading gives what is; what happens per second is known from the second one on. */
export class Host {
  readonly #rates = new Rates();

  constructor(readonly files: Files) {}

  /** `disk`: bytes used and free of the working folder; `load`: of the last minute. null: not known. */
  read(at: number, disk: Pair | null, load: number | null): Sample {
    const { files } = this;
    const values: Sample = {};
    const cpu = this.#cpu(at);
    if (cpu !== null) values['system/cpu_percent'] = cpu;
    if (load !== null) values['system/load_1m'] = load;
    Object.assign(values, memoryOf(files));
    if (disk !== null) Object.assign(values, { 'system/disk_used_bytes': disk[0], 'system/disk_free_bytes': disk[1] });
    const disks = diskBytes(files.read('/proc/diskstats'), files.names('/sys/block'));
    this.#perSecond(values, 'system/disk_read_bytes_per_s', 'system/disk_write_bytes_per_s', disks, at);
    const hardware = files
      .names('/sys/class/net')
      .filter((name) => files.names(`/sys/class/net/${name}/device`).length > 0);
    const network = networkBytes(files.read('/proc/net/dev'), hardware);
    this.#perSecond(values, 'system/network_received_bytes_per_s', 'system/network_sent_bytes_per_s', network, at);
    return values;
  }

  #perSecond(values: Sample, first: string, second: string, counters: Pair | null, at: number): void {
    for (const [index, key] of [first, second].entries()) {
      const rate = counters === null ? null : this.#rates.of(key, counters[index]!, at);
      if (rate !== null) values[key] = rate;
    }
  }

  #cpu(at: number): number | null {
    const [ticks, limit] = [cpuTimes(this.files.read('/proc/stat')), cpuLimit(this.files)];
    if (ticks === null) return null;
    // both are followed: a quota may come and go
    const [busy, passed] = [this.#rates.of('busy', ticks[0], at), this.#rates.of('ticks', ticks[1], at)];
    const used = limit === null ? null : this.#rates.of('quota', limit[1], at);
    if (limit !== null) return used === null ? null : (100 * used) / limit[0];
    // all of it can be a bit more than all in floating point
    return busy === null || !passed ? null : Math.min(100, (100 * busy) / passed);
  }
}

function memoryOf(files: Files): Sample {
  const memory = numbersByName(files.read('/proc/meminfo'));
  const total = memory.get('MemTotal');
  if (total === undefined) return {};
  const parts = (memory.get('MemFree') ?? 0) + (memory.get('Buffers') ?? 0) + (memory.get('Cached') ?? 0);
  const available = memory.get('MemAvailable') ?? parts;
  const limit = memoryLimit(files);
  const limited = limit !== null && limit[0] < total;
  return {
    'system/memory_used_bytes': limited ? limit[1] : total - available,
    'system/memory_available_bytes': limited ? Math.max(0, Math.min(limit[0] - limit[1], available)) : available,
  };
}

export interface TreeOptions {
  readonly pid: number;
  /** Not this one, nor what it has started: the sender. */
  readonly without: number;
  readonly ticksPerS: number;
  readonly pageBytes: number;
}

/** A process and all that descend from it. */
export class ProcessTree {
  #members: readonly number[] = [];
  #before = new Map<string, number>();
  #at: number | null = null;
  #lookAgain = 0;

  constructor(
    readonly files: Files,
    readonly options: TreeOptions,
  ) {}

  read(at: number): Sample {
    if (this.#lookAgain <= 0) {
      const began = performance.now();
      this.#members = this.#find();
      // a tree of very many threads is walked more rarely
      this.#lookAgain = 1 + Math.floor((performance.now() - began) / treeCostMs);
    }
    this.#lookAgain -= 1;
    const ticks = new Map<string, number>();
    let pages = 0;
    for (const pid of this.#members) {
      const known = processOf(this.files.read(`/proc/${pid}/stat`));
      if (known === null) continue;
      ticks.set(`${pid} ${known.began}`, known.ticks);
      pages += known.pages;
    }
    if (ticks.size === 0) return {};
    const values: Sample = {};
    if (this.#at !== null && at > this.#at) {
      let spent = 0;
      for (const [name, now] of ticks) spent += Math.max(0, now - (this.#before.get(name) ?? 0));
      values['system/process/cpu_percent'] = (100 * spent) / this.options.ticksPerS / (at - this.#at);
    }
    values['system/process/memory_rss_bytes'] = pages * this.options.pageBytes;
    this.#before = ticks;
    this.#at = at;
    return values;
  }

  #find(): readonly number[] {
    const { files } = this;
    const { pid: root, without } = this.options;
    // a kernel may keep no lists of children
    const listed = files.read(`/proc/${root}/task/${root}/children`) !== null;
    const childrenOf = listed
      ? (pid: number): number[] =>
          files
            .names(`/proc/${pid}/task`)
            .flatMap((task) => wordsOf(files.read(`/proc/${pid}/task/${task}/children`) ?? '').map(Number))
      : this.#childrenByScan();
    const found = new Set([without]);
    for (const waiting = [root]; waiting.length > 0;) {
      const pid = waiting.pop()!;
      if (found.has(pid)) continue;
      found.add(pid);
      waiting.push(...childrenOf(pid));
    }
    found.delete(without);
    return [...found];
  }

  #childrenByScan(): (pid: number) => number[] {
    const byParent = new Map<number, number[]>();
    for (const name of this.files.names('/proc')) {
      const known = /^\d+$/.test(name) ? processOf(this.files.read(`/proc/${name}/stat`)) : null;
      if (known !== null) byParent.set(known.parent, [...(byParent.get(known.parent) ?? []), Number(name)]);
    }
    return (pid) => byParent.get(pid) ?? [];
  }
}
