import { readFileSync, readdirSync } from 'node:fs';

/** Texts of /proc and /sys. One that is not there, or not for us, is none. */
export interface Files {
  read(path: string): string | null;
  names(path: string): readonly string[];
}

export const machineFiles: Files = {
  read(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return null; // not this system, or not for us
    }
  },
  names(path) {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },
};

const sectorBytes = 512;
/** Devices that hold nothing of their own: what goes to them is counted where it arrives. */
const stacked = /^(loop|ram|zram|dm-|md|sr|fd|nbd)/;
const virtual = /^(lo|veth|docker|br-|virbr|cni|flannel|cali|tun|tap|dummy|kube-|bond|team|wg)/;

export const wordsOf = (line: string): string[] => line.split(/\s+/).filter((word) => word !== '');

/** null: "max", "N/A", or nothing. */
export function toNumber(text: string | null | undefined): number | null {
  const said = (text ?? '').trim();
  return said !== '' && Number.isFinite(Number(said)) ? Number(said) : null;
}

export const numberIn = (files: Files, path: string): number | null => toNumber(files.read(path));

/** Lines of a name and a number: meminfo (in kB, given in bytes), memory.stat, cpu.stat. */
export function numbersByName(text: string | null): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of (text ?? '').split('\n')) {
    const [name, said, unit] = wordsOf(line.replaceAll(':', ' '));
    const value = toNumber(said);
    if (name !== undefined && value !== null) found.set(name, unit === 'kB' ? value * 1_024 : value);
  }
  return found;
}

export type Pair = readonly [number, number];

/** [busy, all] ticks of all processors since boot. What guests use is part of user time already. */
export function cpuTimes(stat: string | null): Pair | null {
  const words = (stat ?? '').split('\n').map(wordsOf);
  const all = words.find(([name]) => name === 'cpu');
  if (!all || all.length <= 5) return null;
  const ticks = all.slice(1, 9).map(Number);
  const sum = ticks.reduce((a, b) => a + b, 0);
  return [sum - ticks[3]! - ticks[4]!, sum];
}

/** [read, written] of whole devices: their partitions are in them. */
export function diskBytes(diskstats: string | null, devices: readonly string[]): Pair | null {
  const whole = new Set(devices.filter((name) => !stacked.test(name)));
  const lines = (diskstats ?? '').split('\n').map(wordsOf);
  const rows = lines.filter((words) => words.length > 9 && whole.has(words[2]!));
  if (rows.length === 0) return null;
  const sum = (column: number): number => rows.reduce((total, row) => total + Number(row[column]), 0) * sectorBytes;
  return [sum(5), sum(9)];
}

/** [received, sent] through interfaces with hardware behind them; in a container, which has none, through all but the loopback and bridges. */
export function networkBytes(dev: string | null, hardware: readonly string[]): Pair | null {
  const rows = new Map<string, Pair>();
  for (const line of (dev ?? '').split('\n')) {
    const colon = line.indexOf(':');
    const words = wordsOf(line.slice(colon + 1));
    if (colon >= 0 && words.length > 8) rows.set(line.slice(0, colon).trim(), [Number(words[0]), Number(words[8])]);
  }
  const known = [...rows.keys()].filter((name) => hardware.includes(name));
  const chosen = known.length > 0 ? known : [...rows.keys()].filter((name) => !virtual.test(name));
  if (chosen.length === 0) return null;
  const sum = (side: 0 | 1): number => chosen.reduce((total, name) => total + rows.get(name)![side], 0);
  return [sum(0), sum(1)];
}

export interface ProcessFacts {
  readonly parent: number;
  readonly ticks: number;
  /** Tells a process from a later one of the same number. */
  readonly began: string;
  readonly pages: number;
}

export function processOf(stat: string | null): ProcessFacts | null {
  // the name between the brackets may hold anything
  const words = stat === null ? [] : wordsOf(stat.slice(stat.lastIndexOf(')') + 1));
  if (words.length <= 21) return null;
  const ticks = Number(words[11]) + Number(words[12]);
  return { parent: Number(words[1]), ticks, began: words[19]!, pages: Number(words[21]) };
}

/**
 * The group of this process in the hierarchy of a controller ('': the unified one), then those around it, to the root. A container often sees
 * its own group as the root, while /proc says where it lies outside: what is not there is passed over by whoever reads it.
 */
function groupFolders(files: Files, controller: string): string[] {
  const folders: string[] = [];
  for (const line of (files.read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, number, names, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (number === undefined || names === undefined || path === undefined) continue;
    const unified = number === '0' && names === '';
    if (unified !== (controller === '') || (!unified && !names.split(',').includes(controller))) continue;
    const own = files.names(`/sys/fs/cgroup/${names}`).length > 0 ? names : controller;
    const mount = unified ? '/sys/fs/cgroup' : `/sys/fs/cgroup/${own}`;
    for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
      folders.push(mount + (at === '/' ? '' : at));
      if (at === '' || at === '/') break;
    }
  }
  return folders;
}

const tightest = (found: readonly Pair[]): Pair | null =>
  [...found].sort(([a, x], [b, y]) => a - b || x - y)[0] ?? null;

/** [limit, used] in bytes of the tightest group around this process. What the kernel may take back at once (inactive file cache) is not used. */
export function memoryLimit(files: Files): Pair | null {
  const found: Pair[] = [];
  const look = (folder: string, limit: string, usage: string, cache: string): void => {
    const [most, used] = [numberIn(files, `${folder}/${limit}`), numberIn(files, `${folder}/${usage}`)];
    if (most === null || used === null) return;
    found.push([most, Math.max(0, used - (numbersByName(files.read(`${folder}/memory.stat`)).get(cache) ?? 0))]);
  };
  for (const folder of groupFolders(files, '')) look(folder, 'memory.max', 'memory.current', 'inactive_file');
  for (const folder of groupFolders(files, 'memory'))
    look(folder, 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file');
  return tightest(found);
}

/** [processors, seconds used] of the tightest group around this process that has a quota. */
export function cpuLimit(files: Files): Pair | null {
  const found: Pair[] = [];
  for (const folder of groupFolders(files, '')) {
    const [quota, period] = wordsOf(files.read(`${folder}/cpu.max`) ?? '').map(toNumber);
    const used = numbersByName(files.read(`${folder}/cpu.stat`)).get('usage_usec');
    if (quota && period && used !== undefined) found.push([quota / period, used / 1e6]);
  }
  const accounts = groupFolders(files, 'cpuacct');
  for (const [index, folder] of groupFolders(files, 'cpu').entries()) {
    const quota = numberIn(files, `${folder}/cpu.cfs_quota_us`);
    const period = numberIn(files, `${folder}/cpu.cfs_period_us`);
    const used = numberIn(files, `${accounts[index]}/cpuacct.usage`);
    if (quota !== null && quota > 0 && period && used !== null) found.push([quota / period, used / 1e9]);
  }
  return tightest(found);
}
